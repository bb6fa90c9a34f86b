package keys

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// view is what the ring knows of the store. It never changes once made; a nil
// view is neither fresh nor usable.
type view struct {
	records    []Record // signing keys, sorted
	decryption []Record // keys that others encrypt with
	active     *Record  // nil: none
	published  []*x509.Certificate
	loaded     idp.Millis
	due        idp.Millis // reload from here on
}

func newView(all []Record, now idp.Millis) (*view, error) {
	v := &view{loaded: now, due: now.Add(reloadAfter)}
	v.records, v.decryption = byPurpose(all)
	records := v.records
	for i, rec := range records {
		if !rec.published() {
			continue
		}
		cert, err := rec.parse()
		if err != nil {
			return nil, err
		}
		v.published = append(v.published, cert)
		if rec.State == Active && v.active == nil {
			v.active = &records[i]
		}
	}
	return v, nil
}

// byPurpose separates the records of signing keys, sorted, from the others.
func byPurpose(all []Record) (signing, decryption []Record) {
	for _, rec := range all {
		if rec.State == Decrypts {
			decryption = append(decryption, rec)
		} else {
			signing = append(signing, rec)
		}
	}
	sortRecords(signing)
	return signing, decryption
}

// named is the record with this ID, or nil.
func (v *view) named(id string) *Record {
	for i, rec := range v.records {
		if rec.ID == id {
			return &v.records[i]
		}
	}
	return nil
}

func (v *view) fresh(now idp.Millis) bool  { return v != nil && now < v.due }
func (v *view) usable(now idp.Millis) bool { return v != nil && now < v.loaded.Add(grace) }

// dueAt is the same view, to be reloaded at another time.
func (v *view) dueAt(due idp.Millis) *view {
	c := *v
	c.due = due
	return &c
}

// publishes reports whether service providers can verify with rec's key.
func (v *view) publishes(rec Record) bool {
	for _, known := range v.records {
		if known.sameKey(rec) {
			return known.published()
		}
	}
	return false
}

// opened is a pair with the record it was made of.
type opened struct {
	record Record
	pair   *Pair
}

func (o *opened) is(rec Record) bool { return o != nil && o.record.sameKey(rec) }

// bridges reports whether this pair may sign although v has another active
// key: service providers still know it, and the change is recent.
func (o *opened) bridges(v *view, now idp.Millis) bool {
	return o != nil && v.publishes(o.record) && now < v.active.ActivatedAt.Add(grace)
}

// gate is a mutex that can be tried and whose wait ends with the context.
type gate chan struct{}

func (g gate) tryEnter() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the signing keys: %w", ctx.Err())
	}
}

func (g gate) leave() { <-g }
