package mdrefresh

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/store"
)

const (
	outcomeOK     = "ok"
	outcomeFailed = "failed"

	maxDetail = 8 << 10 // bytes of a member of an audit event
)

// accept takes what was fetched as what is in force.
func accept(src *idp.MetadataSource, in *metadata.Imported, got *fetched, now idp.Millis) {
	src.Facts, src.Pending = in.Facts, nil
	src.Signature, src.ValidUntil = in.SP.MetadataSigned, validUntil(in)
	received(src, in, got, now)
}

func validUntil(in *metadata.Imported) idp.Millis {
	if in.ValidUntil.IsZero() {
		return 0
	}
	return idp.At(in.ValidUntil)
}

// received remembers what the next question needs.
func received(src *idp.MetadataSource, in *metadata.Imported, got *fetched, now idp.Millis) {
	src.ETag, src.LastModified = got.etag, got.lastModified
	src.CacheDuration = int64(in.CacheDuration / time.Second)
	well(src, now)
}

// well notes that the source answered, and when it is asked again: at its
// cacheDuration, within our bounds; earlier where what is in force would expire
// before, so that there is a second try.
func well(src *idp.MetadataSource, now idp.Millis) {
	src.FetchedAt, src.Failure, src.FailingSince = now, "", 0
	wait := usually
	if src.CacheDuration > 0 {
		wait = min(max(time.Duration(src.CacheDuration)*time.Second, least), most)
	}
	if left := src.ValidUntil.Sub(now); src.ValidUntil != 0 && left > 0 && wait > left/2 {
		wait = max(left/2, least)
	}
	src.NextAt = now.Add(wait)
}

// same stores a source whose service provider does not change.
func (r *Runner) same(ctx context.Context, actor string, src *idp.MetadataSource) (Outcome, error) {
	if err := r.save(ctx, actor, src); err != nil {
		return Outcome{}, err
	}
	if src.Pending != nil {
		return Outcome{Result: Pending, Source: src, Changes: src.Pending.Changes, Reasons: src.Pending.Reasons}, nil
	}
	return Outcome{Result: Unchanged, Source: src}, nil
}

// vouched stores a source whose metadata says the same as before, on another
// word: a key was pinned, or is pinned no more. Release rules go by that.
func (r *Runner) vouched(ctx context.Context, actor string, sp *idp.ServiceProvider, src *idp.MetadataSource) (Outcome, error) {
	next := *sp
	next.MetadataSigned = src.Signature
	e := r.event(ctx, idp.AuditMetadataApplied, actor, src, detailOf(nil, nil, src.Signature))
	err := r.recorded(ctx, e, func() error { return r.Store.SaveRefreshed(ctx, &next, src) })
	return Outcome{Result: Unchanged, Source: src}, err
}

// save stores a source after it has told, once, that what is in force expired.
// It stays in force: switching applications off because somebody else's
// metadata server is down would do the harm that validUntil is to prevent.
func (r *Runner) save(ctx context.Context, actor string, src *idp.MetadataSource) error {
	expired := src.ValidUntil != 0 && src.ValidUntil.Over(r.Clock.Now())
	if expired && !src.Expired {
		if err := r.Audit.Write(ctx, r.event(ctx, idp.AuditMetadataExpired, actor, src, map[string]string{
			"valid_until": src.ValidUntil.Time().Format(time.RFC3339), "reason": src.Failure,
		})); err != nil {
			return err
		}
		r.alert(ctx, idp.AuditMetadataExpired, "metadata has expired and is used all the same", src)
	}
	src.Expired = expired
	return r.Store.SaveMetadataSource(ctx, src)
}

// fail notes a failure; the first of a row is recorded.
func (r *Runner) fail(ctx context.Context, actor string, src *idp.MetadataSource, failure error) (Outcome, error) {
	e := idp.AsError(failure)
	if e.Code != idp.Invalid && e.Code != idp.BadRequest {
		return Outcome{}, failure
	}
	now := r.Clock.Now()
	first := src.Failure == ""
	src.Failure = e.Detail
	if first {
		src.FailingSince = now
		if err := r.Audit.Write(ctx, r.event(ctx, idp.AuditMetadataFailed, actor, src, map[string]string{"reason": e.LogReason(), "detail": e.Detail})); err != nil {
			return Outcome{}, err
		}
	}
	src.NextAt = now.Add(least)
	r.Log.WarnContext(ctx, "metadata was not refreshed", "event", idp.AuditMetadataFailed, "sp", src.EntityID, "reason", e.LogReason(), "error", e.Error())
	return Outcome{Result: Failed, Source: src}, r.save(ctx, actor, src)
}

// apply brings changes into force: the audit trail first.
func (r *Runner) apply(ctx context.Context, actor string, sp *idp.ServiceProvider, src *idp.MetadataSource, in *metadata.Imported, got *fetched, d Decision) (Outcome, error) {
	base := src.Facts
	accept(src, in, got, r.Clock.Now())
	src.Expired = false // Decide lets nothing expired through
	e := r.event(ctx, idp.AuditMetadataApplied, actor, src, detailOf(d.Changes, nil, src.Signature))
	err := r.recorded(ctx, e, func() error {
		return r.Store.SaveRefreshed(ctx, Merge(sp, base, in.Facts, src.Signature), src)
	})
	return Outcome{Result: Applied, Source: src, Changes: d.Changes}, err
}

// wait stores changes for an administrator; the same ones are told once.
func (r *Runner) wait(ctx context.Context, actor string, src *idp.MetadataSource, in *metadata.Imported, got *fetched, d Decision) (Outcome, error) {
	id, now := changeID(d.Changes), r.Clock.Now()
	known := src.Pending != nil && src.Pending.ID == id
	found := now
	if known {
		found = src.Pending.FoundAt
	}
	src.Pending = &idp.PendingMetadata{
		ID: id, FoundAt: found, Facts: in.Facts, Signature: in.SP.MetadataSigned, ValidUntil: validUntil(in),
		Changes: d.Changes, Reasons: d.Reasons,
	}
	received(src, in, got, now)
	if !known {
		e := r.event(ctx, idp.AuditMetadataPending, actor, src, detailOf(d.Changes, d.Reasons, in.SP.MetadataSigned))
		if err := r.Audit.Write(ctx, e); err != nil {
			return Outcome{}, err
		}
		r.alert(ctx, idp.AuditMetadataPending, "changed metadata waits for an administrator", src)
	}
	return r.same(ctx, actor, src)
}

// Approve brings the pending change with this ID into force; store.ErrNotFound
// if there is no pending change, store.ErrConflict if it is another one by now.
func (r *Runner) Approve(ctx context.Context, actor, entityID, id string) (Outcome, error) {
	src, err := r.Store.MetadataSource(ctx, entityID)
	if err != nil {
		return Outcome{}, err
	}
	p := src.Pending
	if p == nil {
		return Outcome{}, store.ErrNotFound
	}
	if p.ID != id {
		return Outcome{}, store.ErrConflict
	}
	sp, err := r.Store.ServiceProvider(ctx, entityID)
	if err != nil {
		return Outcome{}, err
	}
	next := Merge(sp, src.Facts, p.Facts, p.Signature)
	src.Facts, src.Signature, src.ValidUntil, src.Pending = p.Facts, p.Signature, p.ValidUntil, nil
	src.Expired = src.ValidUntil != 0 && src.ValidUntil.Over(r.Clock.Now()) // the reasons said so
	e := r.event(ctx, idp.AuditMetadataApproved, actor, src, detailOf(p.Changes, p.Reasons, p.Signature))
	e.Detail["change"] = id
	err = r.recorded(ctx, e, func() error { return r.Store.SaveRefreshed(ctx, next, src) })
	return Outcome{Result: Applied, Source: src, Changes: p.Changes, Reasons: p.Reasons}, err
}

// FactsOf are those that stand in for the metadata of a service provider whose
// metadata is not known: what is in force.
func FactsOf(sp *idp.ServiceProvider) idp.MetadataFacts {
	return idp.MetadataFacts{
		EntityID: sp.EntityID, ACS: sp.ACS, SLO: sp.SLO, SigningCerts: sp.SigningCerts, EncryptCerts: sp.EncryptCerts,
		EncryptionMethods: sp.EncryptionMethods, AttributeServices: sp.AttributeServices, EntityAttributes: sp.EntityAttributes,
		NameIDFormats: sp.NameIDFormats, AuthnRequestsSigned: sp.RequireSignedRequests, WantAssertionsSigned: true,
	}
}

// recorded writes the audit event and then makes the change; one that fails
// leaves a second event that says so.
func (r *Runner) recorded(ctx context.Context, e idp.AuditEvent, do func() error) error {
	if err := r.Audit.Write(ctx, e); err != nil {
		return store.NotAudited(e, err)
	}
	err := do()
	if err != nil {
		e.Outcome = outcomeFailed
		if err := r.Audit.Write(ctx, e); err != nil {
			r.Log.ErrorContext(ctx, "audit write failed", "event", e.Event, "error", err.Error())
		}
	}
	return err
}

func (r *Runner) event(ctx context.Context, kind, actor string, src *idp.MetadataSource, detail map[string]string) idp.AuditEvent {
	client := idp.ClientFrom(ctx) // of an administrator's call; a schedule has none
	detail["url"] = src.URL
	return idp.AuditEvent{Event: kind, Actor: actor, SP: src.EntityID, IP: client.IP, Place: client.Place, Outcome: outcomeOK, Detail: detail}
}

func (r *Runner) alert(ctx context.Context, reason, words string, src *idp.MetadataSource) {
	r.Log.ErrorContext(ctx, words, "event", "alert", "reason", reason, "sp", src.EntityID)
}

// detailOf tells of each change what was before and what is after.
func detailOf(changes []idp.MetadataChange, reasons []string, signature string) map[string]string {
	lines := make([]string, len(changes))
	for i, c := range changes {
		lines[i] = fmt.Sprintf("%s: %q -> %q", c.What, c.Before, c.After)
	}
	detail := map[string]string{"changes": cut(strings.Join(lines, "\n"))}
	if len(reasons) > 0 {
		detail["reasons"] = cut(strings.Join(reasons, "\n"))
	}
	if signature != "" {
		detail["signature"] = signature
	}
	return detail
}

func cut(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	return strings.ToValidUTF8(s[:maxDetail], "") + "..."
}
