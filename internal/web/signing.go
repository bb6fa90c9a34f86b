package web

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// Signing is the key for a message to sp. Each signature is measured.
func (s *Site) Signing(ctx context.Context, ring *keys.Ring, sp *idp.ServiceProvider) (response.Signing, error) {
	pair, err := ring.For(ctx, sp.SigningKey)
	if err != nil {
		return response.Signing{}, KeyError(err)
	}
	return response.Signing{
		Signer:      timed{pair.Signer(ctx), s.Metrics, s.Clock},
		Certificate: pair.Certificate,
	}, nil
}

// timed measures how long signing takes.
type timed struct {
	crypto.Signer
	metrics obs.Metrics
	clock   func() time.Time
}

func (t timed) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	start := t.clock()
	sig, err := t.Signer.Sign(random, digest, opts)
	t.metrics.Observe(obs.SignLatency, float64(t.clock().Sub(start).Microseconds())/1000, nil)
	return sig, err
}

// Sender looks the Issuer of a message up, exactly. The log names an unknown
// one by its hash only: it may be anything.
func (s *Site) Sender(ctx context.Context, issuer string) (*idp.ServiceProvider, error) {
	sp, err := s.Store.ServiceProvider(ctx, issuer)
	if errors.Is(err, store.ErrNotFound) {
		sum := sha256.Sum256([]byte(issuer))
		RecordFrom(ctx).SP = "unknown sha256:" + hex.EncodeToString(sum[:8])
		e := idp.Refuse(idp.SPUnknown, "no service provider has this entityID")
		e.Fix = "The application that sent this request is not registered here. Register it with: latchkey sp add --metadata FILE"
		return nil, e
	}
	if err == nil {
		RecordFrom(ctx).SP = sp.EntityID
	}
	return sp, err
}

// Issuer is our entityID towards an SP; where it depends on the user's domain
// it is chosen when the user is known.
func (s *Site) Issuer(sp *idp.ServiceProvider) string {
	if sp.Issuer != "" {
		return sp.Issuer
	}
	return s.Config.EntityID
}
