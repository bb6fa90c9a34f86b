package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/json"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// examination looks at the events of one hour, in order.
type examination struct {
	sealer
	Hour
	day    string
	heads  map[string]*head
	digest digest
}

// head is the last event of a chain so far.
type head struct {
	n, key int
	mac    []byte // nil: that event is not as it was
}

// examine reads an hour and checks its events; what a checkpoint says of them
// is not looked at.
func (v *Verifier) examine(ctx context.Context, hour time.Time) (*examination, error) {
	x := &examination{
		sealer: sealer{v.Masters}, Hour: Hour{Hour: hour.UTC().Format(idp.AuditHour)},
		day: dayOf(hour), heads: map[string]*head{}, digest: newDigest(),
	}
	err := v.Store.AuditItems(ctx, hour, x.add)
	x.Chains = len(x.heads)
	return x, err
}

func (x *examination) add(id string, data []byte) {
	x.Events++
	x.digest.add(id, data)
	value, seal, err := store.OpenAudit(data)
	var e idp.AuditEvent
	if err == nil {
		err = json.Unmarshal(value, &e)
	}
	switch {
	case err != nil:
		x.find(Altered, id, "this is not an audit event")
	case seal == nil:
		x.find(Unsealed, id, "the event has no seal, and all that we write have one")
	default:
		x.link(id, seal, x.authentic(id, value, &e, seal))
	}
}

// authentic reports whether an event is as its writer wrote it, or finds what
// is wrong.
func (x *examination) authentic(id string, value []byte, e *idp.AuditEvent, seal *idp.AuditSeal) bool {
	if seal.Key == 0 {
		if !keyless(e) {
			x.find(Keyless, id, "the event is sealed without a key, and whoever writes %s has one", clip(e.Event))
			return false
		}
		x.Keyless++
	}
	want, err := x.event(x.day, id, value, seal)
	switch {
	case err != nil:
		x.find(UnknownKey, id, "there is no master key of version %d", seal.Key)
	case !hmac.Equal(want, seal.MAC):
		x.find(Altered, id, "the event was changed, moved, or sealed with another key")
	default:
		return true
	}
	return false
}

// link puts an event behind the one before in its chain. Of one that is not
// authentic only the place counts, so that it is not missed as well.
func (x *examination) link(id string, seal *idp.AuditSeal, authentic bool) {
	h := x.heads[seal.Chain]
	if !authentic {
		if h != nil && seal.N == h.n+1 {
			h.n, h.mac = seal.N, nil
		} else if h == nil && seal.N == 1 {
			x.heads[seal.Chain] = &head{n: 1, key: seal.Key}
		}
		return
	}
	if h == nil {
		h = &head{key: seal.Key}
		x.heads[seal.Chain] = h
	}
	follows := h.mac == nil || bytes.Equal(seal.Prev, h.mac)
	if seal.N == 1 {
		follows = seal.Chain == id && len(seal.Prev) == 0
	}
	switch {
	case seal.N == h.n+2:
		x.find(Missing, id, "event %d of chain %s is missing before this one", h.n+1, clip(seal.Chain))
	case seal.N > h.n+2:
		x.find(Missing, id, "events %d to %d of chain %s are missing before this one", h.n+1, seal.N-1, clip(seal.Chain))
	case seal.N <= h.n, !follows, seal.Key != h.key:
		x.find(OutOfOrder, id, "the event does not continue chain %s", clip(seal.Chain))
	}
	h.n, h.mac = max(h.n, seal.N), seal.MAC
}
