package metadata

import (
	"context"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// maxSeen bounds the memory of fetches; beyond it they are looked up again.
const maxSeen = 10_000

// fetch is that a service provider's metadata was fetched with a key in it.
type fetch struct{ key, entityID string }

// complete makes the certificates of keys that were requested by a function
// which may not sign, before what is published is looked up.
func (h *Handlers) complete(ctx context.Context) {
	for _, rec := range h.Keys.Complete(ctx) {
		h.Record(ctx, idp.AuditEvent{
			Event: idp.AuditKeyChanged, Actor: "system", Outcome: "ok",
			Detail: map[string]string{"action": "key.certified", "key": rec.ID, "state": string(rec.State)},
		})
	}
}

// fetched records that the service provider's own metadata was fetched with
// the keys that it may not know yet. Anybody can fetch it, so this is a hint
// for administrators and decides nothing. Each instance reads once, and one of
// them writes once, for each service provider and key; where that fails the
// answer is none the worse.
func (h *Handlers) fetched(ctx context.Context, sp *idp.ServiceProvider) {
	if sp.SigningKey != "" {
		return
	}
	learning, err := h.Keys.Learning(ctx)
	if err != nil {
		return // what was published came from memory
	}
	for _, key := range learning {
		f := fetch{key, sp.EntityID}
		if !h.first(f) {
			continue
		}
		if err := h.Store.KeyFetched(ctx, key, sp.EntityID); err != nil {
			h.Log.WarnContext(ctx, "fetch not recorded", "event", "key.fetched", "key", key, "sp", sp.Slug,
				"corr_id", web.RecordFrom(ctx).CorrID, "err", err)
			h.forget(f)
		}
	}
}

// first reports whether nobody has asked for f, and remembers it.
func (h *Handlers) first(f fetch) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen[f] {
		return false
	}
	if len(h.seen) >= maxSeen {
		clear(h.seen)
	}
	h.seen[f] = true
	return true
}

func (h *Handlers) forget(f fetch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.seen, f)
}
