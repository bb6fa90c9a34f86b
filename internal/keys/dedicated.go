package keys

import (
	"context"
	"crypto/x509"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// For returns the pair that signs for a service provider: that of the
// dedicated key which it names, or the active one if it names none. A named
// key that is not dedicated, such as a retired one, is a failure: no other key
// stands in, as keeping others out is what it is there for
// (security-requirements.md P12).
func (r *Ring) For(ctx context.Context, id string) (*Pair, error) {
	if id == "" {
		return r.Active(ctx)
	}
	rec, err := r.dedicated(ctx, id)
	if err != nil {
		return nil, err
	}
	if o, ok := r.others.Load(id); ok && o.(*opened).is(rec) {
		return o.(*opened).pair, nil
	}
	pair, err := r.openRecord(ctx, rec)
	if err != nil {
		return nil, err
	}
	r.others.Store(id, &opened{rec, pair})
	return pair, nil
}

// PublishedFor returns the certificates for the metadata of a service
// provider: of the dedicated key that it names that one alone, else Published.
func (r *Ring) PublishedFor(ctx context.Context, id string) ([]*x509.Certificate, error) {
	if id == "" {
		return r.Published(ctx)
	}
	rec, err := r.dedicated(ctx, id)
	if err != nil {
		return nil, err
	}
	cert, err := rec.parse()
	if err != nil {
		return nil, err
	}
	return []*x509.Certificate{cert}, nil
}

// dedicated finds a dedicated key. One that is not known may be younger than
// what this instance knows, so it looks again, every few seconds at most.
func (r *Ring) dedicated(ctx context.Context, id string) (Record, error) {
	for {
		v, err := r.current(ctx)
		if err != nil {
			return Record{}, err
		}
		if rec := v.named(id); rec != nil && rec.State == Dedicated {
			return *rec, nil
		}
		if r.opt.Clock.Now() < v.loaded.Add(retryAfter) || !r.view.CompareAndSwap(v, v.dueAt(0)) {
			break
		}
	}
	return Record{}, &idp.Error{Code: idp.Busy, Reason: idp.KeyUnavailable, Detail: "signing key " + id + " is not a dedicated one"}
}
