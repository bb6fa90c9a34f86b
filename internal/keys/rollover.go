package keys

import (
	"context"
	"fmt"
	"time"

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
	rec, err := r.certified(ctx, Record{ID: recordID(1), Ref: r.opt.DefaultRef, CreatedAt: r.opt.Clock.Now()})
	if err != nil {
		return fmt.Errorf("make the first signing key: %w", err)
	}
	rec.State, rec.ActivatedAt = Active, rec.CreatedAt
	saveErr := r.opt.Records.Save(ctx, rec)
	if v, err = r.load(ctx); err == nil && len(v.records) > 0 {
		return nil // ours, or that of the instance that was first
	}
	if saveErr != nil {
		return fmt.Errorf("save the first signing key: %w", saveErr)
	}
	return err
}

// Announce makes a record of the key that ref names, to become Next or
// Dedicated. With its certificate the metadata publishes it, so that service
// providers learn it before it signs. Where this program may not sign, the
// record is Requested and a program that may makes the certificate (Complete).
func (r *Ring) Announce(ctx context.Context, ref string, wanted State) (Record, error) {
	if wanted != Next && wanted != Dedicated {
		return Record{}, fmt.Errorf("announce key %s: it cannot become %s", ref, wanted)
	}
	records, err := r.List(ctx)
	if err != nil {
		return Record{}, err
	}
	// Records are never deleted, so the highest number gives the next ID, and
	// two announcements at once collide in Save.
	rec := Record{ID: nextID(records), Ref: ref, State: Requested, Wanted: wanted, CreatedAt: r.opt.Clock.Now()}
	if r.opt.NoSign {
		err = r.openable(ctx, rec)
	} else {
		rec, err = r.certified(ctx, rec)
	}
	if err != nil {
		return Record{}, fmt.Errorf("announce key %s: %w", ref, err)
	}
	return r.save(ctx, rec)
}

// Activate lets a published key sign from now on; the one that signed before
// stays published as previous. Both are stored at once or not at all. It also
// takes a previous key back into use. A next key must have been announced for
// at least the time given, so that service providers that ask for our metadata
// that often know it.
//
// The key is opened first, and tested where this program may sign (a program
// that may has had it sign its certificate). Instances follow within a minute.
func (r *Ring) Activate(ctx context.Context, id string, announcedFor time.Duration) (Record, error) {
	records, rec, err := r.find(ctx, id)
	if err != nil {
		return Record{}, err
	}
	now, since := r.opt.Clock.Now(), max(rec.AnnouncedAt, rec.CreatedAt)
	switch ready := since.Add(announcedFor); {
	case rec.State != Next && rec.State != Previous:
		return Record{}, refuse(rec, "only a next or previous key can be activated")
	case rec.State == Next && announcedFor > 0 && now < ready:
		return Record{}, idp.E(idp.Invalid, "signing key %s is announced since %s; service providers that read our metadata may not know it before %s",
			id, instant(since), instant(ready))
	}
	pair, err := r.openRecord(ctx, rec)
	if err != nil {
		return Record{}, err
	}
	if !r.opt.NoSign {
		if err := pair.Check(ctx); err != nil {
			return Record{}, fmt.Errorf("test signing key %s: %w", id, err)
		}
	}
	rec.State, rec.ActivatedAt = Active, now
	changed := []Record{rec}
	for _, old := range records {
		if old.State == Active {
			old.State = Previous
			changed = append(changed, old)
		}
	}
	return r.save(ctx, changed...)
}

// Retire stops publishing a key that does not sign: an old one after a
// rollover, a next one that is not wanted any more, a request, or a dedicated
// key that no service provider names. Restore takes it back.
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
	if rec.State == Dedicated {
		rec.Wanted = Dedicated // what Restore makes of it
	}
	rec.State = Retired
	return r.save(ctx, rec)
}

// Restore publishes a retired key again, with the certificate that it had: as
// next, or dedicated if it was.
func (r *Ring) Restore(ctx context.Context, id string) (Record, error) {
	_, rec, err := r.find(ctx, id)
	if err != nil {
		return Record{}, err
	}
	switch {
	case rec.State != Retired:
		return Record{}, refuse(rec, "only a retired key can be restored")
	case len(rec.Certificate) == 0:
		return Record{}, refuse(rec, "it never had a certificate; announce its key anew")
	}
	return r.save(ctx, r.announced(rec))
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

// save stores records, all or none, makes this instance look at the store
// again, and returns the first of them.
func (r *Ring) save(ctx context.Context, records ...Record) (Record, error) {
	if err := r.opt.Records.Save(ctx, records...); err != nil {
		return Record{}, fmt.Errorf("save signing key %s: %w", records[0].ID, err)
	}
	if v := r.view.Load(); v != nil {
		r.view.Store(v.dueAt(0))
	}
	records[0].Version++
	return records[0], nil
}

func recordID(n int) string { return fmt.Sprintf("key-%d", n) }

func nextID(records []Record) string {
	last := 0
	for _, rec := range records {
		var n int
		if _, err := fmt.Sscanf(rec.ID, "key-%d", &n); err == nil {
			last = max(last, n)
		}
	}
	return recordID(last + 1)
}

func instant(m idp.Millis) string { return m.Time().UTC().Format(time.RFC3339) }

func refuse(rec Record, why string) error {
	return idp.E(idp.Invalid, "signing key %s is %s: %s", rec.ID, rec.State, why)
}
