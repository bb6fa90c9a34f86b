package keys

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

const (
	reloadAfter = time.Minute      // how long a rollover may stay unseen
	retryAfter  = 5 * time.Second  // after a failed reload
	grace       = 10 * time.Minute // how long known keys stand in for what cannot be loaded
)

// Options are what a Ring needs. Records, Open, DefaultRef, Issuer, Clock and
// Random are required.
type Options struct {
	Records    Records
	Open       Opener
	DefaultRef string // the key that Ensure begins with
	Issuer     string // our entityID; its host names the certificates
	Years      int    // validity of new certificates; 0: 10
	Clock      idp.Clock
	Random     io.Reader
	Log        *slog.Logger // nil: nothing is logged

	// NoSign says that this program may open keys but not sign with them: it
	// requests certificates and leaves it to others to make them.
	NoSign bool

	// DecryptRefs name the keys of our own that others encrypt with: all of
	// them decrypt, the first one is published. OpenDecrypter opens them.
	DecryptRefs   []string
	OpenDecrypter DecrypterOpener
}

// Ring knows which key signs now and which certificates are published. It
// keeps both in memory and looks for changes once a minute. It is safe for
// concurrent use.
type Ring struct {
	opt    Options
	view   atomic.Pointer[view]
	opened atomic.Pointer[opened]
	gate   gate // one goroutine loads or opens at a time

	others   sync.Map             // of keys besides the active one: ID of a record -> *opened, ref -> Decrypter
	complete atomic.Pointer[view] // the last view that Complete has looked at
}

// NewRing makes a Ring. It calls nothing; Ensure does.
func NewRing(o Options) (*Ring, error) {
	if o.Records == nil || o.Open == nil || o.DefaultRef == "" || o.Issuer == "" || o.Clock == nil || o.Random == nil {
		return nil, errors.New("key ring: Records, Open, DefaultRef, Issuer, Clock and Random are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.DecryptRefs) > 0 && o.OpenDecrypter == nil {
		return nil, errors.New("key ring: DecryptRefs want an OpenDecrypter")
	}
	return &Ring{opt: o, gate: make(gate, 1)}, nil
}

// Active returns the pair that signs now. It fails with ErrKeyMismatch if the
// key is not the certificate's, with ErrUnavailable if it cannot be reached.
//
// When records cannot be reloaded, or the key of a rollover cannot be opened,
// the pair used so far signs on for up to 10 minutes: a short outage behind us
// does not stop sign-ins.
func (r *Ring) Active(ctx context.Context) (*Pair, error) {
	v, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	if v.active == nil {
		return nil, errors.New("no signing key is active")
	}
	if o := r.opened.Load(); o.is(*v.active) {
		return o.pair, nil
	}
	return r.openActive(ctx, v)
}

// Published returns the certificates for the metadata: that of the active key
// first, then of next and previous ones. It needs no key.
func (r *Ring) Published(ctx context.Context) ([]*x509.Certificate, error) {
	v, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Clone(v.published), nil
}

// Learning lists the IDs of published keys that service providers may not know
// yet: next ones, and the active one while another is published as previous.
func (r *Ring) Learning(ctx context.Context) ([]string, error) {
	v, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	return Learning(v.records), nil
}

// Learning is Ring.Learning, of these records.
func Learning(records []Record) []string {
	rolling := slices.ContainsFunc(records, func(rec Record) bool { return rec.State == Previous })
	var ids []string
	for _, rec := range records {
		if rec.State == Next || rec.State == Active && rolling {
			ids = append(ids, rec.ID)
		}
	}
	return ids
}

// List returns the records of all signing keys as they are stored now, the
// active one first.
func (r *Ring) List(ctx context.Context) ([]Record, error) {
	all, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	records, _ := byPurpose(all)
	return records, nil
}

// read lists what is stored. A list is read item by item, so one that is read
// while Activate is stored may show the old key after the change and the new
// one before it: no active key. It is read again then.
func (r *Ring) read(ctx context.Context) (all []Record, err error) {
	for range 3 {
		if all, err = r.opt.Records.List(ctx); err != nil {
			return nil, fmt.Errorf("list signing keys: %w", err)
		}
		published := slices.ContainsFunc(all, Record.published)
		if !published || slices.ContainsFunc(all, func(rec Record) bool { return rec.State == Active }) {
			break
		}
	}
	return all, nil
}

// Check has the active key sign something, or, where this program may not
// sign, opens it and compares it with its certificate.
func (r *Ring) Check(ctx context.Context) error {
	pair, err := r.Active(ctx)
	if err != nil || r.opt.NoSign {
		return err
	}
	return pair.Check(ctx)
}

// current returns the records as they were at most a minute ago, or up to 10
// minutes ago if the store fails.
func (r *Ring) current(ctx context.Context) (*view, error) {
	now := r.opt.Clock.Now()
	known := r.view.Load()
	if known.fresh(now) {
		return known, nil
	}
	if !r.gate.tryEnter() {
		if known.usable(now) {
			return known, nil // somebody else is loading; do not queue for it
		}
		if err := r.gate.enter(ctx); err != nil {
			return nil, err
		}
	}
	defer r.gate.leave()

	known = r.view.Load()
	if known.fresh(now) {
		return known, nil
	}
	loaded, err := r.load(ctx)
	if err == nil {
		return loaded, nil
	}
	if !known.usable(now) {
		return nil, err
	}
	r.opt.Log.WarnContext(ctx, "signing keys could not be reloaded; the known ones stay in use", "err", err)
	r.view.Store(known.dueAt(now.Add(retryAfter)))
	return known, nil
}

// load reads the records and keeps them.
func (r *Ring) load(ctx context.Context) (*view, error) {
	all, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	v, err := newView(all, r.opt.Clock.Now())
	if err != nil {
		return nil, err
	}
	r.view.Store(v)
	return v, nil
}

// openActive opens the active key of v and keeps it.
func (r *Ring) openActive(ctx context.Context, v *view) (*Pair, error) {
	now := r.opt.Clock.Now()
	if !r.gate.tryEnter() {
		if o := r.opened.Load(); o.bridges(v, now) {
			return o.pair, nil
		}
		if err := r.gate.enter(ctx); err != nil {
			return nil, err
		}
	}
	defer r.gate.leave()

	old := r.opened.Load()
	if old.is(*v.active) {
		return old.pair, nil
	}
	pair, err := r.openRecord(ctx, *v.active)
	switch {
	case err == nil:
		r.opened.Store(&opened{*v.active, pair})
		return pair, nil
	case old.bridges(v, now) && !errors.Is(err, ErrKeyMismatch):
		r.opt.Log.WarnContext(ctx, "the new signing key could not be opened; the one before stays in use", "err", err)
		return old.pair, nil
	default:
		return nil, err
	}
}

// openRecord opens a record's key and joins it with its certificate.
func (r *Ring) openRecord(ctx context.Context, rec Record) (*Pair, error) {
	cert, err := rec.parse()
	if err != nil {
		return nil, err
	}
	key, err := r.opt.Open(ctx, rec.Ref)
	if err != nil {
		return nil, fmt.Errorf("open signing key %s: %w", rec.ID, err)
	}
	return newPair(rec.ID, key, cert)
}
