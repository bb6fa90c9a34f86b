package app_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// decrypter is a decryption key in memory, or one that cannot be reached.
type decrypter struct {
	*rsa.PrivateKey
	err error
}

func (d decrypter) ID() string { return "enc" }

func (d decrypter) Decrypt(_ context.Context, text []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return d.PrivateKey.Decrypt(nil, text, opts)
}

// TestOurMetadataFromOutside: what the deployment is configured with stands in
// each document, which is valid, signed, and signed once.
func TestOurMetadataFromOutside(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, keys.MinBits)
	if err != nil {
		t.Fatal(err)
	}
	enc := &decrypter{PrivateKey: private, err: keys.ErrUnavailable}
	i := idptest.New(t, idptest.Options{
		Config: func(c *config.Config) {
			c.DisplayName, c.LogoURL = "Orchard & Sons", "https://idp.test/logo.png"
			c.InformationURL, c.PrivacyURL = "https://orchard.test/sign-in", "https://orchard.test/privacy"
		},
		Keys: func(o *keys.Options) {
			o.DecryptRefs = []string{"enc"}
			o.OpenDecrypter = func(context.Context, string) (keys.Decrypter, error) { return enc, enc.err }
		},
	})
	get := func(path string) string {
		t.Helper()
		resp := i.Browser(address()).Get(path)
		body := idptest.Body(t, resp)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, body)
		}
		return body
	}
	// The encryption key is a convenience: without it, metadata goes without.
	if got := certificates(t, get("/saml/metadata")); got["signing"] != 1 || got["encryption"] != 0 {
		t.Errorf("L12 encryption key out of reach: %v", got)
	}
	enc.err = nil
	i.Clock.Add(time.Minute)
	for _, path := range []string{"/saml/metadata", "/saml/metadata/" + samltest.B().Slug} {
		doc := get(path)
		for _, want := range []string{
			"<mdui:DisplayName xml:lang=\"en\">Orchard &amp; Sons<", ">https://idp.test/logo.png<", ">https://orchard.test/sign-in<", ">https://orchard.test/privacy<",
			`Binding="` + idp.BindingSOAP + `" Location="https://idp.test/saml/slo/soap"`, `<md:SingleLogoutService Binding="` + idp.BindingRedirect + `" Location="https://idp.test/saml/slo"`,
			"alg:SigningMethod", "alg:DigestMethod", `use="encryption"`,
		} {
			if !strings.Contains(doc, want) {
				t.Errorf("IIP-MD09 %s has no %s", path, want)
			}
		}
		if strings.Contains(doc, "/saml/ecp") {
			t.Errorf("%s has an endpoint that is not there", path)
		}
		schematest.Validate(t, []byte(doc))
		signs := i.Key.Signs()
		if get(path) != doc || i.Key.Signs() != signs {
			t.Errorf("%s was signed again", path)
		}
	}
}
