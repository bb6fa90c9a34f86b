package admin_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/store"
)

const keysPath = "/v1/admin/keys"

func TestKeys(t *testing.T) {
	f := newFixture(t)
	var a adminapi.KeyAnswer
	f.call("POST", keysPath, adminapi.NewKey{Ref: "second.pem"}, 201, &a)
	if k := a.Key; k.ID != "key-2" || k.State != "next" || k.Ref != "second.pem" || !strings.HasPrefix(k.Certificate, "-----BEGIN") || len(k.SHA256) != 95 {
		t.Errorf("announced = %+v", k)
	}
	f.refused("POST", keysPath+"/key-1/retire", nil, idp.Invalid, "activate another key first")

	f.now = f.now.Add(24 * time.Hour)
	f.refused("POST", keysPath+"/key-2/activate", nil, idp.Invalid, "announced since 2026-11-22T12:00:00Z", "before 2026-11-23T12:10:00Z")
	f.now = f.now.Add(10 * time.Minute)
	if f.call("POST", keysPath+"/key-2/activate", nil, 200, &a); a.Key.State != "active" {
		t.Errorf("activated = %+v", a.Key)
	}
	if f.call("POST", keysPath+"/key-1/retire", nil, 200, &a); a.Key.State != "retired" {
		t.Errorf("retired = %+v", a.Key)
	}
	var status adminapi.Status
	f.call("GET", "/v1/admin/status", nil, 200, &status)
	if len(status.Keys) != 1 || status.Keys[0].ID != "key-2" {
		t.Errorf("status shows %+v", status.Keys)
	}
	if f.call("POST", keysPath+"/key-1/restore", nil, 200, &a); a.Key.State != "next" {
		t.Errorf("restored = %+v", a.Key)
	}
	f.refused("POST", keysPath+"/key-1/activate", `{"force":false}`, idp.Invalid, "announced since")
	if f.call("POST", keysPath+"/key-1/activate", adminapi.KeyActivation{Force: true}, 200, &a); a.Key.State != "active" {
		t.Errorf("activated by force = %+v", a.Key)
	}
	for _, path := range []string{"/key-9/activate", "/nonsense/activate", "/nonsense/restore", "/key-9/retire"} {
		f.refused("POST", keysPath+path, nil, idp.NotFound)
	}
	f.refused("GET", keysPath+"/key-9", nil, idp.NotFound)
	f.refused("POST", keysPath, adminapi.NewKey{Ref: "missing.pem"}, idp.Invalid, "cannot be opened")
	f.refused("POST", keysPath, adminapi.NewKey{Ref: "../key.pem"}, idp.Invalid, "without a folder")
	if f.call("POST", keysPath, adminapi.NewKey{}, 201, &a); !strings.HasPrefix(a.Key.Ref, "signing-2026-11-23-") {
		t.Errorf("named %q", a.Key.Ref)
	}
	events := f.events()
	for _, want := range []string{"key.activated", "key.activated by force", "key.restored", "key.announced"} {
		if !slices.Contains(events, "key.changed "+want) {
			t.Errorf("%s is not among %v", want, events)
		}
	}
}

// inAWS makes the fixture one that may not sign and knows these keys.
func inAWS(refs ...string) func(*app.Deps) {
	return func(d *app.Deps) {
		ring, err := keys.NewRing(keys.Options{
			Records: store.SigningKeys{Store: store.New(d.Table, d.Clock)}, Open: openKey, DefaultRef: refs[0],
			Issuer: d.Config.EntityID, Clock: d.Clock, Random: rand.Reader, NoSign: true,
		})
		if err != nil {
			panic(err)
		}
		d.Config.SigningKeys, d.Keys = refs, ring
	}
}

func TestKeysOfWhoMayNotSign(t *testing.T) {
	f := newFixture(t, inAWS("first", "arn:aws:kms:x:1:key/2"))
	var a adminapi.KeyAnswer
	f.refused("POST", keysPath, adminapi.NewKey{Ref: "arn:aws:kms:x:9:key/9"}, idp.Invalid, "arn:aws:kms:x:1:key/2")
	f.call("POST", keysPath, adminapi.NewKey{}, 201, &a)
	if a.Key.Ref != "arn:aws:kms:x:1:key/2" || a.Key.State != "requested" || a.Key.Certificate != "" {
		t.Errorf("requested = %+v", a.Key)
	}
	f.refused("POST", keysPath, adminapi.NewKey{}, idp.Invalid, "add one to the stack first")
	f.refused("POST", keysPath+"/key-2/activate", `{"force":true}`, idp.Invalid, "requested")
	warned := func() bool {
		var s adminapi.Status
		f.call("GET", "/v1/admin/status", nil, 200, &s)
		return slices.ContainsFunc(s.Warnings, func(w adminapi.Warning) bool { return w.Code == "key.requested" && w.Subject == "key-2" })
	}
	if warned() {
		t.Error("a warning at once")
	}
	if f.now = f.now.Add(11 * time.Minute); !warned() {
		t.Error("no warning of a request that nobody completes")
	}
	f.call("POST", keysPath+"/key-2/retire", nil, 200, nil)
	f.refused("POST", keysPath+"/key-2/restore", nil, idp.Invalid, "never had a certificate")
}

// TestKeyProgress: who knows the key, by whose word.
func TestKeyProgress(t *testing.T) {
	f := newFixture(t)
	for _, slug := range []string{"a", "b", "c", "own"} {
		sp := adminapi.NewServiceProvider{EntityID: "urn:" + slug, ACSURL: "https://sp.test/acs"}
		sp.Slug = ptr(slug)
		f.add(sp)
	}
	f.call("POST", keysPath, adminapi.NewKey{Ref: "own.pem", Dedicated: true}, 201, nil)
	f.call("PATCH", spPath+"/own", `{"signing_key":"key-2"}`, 200, nil)
	f.refused("POST", keysPath+"/key-1/confirm", adminapi.KeyConfirmation{ServiceProvider: "a"}, idp.Invalid, "nothing to confirm")
	f.call("POST", keysPath, adminapi.NewKey{Ref: "third.pem"}, 201, nil)

	must(t, f.store.KeyFetched(t.Context(), "key-3", "urn:b"))
	f.now = f.now.Add(time.Minute)
	must(t, f.store.KeyFetched(t.Context(), "key-3", "urn:b"))
	f.call("POST", keysPath+"/key-3/confirm", adminapi.KeyConfirmation{ServiceProvider: "a"}, 200, nil)
	f.call("POST", keysPath+"/key-3/confirm", adminapi.KeyConfirmation{ServiceProvider: "b"}, 200, nil)
	var a adminapi.KeyAnswer
	f.call("POST", keysPath+"/key-3/confirm", adminapi.KeyConfirmation{ServiceProvider: "b", Withdraw: true}, 200, &a)
	fetched := idp.At(f.now.Add(-time.Minute)).Seconds()
	want := []adminapi.KeySeen{
		{Slug: "a", Name: "sp.test", EntityID: "urn:a", ConfirmedAt: idp.At(f.now).Seconds(), ConfirmedBy: "admin:local administrator"},
		{Slug: "b", Name: "sp.test", EntityID: "urn:b", FetchedAt: fetched},
		{Slug: "c", Name: "sp.test", EntityID: "urn:c"},
	}
	if diff := cmp.Diff(want, a.ServiceProviders); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&adminapi.KeyProgress{ServiceProviders: 3, Confirmed: 1, Fetched: 1}, a.Key.Progress); diff != "" {
		t.Error(diff)
	}
	f.refused("POST", keysPath+"/key-3/confirm", adminapi.KeyConfirmation{ServiceProvider: "own"}, idp.Invalid, "a signing key of its own")
	f.refused("POST", keysPath+"/key-3/confirm", adminapi.KeyConfirmation{ServiceProvider: "nobody"}, idp.NotFound)

	// Activate answers with the same list: the warning.
	f.call("POST", keysPath+"/key-3/activate", adminapi.KeyActivation{Force: true}, 200, &a)
	if diff := cmp.Diff(want, a.ServiceProviders); diff != "" {
		t.Error(diff)
	}
	events := f.events()
	for _, want := range []string{"key.confirmed", "key.confirmation_withdrawn"} {
		if !slices.Contains(events, "key.changed "+want) {
			t.Errorf("%s is not among %v", want, events)
		}
	}
}

func TestDedicatedKeyOfAServiceProvider(t *testing.T) {
	f := newFixture(t)
	sp := adminapi.NewServiceProvider{EntityID: "urn:x", ACSURL: "https://sp.test/acs"}
	sp.Slug = ptr("x")
	f.add(sp)
	var a adminapi.KeyAnswer
	f.call("POST", keysPath, adminapi.NewKey{Ref: "own.pem", Dedicated: true}, 201, &a)
	if a.Key.State != "dedicated" || a.Key.Progress != nil {
		t.Errorf("made %+v", a.Key)
	}
	for _, id := range []string{"key-1", "key-9", "nonsense"} {
		f.refused("PATCH", spPath+"/x", map[string]string{"signing_key": id}, idp.Invalid, "not a dedicated key")
	}
	f.call("PATCH", spPath+"/x", `{"signing_key":"key-2"}`, 200, nil)
	var shown adminapi.ServiceProviderAnswer
	f.call("GET", spPath+"/x", nil, 200, &shown)
	if !slices.ContainsFunc(shown.Instructions, func(i adminapi.Field) bool { return i.Value == a.Key.Certificate }) {
		t.Errorf("P12 the other side is not told to enter its own certificate: %+v", shown.Instructions)
	}
	f.refused("POST", keysPath+"/key-2/retire", nil, idp.Invalid, "signs for x")
	f.call("PATCH", spPath+"/x", `{"signing_key":""}`, 200, nil)
	f.call("POST", keysPath+"/key-2/retire", nil, 200, nil)
	if events := f.events(); !slices.Contains(events, "policy.weakened service_provider.changed") {
		t.Errorf("events %v", events)
	}

	// One that names a key which is gone is found by doctor.
	stored, err := f.store.ServiceProvider(t.Context(), "urn:x")
	must(t, err)
	stored.SigningKey = "key-2"
	must(t, f.store.SaveServiceProvider(t.Context(), stored))
	var s adminapi.Status
	f.call("GET", "/v1/admin/status", nil, 200, &s)
	if !slices.ContainsFunc(s.Warnings, func(w adminapi.Warning) bool { return w.Code == "sp.signing_key" && w.Subject == "x" }) {
		t.Errorf("warnings %+v", s.Warnings)
	}
}
