package metadata_test

import (
	"crypto"
	"crypto/x509"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

func ours() metadata.IdP {
	return metadata.IdP{
		ID:            "_0b1c2d",
		EntityID:      "https://id.example.test/saml/metadata?a=1&b=<2>",
		SSOURL:        "https://id.example.test/saml/sso",
		Certificates:  []*x509.Certificate{identities()[0].cert},
		ValidUntil:    now.Add(7*24*time.Hour + 5*time.Millisecond),
		NameIDFormats: []string{idp.NameIDPersistent, idp.NameIDEmail},
	}
}

func TestOurMetadata(t *testing.T) {
	full := ours()
	full.SLOURL = "https://id.example.test/saml/slo"
	full.CacheDuration = time.Hour
	full.Certificates = append(full.Certificates, identities()[1].cert)
	full.WantAuthnRequestsSigned = true
	full.DisplayName = `Example "Corp" & <Sons>`
	full.LogoURL = "https://id.example.test/logo.png"
	signer := identities()[0]

	for name, m := range map[string]metadata.IdP{"smallest": ours(), "full": full} {
		t.Run(name, func(t *testing.T) {
			counted := &countingSigner{Signer: signer.key}
			doc, err := m.Sign(counted, signer.cert)
			if err != nil {
				t.Fatal(err)
			}
			if counted.calls != 1 {
				t.Errorf("signed %d times", counted.calls)
			}
			schematest.Validate(t, doc)
			schematest.VerifySignature(t, doc, schematest.PEM(signer.cert.Raw), "EntityDescriptor")
			if got := strings.Count(string(doc), `use="signing"`); got != len(m.Certificates) {
				t.Errorf("%d keys", got)
			}
			if !strings.Contains(string(doc), `validUntil="2026-11-29T12:00:00Z"`) {
				t.Errorf("validUntil: %s", doc)
			}
			// Our own reader sees an identity provider with a good signature.
			got := refusal(t, doc, metadata.ReadOptions{PinnedCert: signer.cert})
			if !strings.Contains(got.Msg, `"https://id.example.test/saml/metadata?a=1&b=<2>" cannot be added: it is an identity provider`) {
				t.Error(got)
			}
		})
	}
}

func TestOurMetadataIncomplete(t *testing.T) {
	signer := identities()[0]
	for name, spoil := range map[string]func(*metadata.IdP){
		"no ID":          func(m *metadata.IdP) { m.ID = "" },
		"no entityID":    func(m *metadata.IdP) { m.EntityID = "" },
		"no SSO":         func(m *metadata.IdP) { m.SSOURL = "" },
		"no certificate": func(m *metadata.IdP) { m.Certificates = nil },
		"no validUntil":  func(m *metadata.IdP) { m.ValidUntil = time.Time{} },
	} {
		m := ours()
		spoil(&m)
		if doc, err := m.Sign(signer.key, signer.cert); err == nil {
			t.Errorf("%s: %s", name, doc)
		}
	}
	if _, err := ours().Sign(signer.key, identities()[1].cert); err == nil {
		t.Error("signed with a key that does not belong to the certificate")
	}
}

type countingSigner struct {
	crypto.Signer
	calls int
}

func (c *countingSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c.calls++
	return c.Signer.Sign(random, digest, opts)
}
