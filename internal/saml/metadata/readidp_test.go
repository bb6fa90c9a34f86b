package metadata_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

func TestReadIdP(t *testing.T) {
	us, next, theirs := identities()[0], identities()[1], identities()[2]
	m := ours()
	m.Certificates = append(m.Certificates, next.cert)
	m.Encryption = theirs.cert
	document, err := m.Sign(us.key, us.cert)
	if err != nil {
		t.Fatal(err)
	}
	p, err := metadata.ReadIdP(document)
	if err != nil {
		t.Fatal(err)
	}
	if p.EntityID != m.EntityID || !p.ValidUntil.Equal(m.ValidUntil.Truncate(time.Second)) {
		t.Errorf("entityID %s, valid until %s", p.EntityID, p.ValidUntil)
	}
	if len(p.Signing) != 2 || !p.Signing[0].Equal(us.cert) || !p.Signing[1].Equal(next.cert) {
		t.Errorf("%d signing certificates", len(p.Signing))
	}
	if err := p.VerifiedBy(us.cert.PublicKey); err != nil {
		t.Error(err)
	}
	if p.VerifiedBy(next.cert.PublicKey) == nil {
		t.Error("a key that has not signed it verifies it")
	}
	if changed := published(t, strings.Replace(string(document), "/saml/sso", "/saml/other", 1)); changed.VerifiedBy(us.cert.PublicKey) == nil {
		t.Error("changed metadata is verified")
	}
	if unsigned := published(t, document[:strings.Index(string(document), "<ds:Signature")], document[strings.Index(string(document), "</ds:Signature>")+15:]); unsigned.VerifiedBy(us.cert.PublicKey) == nil {
		t.Error("unsigned metadata is verified")
	}
}

func published[S string | []byte](t *testing.T, parts ...S) *metadata.Published {
	t.Helper()
	var whole []byte
	for _, p := range parts {
		whole = append(whole, p...)
	}
	p, err := metadata.ReadIdP(whole)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReadIdPRefuses(t *testing.T) {
	document, err := ours().Sign(identities()[0].key, identities()[0].cert)
	if err != nil {
		t.Fatal(err)
	}
	good := string(document)
	for name, c := range map[string]struct{ old, with, want string }{
		"a page":               {good, "<html></html>", "root element is <html>"},
		"nothing":              {good, "", "empty"},
		"a service provider":   {"IDPSSODescriptor", "SPSSODescriptor", "no IDPSSODescriptor"},
		"no time":              {`validUntil="2026`, `validUntil="tomorrow`, "validUntil is no time"},
		"a broken certificate": {"<ds:X509Certificate>", "<ds:X509Certificate>*", "cannot be read"},
		"no certificate":       {"ds:X509Certificate>", "ds:X509CRL>", "no signing certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := metadata.ReadIdP([]byte(strings.ReplaceAll(good, c.old, c.with)))
			var refused *metadata.Error
			if !errors.As(err, &refused) || !strings.Contains(refused.Msg, c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	if _, err := metadata.ReadIdP(document); err != nil {
		t.Error(err)
	}
}
