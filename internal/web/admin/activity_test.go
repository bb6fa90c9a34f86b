package admin_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

func TestSessionsAndSignIns(t *testing.T) {
	f := newFixture(t)
	ana, bob := f.addUser("ana@example.com"), f.addUser("bob@example.com")
	now := idp.At(f.now)
	for _, s := range []idp.SSOSession{
		{SID: "LIVE", UserID: ana.ID, Browser: "Firefox 145", OS: "Windows 11", CredentialID: "one", LastUsedAt: now, ExpiresAt: now.Add(time.Hour), SecretHash: []byte("hash")},
		{SID: "IDLE", UserID: ana.ID, CredentialID: "one", LastUsedAt: now.Add(-8 * time.Hour), ExpiresAt: now.Add(time.Hour)},
		{SID: "OTHER", UserID: bob.ID, CredentialID: "two", LastUsedAt: now, ExpiresAt: now.Add(time.Hour)},
	} {
		must(t, f.store.SaveSSOSession(t.Context(), &s))
	}
	var sessions adminapi.Page[adminapi.Session]
	f.call("GET", "/v1/admin/users/"+ana.ID+"/sessions", nil, 200, &sessions)
	want := []adminapi.Session{{
		ID: "LIVE", Browser: "Firefox 145", OS: "Windows 11", DeviceID: "one", LastUsedAt: now.Seconds(), ExpiresAt: now.Add(time.Hour).Seconds(),
	}}
	if diff := cmp.Diff(want, sessions.Items); diff != "" {
		t.Error(diff)
	}

	for n := range 3 {
		sid := idp.Base32.EncodeToString(append(make([]byte, 15), byte(n)))
		must(t, f.store.AddSignIn(t.Context(), ana.ID, &idp.SignIn{At: now.Add(time.Duration(n) * time.Minute), SID: sid, AppName: "Payroll"}))
	}
	var page adminapi.Page[adminapi.SignIn]
	f.call("GET", "/v1/admin/users/"+ana.ID+"/activity?limit=2", nil, 200, &page)
	if len(page.Items) != 2 || page.Items[0].At != now.Add(2*time.Minute).Seconds() || page.After == "" {
		t.Fatalf("first page %+v", page)
	}
	after := page.After
	page = adminapi.Page[adminapi.SignIn]{}
	f.call("GET", "/v1/admin/users/"+ana.ID+"/activity?after="+after, nil, 200, &page)
	if len(page.Items) != 1 || page.Items[0].At != now.Seconds() || page.Items[0].App != "Payroll" {
		t.Errorf("second page %+v", page)
	}
	f.call("GET", "/v1/admin/users/"+bob.ID+"/activity", nil, 200, &page)
	if len(page.Items) != 0 {
		t.Errorf("bob has %+v", page)
	}
	t.Run("a person who is removed leaves nothing", func(t *testing.T) {
		f.call("DELETE", "/v1/admin/users/"+ana.ID, nil, 204, nil)
		list, _, err := f.store.SignIns(t.Context(), ana.ID, "", 0)
		if err != nil || len(list) != 0 {
			t.Errorf("%d sign-ins, %v", len(list), err)
		}
	})
}

func TestRecoveryCodesOfUsers(t *testing.T) {
	f := newFixture(t)
	u := f.addUser("ana@example.com")
	path := "/v1/admin/users/" + u.ID + "/recovery-codes"
	var codes adminapi.RecoveryCodes
	f.call("GET", path, nil, 200, &codes)
	if codes.Left != 0 {
		t.Errorf("%+v", codes)
	}
	f.call("DELETE", path, nil, 204, nil) // there are none: nothing happens
	must(t, f.store.SaveRecoveryCodes(t.Context(), u.ID, &idp.RecoveryCodes{
		CreatedAt: idp.At(f.now), Codes: []idp.RecoveryCode{{Hash: []byte("a")}, {Hash: []byte("b"), UsedAt: 1}},
	}))
	f.call("GET", path, nil, 200, &codes)
	if codes.Left != 1 || codes.CreatedAt != f.now.Unix() {
		t.Errorf("%+v", codes)
	}
	t.Run("Q18 voided codes are gone", func(t *testing.T) {
		f.call("DELETE", path, nil, 204, nil)
		stored, err := f.store.RecoveryCodes(t.Context(), u.ID)
		if err != nil || len(stored.Codes) != 0 {
			t.Errorf("%+v, %v", stored, err)
		}
	})
	if diff := cmp.Diff([]string{"user.changed user.created", "recovery.codes_regenerated voided"}, f.events()); diff != "" {
		t.Errorf("audit: %s", diff)
	}
}

func TestDeviceNames(t *testing.T) {
	f := newFixture(t)
	ana, bob := f.addUser("ana@example.com"), f.addUser("bob@example.com")
	f.signIn(ana.ID, "one")
	var d adminapi.Device
	f.call("PATCH", "/v1/admin/users/"+ana.ID+"/devices/one", `{"name":" Work\u202e phone "}`, 200, &d)
	if d.Name != "Work phone" || d.ID != "one" {
		t.Errorf("%+v", d)
	}
	events, _, err := f.store.Events(t.Context(), f.now, "", 1)
	if err != nil || events[0].Detail["after"] != `{"name":"Work phone"}` || events[0].Detail["before"] == "" {
		t.Errorf("AD10 %+v, %v", events, err)
	}
	f.refused("PATCH", "/v1/admin/users/"+ana.ID+"/devices/one", `{"name":" "}`, idp.Invalid, "name is missing")
	f.refused("PATCH", "/v1/admin/users/"+ana.ID+"/devices/one", `{"name":"x","state":"active"}`, idp.Invalid, "state")
	t.Run("AD7 a device of somebody else", func(t *testing.T) {
		f.refused("PATCH", "/v1/admin/users/"+bob.ID+"/devices/one", `{"name":"x"}`, idp.NotFound)
	})
}

func TestInvitePolicy(t *testing.T) {
	f := newFixture(t)
	f.addUser("ana@example.com")
	var made adminapi.NewInviteAnswer
	f.call("POST", "/v1/admin/invites", adminapi.NewInvite{User: "ana@example.com", Policy: "device_bound"}, 201, &made)
	inv, err := f.store.InviteByID(t.Context(), made.ID)
	if err != nil || inv.Policy != "device_bound" {
		t.Errorf("%+v, %v", inv, err)
	}
	f.refused("POST", "/v1/admin/invites", adminapi.NewInvite{User: "ana@example.com", Policy: "any"}, idp.Invalid, "none of")
	f.refused("POST", "/v1/admin/invites", adminapi.NewInvite{User: "ana@example.com", Policy: "known"}, idp.Invalid, "LATCHKEY_ATTESTATION_MODELS")
	var page adminapi.Page[adminapi.Invite]
	f.call("GET", "/v1/admin/invites", nil, 200, &page)
	if len(page.Items) != 1 || page.Items[0].Policy != "device_bound" || page.Items[0].Binding != "invite" {
		t.Errorf("%+v", page)
	}
}
