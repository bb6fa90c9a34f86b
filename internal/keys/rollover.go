package keys

import (
	"context"
	"fmt"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Ensure makes the first key's record if there is none: it opens DefaultRef
// and has the key sign its own certificate. Of several instances that do so at
// once one wins, and the others use its record. It does not open a key that
// exists already; Active does, and tests it.
func (r *Ring) Ensure(ctx context.Context) error {
	v, err := r.load(ctx)
	if err != nil {
		return err
	}
	if len(v.records) > 0 {
		return nil
	}
	rec, err := r.newRecord(ctx, recordID(1), r.opt.DefaultRef)
	if err != nil {
		return fmt.Errorf("make the first signing key: %w", err)
	}
	rec.State, rec.ActivatedAt = Active, rec.CreatedAt
	_, saveErr := r.opt.Records.Save(ctx, rec)
	if v, err = r.load(ctx); err == nil && len(v.records) > 0 {
		return nil // ours, or that of the instance that was first
	}
	if saveErr != nil {
		return fmt.Errorf("save the first signing key: %w", saveErr)
	}
	return err
}

// Announce publishes a certificate of the key that ref names, so that service
// providers learn it before it signs.
func (r *Ring) Announce(ctx context.Context, ref string) (Record, error) {
	records, err := r.List(ctx)
	if err != nil {
		return Record{}, err
	}
	// Records are never deleted, so their number gives the next ID, and two
	// announcements at once collide in Save.
	rec, err := r.newRecord(ctx, recordID(len(records)+1), ref)
	if err != nil {
		return Record{}, fmt.Errorf("announce key %s: %w", ref, err)
	}
	rec.State = Next
	return r.save(ctx, rec)
}

// Activate lets a published key sign from now on; the one that signed before
// stays published as previous. It also takes a previous key back into use. The
// key is opened and tested first. Instances follow within a minute.
func (r *Ring) Activate(ctx context.Context, id string) (Record, error) {
	records, rec, err := r.find(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if rec.State != Next && rec.State != Previous {
		return Record{}, refuse(rec, "only a next or previous key can be activated")
	}
	pair, err := r.openRecord(ctx, rec)
	if err != nil {
		return Record{}, err
	}
	if err := pair.Check(ctx); err != nil {
		return Record{}, fmt.Errorf("test signing key %s: %w", id, err)
	}

	// The new key is stored first: an interruption leaves two active keys, of
	// which the later one signs, and never none.
	rec.State, rec.ActivatedAt = Active, r.opt.Clock.Now()
	for _, other := range records {
		rec.ActivatedAt = max(rec.ActivatedAt, other.ActivatedAt+1)
	}
	if rec, err = r.save(ctx, rec); err != nil {
		return Record{}, err
	}
	return rec, r.demote(ctx, records)
}

// demote makes the records that were active previous ones.
func (r *Ring) demote(ctx context.Context, records []Record) error {
	for _, old := range records {
		if old.State != Active {
			continue
		}
		old.State = Previous
		if _, err := r.save(ctx, old); err != nil {
			return err
		}
	}
	return nil
}

// Retire stops publishing a key that does not sign: an old one after a
// rollover, or a next one that is not wanted any more. It cannot be undone;
// the same key can be announced again with a new certificate.
func (r *Ring) Retire(ctx context.Context, id string) (Record, error) {
	records, rec, err := r.find(ctx, id)
	if err != nil {
		return Record{}, err
	}
	switch {
	case rec.State == Retired:
		return Record{}, refuse(rec, "it needs no retiring")
	case rec.State == Active && records[0].ID == id:
		return Record{}, refuse(rec, "activate another key first")
	}
	rec.State = Retired
	return r.save(ctx, rec)
}

// newRecord opens a key and has it certify itself.
func (r *Ring) newRecord(ctx context.Context, id, ref string) (Record, error) {
	key, err := r.opt.Open(ctx, ref)
	if err != nil {
		return Record{}, err
	}
	now := r.opt.Clock()
	der, err := selfSigned(ctx, key, template{issuer: r.opt.Issuer, years: r.opt.Years, now: now}, r.opt.Random)
	if err != nil {
		return Record{}, err
	}
	return Record{ID: id, Ref: ref, Certificate: der, CreatedAt: idp.At(now)}, nil
}

// find returns the stored records and the one with this ID.
func (r *Ring) find(ctx context.Context, id string) ([]Record, Record, error) {
	records, err := r.List(ctx)
	if err != nil {
		return nil, Record{}, err
	}
	for _, rec := range records {
		if rec.ID == id {
			return records, rec, nil
		}
	}
	return nil, Record{}, idp.E(idp.NotFound, "no signing key %q", id)
}

// save stores a record and makes this instance look at the store again.
func (r *Ring) save(ctx context.Context, rec Record) (Record, error) {
	saved, err := r.opt.Records.Save(ctx, rec)
	if err != nil {
		return Record{}, fmt.Errorf("save signing key %s: %w", rec.ID, err)
	}
	if v := r.view.Load(); v != nil {
		r.view.Store(v.dueAt(0))
	}
	return saved, nil
}

func recordID(n int) string { return fmt.Sprintf("key-%d", n) }

func refuse(rec Record, why string) error {
	return idp.E(idp.Invalid, "signing key %s is %s: %s", rec.ID, rec.State, why)
}
