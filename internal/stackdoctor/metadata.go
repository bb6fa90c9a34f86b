package stackdoctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

// expiring is how long before its end a certificate is worth a word: service
// providers need time to take the next one.
const expiring = 60 * 24 * time.Hour

// atMetadata reads our metadata as a service provider does that knows our keys.
func (x *examination) atMetadata(ctx context.Context) {
	url := x.stack.outputs[outputMetadata]
	if url == "" {
		return // said already
	}
	a, err := x.get(ctx, url)
	switch {
	case err != nil:
		x.find("metadata.unreachable", url, "it does not answer: %v; is the domain set up (infra/README.md), and does DNS point to it?", err)
		return
	case a.status != http.StatusOK:
		x.find("metadata.unreachable", url, "it answers %d; see the log of MetadataFunction", a.status)
		return
	}
	x.atClock(url, a)
	m, err := metadata.ReadIdP(a.body)
	if err != nil {
		x.find("metadata.malformed", url, "it cannot be read: %v; does something else answer at this address?", err)
		return
	}
	if want := cmp.Or(x.stack.parameters["EntityID"], url); m.EntityID != want {
		x.find("metadata.entity_id", url, "its entityID is %s, and the stack's is %s; service providers refuse one that they do not know: "+
			"is this the address of another deployment?", m.EntityID, want)
	}
	if now := x.clock(); !m.ValidUntil.IsZero() && now.After(m.ValidUntil) {
		x.find("metadata.expired", url, "it was valid until %s; something keeps an old answer", m.ValidUntil.UTC().Format(time.RFC3339))
	}
	x.atSignature(url, m)
	for _, cert := range m.Signing {
		x.atCertificate(cert)
	}
}

func (x *examination) atClock(url string, a answer) {
	if !a.date.IsZero() && a.skew.Abs() > maxSkew {
		x.find("clock.skew", url, "the server's clock and that of this machine differ by %s; signatures and codes depend on the time: "+
			"set this machine's", a.skew.Round(time.Second))
	}
}

// atSignature compares with the keys themselves. Without one that could be asked,
// that was said already.
func (x *examination) atSignature(url string, m *metadata.Published) {
	if len(x.signing) == 0 {
		return
	}
	if !slices.ContainsFunc(x.signing, func(k signingKey) bool { return m.VerifiedBy(k.pub) == nil }) {
		x.find("metadata.signature", url, "no signing key of the stack has signed it: it was changed on the way, or is of another deployment; "+
			"give it to nobody before that is clear")
	}
	for _, cert := range m.Signing {
		if !slices.ContainsFunc(x.signing, func(k signingKey) bool { return k.pub.Equal(cert.PublicKey) }) {
			x.find("metadata.key", url, "it names a signing certificate (%s) of a key that is not the stack's: whoever holds that key can sign "+
				"for everybody; if it is not the next of a rollover (MoreSigningKeys), find out who put it there", fingerprint(cert))
		}
	}
}

func fingerprint(cert *x509.Certificate) string { return "sha256:" + idp.CertID(cert.Raw) }

func (x *examination) atCertificate(cert *x509.Certificate) {
	now, subject, until := x.clock(), fingerprint(cert), cert.NotAfter.UTC().Format("2006-01-02")
	switch {
	case now.After(cert.NotAfter):
		x.find("certificate.expired", subject, "the signing certificate was valid until %s; some service providers refuse it: latchkey key roll", until)
	case now.Add(expiring).After(cert.NotAfter):
		x.find("certificate.expiring", subject, "the signing certificate is valid until %s; announce the next one now: latchkey key roll", until)
	}
}
