package web

import (
	"context"
	"crypto"
	"io"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
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
	clock   idp.Clock
}

func (t timed) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	start := t.clock()
	sig, err := t.Signer.Sign(random, digest, opts)
	t.metrics.Observe(obs.SignLatency, float64(t.clock().Sub(start).Microseconds())/1000, nil)
	return sig, KeyError(err)
}
