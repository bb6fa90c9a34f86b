package mdrefresh_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// keyPairs are a few identities, made once.
var keyPairs = sync.OnceValue(func() []samltest.Identity {
	return []samltest.Identity{samltest.RSA(2048), samltest.RSA(2048), samltest.RSA(2048)}
})

func cert(i int) []byte { return keyPairs()[i].Cert.Raw }

// recertified is the key of cert(0) in another certificate.
var recertified = sync.OnceValue(func() []byte {
	return samltest.NewIdentity(keyPairs()[0].Key, time.Unix(0, 0), time.Unix(86400*20000, 0)).Cert.Raw
})

func post(index int, location string) idp.Endpoint {
	return idp.Endpoint{Index: index, Binding: idp.BindingPOST, Location: location}
}

func base() idp.MetadataFacts {
	return idp.MetadataFacts{
		EntityID:     "https://sp.example.test/",
		ACS:          []idp.Endpoint{post(0, "https://sp.example.test/acs"), post(1, "https://sp.example.test/acs2")},
		SLO:          []idp.Endpoint{{Index: 0, Binding: idp.BindingRedirect, Location: "https://sp.example.test/slo"}},
		SigningCerts: [][]byte{cert(0)}, EncryptCerts: [][]byte{cert(0)},
		NameIDFormats: []string{idp.NameIDEmail, idp.NameIDPersistent},
		AttributeServices: []idp.AttributeService{{Index: 1, Requested: []idp.RequestedAttribute{
			{Name: "mail", Required: true}, {Name: "sn"},
		}}},
		EntityAttributes:    []idp.EntityAttribute{{Name: "category", Value: "a"}, {Name: "category", Value: "b"}},
		AuthnRequestsSigned: true, WantAssertionsSigned: true,
	}
}

const (
	unchanged = "unchanged"
	apply     = "apply"
	wait      = "wait"
)

func verdict(d mdrefresh.Decision) string {
	switch {
	case d.Apply():
		return apply
	case d.Wait():
		return wait
	}
	return unchanged
}

// TestDecide: AD2, what a refresh may change by itself. Each row is judged with
// a verified signature, with a trusted address, and with neither.
func TestDecide(t *testing.T) {
	for _, c := range []struct {
		name              string
		change            func(f *idp.MetadataFacts)
		changes           string // kinds
		verified, trusted string
	}{
		{"nothing", func(*idp.MetadataFacts) {}, "", unchanged, unchanged},
		{"another order", func(f *idp.MetadataFacts) {
			slices.Reverse(f.NameIDFormats)
			slices.Reverse(f.AttributeServices[0].Requested)
			slices.Reverse(f.EntityAttributes)
		}, "", unchanged, unchanged},
		{"another order of keys", func(f *idp.MetadataFacts) { f.SigningCerts = [][]byte{cert(0), cert(0)} }, "", unchanged, unchanged},
		{"another order of ACS, which has another default", func(f *idp.MetadataFacts) { slices.Reverse(f.ACS) }, "acs.default", apply, apply},
		{"key added", func(f *idp.MetadataFacts) { f.SigningCerts = [][]byte{cert(1), cert(0)} }, "signing_key.added", apply, apply},
		{"key renewed", func(f *idp.MetadataFacts) { f.SigningCerts = [][]byte{recertified()} }, "signing_key.renewed", apply, apply},
		{"all signing keys new", func(f *idp.MetadataFacts) { f.SigningCerts = [][]byte{cert(1)} }, "signing_key.removed signing_key.added", apply, wait},
		{"all encryption keys new", func(f *idp.MetadataFacts) { f.EncryptCerts = [][]byte{cert(2)} }, "encryption_key.removed encryption_key.added", apply, wait},
		{"no signing key any more", func(f *idp.MetadataFacts) { f.SigningCerts = nil }, "signing_key.removed", wait, wait},
		{"no encryption key any more", func(f *idp.MetadataFacts) { f.EncryptCerts = nil }, "encryption_key.removed", wait, wait},
		{"ACS moved on its host", func(f *idp.MetadataFacts) { f.ACS[0].Location = "https://sp.example.test/v2/acs" }, "acs.moved acs.default", apply, apply},
		{"ACS added on its host, another spelling", func(f *idp.MetadataFacts) { f.ACS = append(f.ACS, post(2, "https://SP.example.test:443/acs3")) }, "acs.added", apply, apply},
		{"ACS removed", func(f *idp.MetadataFacts) { f.ACS = f.ACS[:1] }, "acs.removed", apply, apply},
		{"AD2 ACS on another host", func(f *idp.MetadataFacts) { f.ACS[0].Location = "https://evil.test/acs" }, "acs.moved acs.default", wait, wait},
		{"AD2 ACS added on another host", func(f *idp.MetadataFacts) { f.ACS = append(f.ACS, post(2, "https://sp.example.test.evil.test/acs")) }, "acs.added", wait, wait},
		{"AD2 ACS on another port", func(f *idp.MetadataFacts) { f.ACS[0].Location = "https://sp.example.test:8443/acs" }, "acs.moved acs.default", wait, wait},
		{"AD2 ACS with user information", func(f *idp.MetadataFacts) { f.ACS[0].Location = "https://sp.example.test@evil.test/acs" }, "acs.moved acs.default", wait, wait},
		{"AD2 ACS by http", func(f *idp.MetadataFacts) { f.ACS[0].Location = "http://sp.example.test/acs" }, "acs.moved acs.default", wait, wait},
		{"ACS is the default", func(f *idp.MetadataFacts) { yes := true; f.ACS[1].IsDefault = &yes }, "acs.changed acs.default", apply, apply},
		{"SLO moved on its host", func(f *idp.MetadataFacts) { f.SLO[0].Location = "https://sp.example.test/bye" }, "slo.moved", apply, apply},
		{"SLO on another host", func(f *idp.MetadataFacts) { f.SLO[0].Location = "https://evil.test/slo" }, "slo.moved", wait, wait},
		{"SLO answers to another host", func(f *idp.MetadataFacts) { f.SLO[0].Response = "https://evil.test/slo" }, "slo.changed", wait, wait},
		{"another entityID", func(f *idp.MetadataFacts) { f.EntityID = "https://other.test/" }, "entity_id", wait, wait},
		{"requests are no longer signed", func(f *idp.MetadataFacts) { f.AuthnRequestsSigned = false }, "authn_requests_signed", wait, wait},
		{"wishes", func(f *idp.MetadataFacts) {
			f.NameIDFormats = []string{idp.NameIDTransient}
			f.AttributeServices[0].Requested[1].Required = true
			f.WantAssertionsSigned = false
		}, "name_id_format.removed name_id_format.removed name_id_format.added requested_attribute.removed requested_attribute.added want_assertions_signed", apply, apply},
		{"another category", func(f *idp.MetadataFacts) { f.EntityAttributes[1].Value = "c" }, "entity_attribute.removed entity_attribute.added", apply, apply},
		{"one service more", func(f *idp.MetadataFacts) {
			f.AttributeServices = append(f.AttributeServices, idp.AttributeService{Index: 2, Requested: []idp.RequestedAttribute{{Name: "role", Values: []string{"x"}}}})
		}, "requested_attribute.removed requested_attribute.removed requested_attribute.added requested_attribute.added requested_attribute.added attribute_service.default", apply, apply},
		{"a good change beside a bad one", func(f *idp.MetadataFacts) {
			f.SigningCerts = append(f.SigningCerts, cert(1))
			f.ACS = append(f.ACS, post(2, "https://evil.test/acs"))
		}, "acs.added signing_key.added", wait, wait},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := base()
			c.change(&next)
			d := mdrefresh.Decide(base(), next, mdrefresh.Trust{Verified: true})
			var kinds []string
			for _, ch := range d.Changes {
				kinds = append(kinds, ch.What)
			}
			if got := strings.Join(kinds, " "); got != c.changes {
				t.Errorf("changes %q, want %q", got, c.changes)
			}
			if got := verdict(d); got != c.verified {
				t.Errorf("verified: %s, want %s: %q", got, c.verified, d.Reasons)
			}
			if d := mdrefresh.Decide(base(), next, mdrefresh.Trust{Allowed: true}); verdict(d) != c.trusted {
				t.Errorf("trusted address: %s, want %s: %q", verdict(d), c.trusted, d.Reasons)
			}
			for _, trust := range []mdrefresh.Trust{{}, {Verified: true, Allowed: true, Expired: true}} {
				if d := mdrefresh.Decide(base(), next, trust); d.Apply() {
					t.Errorf("%+v: applied", trust)
				}
			}
		})
	}
	t.Run("requests that could not be verified", func(t *testing.T) {
		before, next := base(), base()
		before.AuthnRequestsSigned, before.SigningCerts, next.SigningCerts = false, nil, nil
		if d := mdrefresh.Decide(before, next, mdrefresh.Trust{Verified: true}); !d.Wait() {
			t.Errorf("%+v", d)
		}
	})
}

// TestMerge: what an administrator has set stays.
func TestMerge(t *testing.T) {
	next := base()
	next.SigningCerts = [][]byte{cert(0), cert(1)}
	next.ACS[1].Location = "https://sp.example.test/new"
	next.NameIDFormats = []string{idp.NameIDTransient}
	next.EntityAttributes = next.EntityAttributes[:1]
	untouched := func() *idp.ServiceProvider {
		f := base()
		return &idp.ServiceProvider{
			EntityID: f.EntityID, Name: "Payroll", NameID: "persistent", ACS: f.ACS, SLO: f.SLO, SigningCerts: f.SigningCerts, EncryptCerts: f.EncryptCerts,
			NameIDFormats: f.NameIDFormats, RequireSignedRequests: true, Version: 7,
			AttributeServices: f.AttributeServices, EntityAttributes: f.EntityAttributes,
			ConfirmedEntityAttributes: []idp.EntityAttribute{{Name: "category", Value: "confirmed"}},
		}
	}
	want := untouched()
	want.SigningCerts, want.ACS, want.NameIDFormats, want.MetadataSigned = next.SigningCerts, next.ACS, next.NameIDFormats, "verified"
	want.EntityAttributes = next.EntityAttributes
	if diff := cmp.Diff(want, mdrefresh.Merge(untouched(), base(), next, "verified")); diff != "" {
		t.Error(diff)
	}

	by := untouched() // an administrator's
	by.SigningCerts = [][]byte{cert(2)}
	by.ACS = by.ACS[:1]
	by.RequireSignedRequests = false
	got := mdrefresh.Merge(by, base(), next, "")
	if diff := cmp.Diff([][]byte{cert(2), cert(1)}, got.SigningCerts); diff != "" {
		t.Error("keys: ", diff)
	}
	if len(got.ACS) != 1 || got.RequireSignedRequests {
		t.Errorf("%+v", got)
	}

	gone := base()
	gone.SigningCerts, gone.AuthnRequestsSigned = [][]byte{cert(1)}, false
	got = mdrefresh.Merge(untouched(), base(), gone, "")
	if diff := cmp.Diff([][]byte{cert(1)}, got.SigningCerts); diff != "" || got.RequireSignedRequests {
		t.Error(diff, got.RequireSignedRequests)
	}
}

// TestEncryptionMethods: what a key's metadata declares is refreshed with the
// key, and stays for a key that an administrator added.
func TestEncryptionMethods(t *testing.T) {
	gcm, cbc := idp.EncryptionMethod{Algorithm: "urn:gcm"}, idp.EncryptionMethod{Algorithm: "urn:cbc"}
	of := func(m idp.EncryptionMethod, certs ...[]byte) map[string][]idp.EncryptionMethod {
		out := map[string][]idp.EncryptionMethod{}
		for _, c := range certs {
			out[idp.CertID(c)] = []idp.EncryptionMethod{m}
		}
		return out
	}
	before, next := base(), base()
	before.EncryptCerts, next.EncryptCerts = [][]byte{cert(0)}, [][]byte{cert(0)}
	before.EncryptionMethods, next.EncryptionMethods = of(cbc, cert(0)), of(gcm, cert(0))
	changes := mdrefresh.Diff(before, next)
	if len(changes) != 2 || changes[0].What != "encryption_method.removed" || changes[1].What != "encryption_method.added" {
		t.Errorf("%+v", changes)
	}
	sp := &idp.ServiceProvider{EncryptCerts: [][]byte{cert(0), cert(2)}, EncryptionMethods: of(cbc, cert(0), cert(2))}
	want := of(gcm, cert(0))
	want[idp.CertID(cert(2))] = []idp.EncryptionMethod{cbc}
	if diff := cmp.Diff(want, mdrefresh.Merge(sp, before, next, "").EncryptionMethods); diff != "" {
		t.Error(diff)
	}
}
