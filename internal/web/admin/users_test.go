package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

type userPage = adminapi.Page[adminapi.User]

func (f *fixture) addUser(email string) adminapi.User {
	f.t.Helper()
	var u adminapi.User
	f.call("POST", "/v1/admin/users", adminapi.NewUser{Email: email}, 201, &u)
	return u
}

// signIn gives the user an enrolled phone and an SSO session that it approved.
func (f *fixture) signIn(uid, device string) {
	f.t.Helper()
	ctx := f.t.Context()
	inv := &idp.Invite{ID: "I" + device, TokenHash: []byte(device), UserID: uid, ExpiresAt: idp.At(f.now.Add(time.Hour))}
	must(f.t, f.store.CreateInvite(ctx, inv))
	inv.UsedAt = idp.At(f.now)
	count, err := f.store.Enrolled(ctx, uid)
	must(f.t, err)
	must(f.t, f.store.Enroll(ctx, store.Enrolling{Count: count, Invite: inv, Device: &idp.Device{
		ID: device, UserID: uid, Type: "device-key", Name: "Phone " + device, State: idp.DeviceActive,
		PopKeyID: "pop-" + device, UVKey: []byte("secret?"), CreatedAt: idp.At(f.now),
	}}))
	must(f.t, f.store.SaveSSOSession(ctx, &idp.SSOSession{
		SID: "S" + device, UserID: uid, CredentialID: device, ExpiresAt: idp.At(f.now.Add(time.Hour)),
	}))
}

// sessions counts the SSO sessions that are left, by ending them.
func (f *fixture) sessions(uid, device string) int {
	f.t.Helper()
	n, err := f.store.EndSSOSessions(f.t.Context(), uid, device)
	must(f.t, err)
	return n
}

func TestUsers(t *testing.T) {
	f := newFixture(t)
	var ana adminapi.User
	h := f.call("POST", "/v1/admin/users", adminapi.NewUser{
		Email: "ana@example.com", GivenName: "Ana", FamilyName: "Kovač", Attributes: map[string][]string{"immutableId": {"abc"}},
	}, 201, &ana)
	if h.Get("Location") != "/v1/admin/users/"+ana.ID || h.Get("ETag") != `"1"` || ana.CreatedAt != f.now.Unix() {
		t.Errorf("created %+v with %v", ana, h)
	}
	f.addUser("bob@example.com")
	f.refused("POST", "/v1/admin/users", adminapi.NewUser{Email: "ANA@example.com"}, idp.Conflict, "ANA@example.com")

	var page userPage
	f.call("GET", "/v1/admin/users?limit=1", nil, 200, &page)
	if len(page.Items) != 1 || page.Items[0].Email != "ana@example.com" || page.After == "" {
		t.Fatalf("first page = %+v", page)
	}
	after := page.After
	page = userPage{}
	f.call("GET", "/v1/admin/users?after="+after, nil, 200, &page)
	if len(page.Items) != 1 || page.Items[0].Email != "bob@example.com" {
		t.Errorf("second page = %+v", page)
	}
	page = userPage{}
	f.call("GET", "/v1/admin/users?email=Ana@example.com", nil, 200, &page)
	if len(page.Items) != 1 || page.Items[0].ID != ana.ID {
		t.Errorf("by e-mail = %+v", page)
	}
	page = userPage{}
	if f.call("GET", "/v1/admin/users?email=eve@example.com", nil, 200, &page); len(page.Items) != 0 {
		t.Errorf("by an unknown e-mail = %+v", page)
	}

	path := "/v1/admin/users/" + ana.ID
	var changed adminapi.User
	f.call("PATCH", path, `{"given_name":"Anja","attributes":{"groups":["a","b"],"immutableId":[]}}`, 200, &changed)
	want := map[string][]string{"groups": {"a", "b"}}
	if diff := cmp.Diff(want, changed.Attributes); diff != "" || changed.GivenName != "Anja" || changed.FamilyName != "Kovač" {
		t.Errorf("changed = %+v %s", changed, diff)
	}
	f.call("DELETE", path, nil, 204, nil)
	f.refused("GET", path, nil, idp.NotFound)
	f.refused("GET", "/v1/admin/users/not-an-id", nil, idp.NotFound)
	got := f.events()
	if diff := cmp.Diff([]string{
		"user.changed user.created", "user.changed user.created", "user.changed user.changed", "user.changed user.removed",
	}, got); diff != "" {
		t.Errorf("audit: %s", diff)
	}
}

func TestUserMistakes(t *testing.T) {
	f := newFixture(t)
	for word, u := range map[string]adminapi.NewUser{
		"missing":                          {},
		"not an address":                   {Email: "ana"},
		"a space":                          {Email: "ana k@example.com"},
		"cannot be seen":                   {Email: "ana@example.com", GivenName: "A\u202ena"},
		"longer":                           {Email: "ana@example.com", DisplayName: strings.Repeat("x", 300)},
		"every user has it":                {Email: "ana@example.com", Attributes: map[string][]string{"email": {"x"}}},
		"letters, digits":                  {Email: "ana@example.com", Attributes: map[string][]string{"a b": {"x"}}},
		`attribute "a" holds`:              {Email: "ana@example.com", Attributes: map[string][]string{"a": {"\x00"}}},
		"more than 65536 bytes together":   {Email: "ana@example.com", Attributes: many(17, 4000)},
		`attribute "a000" is longer than `: {Email: "ana@example.com", Attributes: many(1, 5000)},
	} {
		if size := len(fmt.Sprint(u)); size > 60<<10 { // over the limit of a single body
			f.refused("POST", "/v1/admin/users/import", adminapi.Import{Users: []adminapi.NewUser{u}}, idp.Invalid, word)
			continue
		}
		f.refused("POST", "/v1/admin/users", u, idp.Invalid, word)
	}
	if len(f.events()) != 0 {
		t.Errorf("audit = %v, want none", f.events())
	}
}

func many(n, size int) map[string][]string {
	out := map[string][]string{}
	for i := range n {
		out[fmt.Sprintf("a%03d", i)] = []string{strings.Repeat("x", size)}
	}
	return out
}

func TestDisableEndsSessions(t *testing.T) {
	f := newFixture(t)
	u := f.addUser("ana@example.com")
	f.signIn(u.ID, "one")
	var changed adminapi.User
	f.call("PATCH", "/v1/admin/users/"+u.ID, `{"disabled":true}`, 200, &changed)
	if !changed.Disabled || f.sessions(u.ID, "") != 0 {
		t.Errorf("disabled = %v, or a session is left", changed.Disabled)
	}
	f.refused("POST", "/v1/admin/invites", adminapi.NewInvite{User: u.ID}, idp.Invalid, "disabled")
}

func TestSignOut(t *testing.T) {
	f := newFixture(t)
	u := f.addUser("ana@example.com")
	f.signIn(u.ID, "one")
	f.call("POST", "/v1/admin/users/"+u.ID+"/signout", nil, 200, nil)
	if n := f.sessions(u.ID, ""); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestDevices(t *testing.T) {
	f := newFixture(t)
	ana, bob := f.addUser("ana@example.com"), f.addUser("bob@example.com")
	f.signIn(ana.ID, "one")
	f.signIn(ana.ID, "two")
	path := "/v1/admin/users/" + ana.ID + "/devices"

	f.refused("POST", "/v1/admin/users/"+bob.ID+"/devices/one/revoke", nil, idp.NotFound)
	f.refused("POST", path+"/three/revoke", nil, idp.NotFound)
	f.call("POST", path+"/one/revoke", nil, 204, nil)
	f.call("POST", path+"/one/revoke", nil, 204, nil) // again
	if f.sessions(ana.ID, "one") != 0 || f.sessions(ana.ID, "two") != 1 {
		t.Error("revoking a device must end the sessions that it approved, and no others")
	}
	var page adminapi.Page[adminapi.Device]
	w := f.send(f.request("GET", path, nil))
	f.call("GET", path, nil, 200, &page)
	states := map[string]string{}
	for _, d := range page.Items {
		states[d.ID] = d.State
	}
	if diff := cmp.Diff(map[string]string{"one": "revoked", "two": "active"}, states); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(w.Body.String(), "uv_key") {
		t.Error("keys are in the answer")
	}
}

func TestLostUpdate(t *testing.T) {
	f := newFixture(t)
	path := "/v1/admin/users/" + f.addUser("ana@example.com").ID
	f.call("PATCH", path, `{"given_name":"A"}`, 200, nil)
	for _, method := range []string{"PATCH", "DELETE"} {
		r := f.request(method, path, `{"given_name":"B"}`)
		r.Header.Set("If-Match", `"1"`)
		if w := f.send(r); w.Code != 412 || !strings.Contains(w.Body.String(), string(idp.VersionMismatch)) {
			t.Errorf("%s of a stale version = %d %s, want 412", method, w.Code, w.Body)
		}
	}
	r := f.request("PATCH", path, `{"given_name":"B"}`)
	r.Header.Set("If-Match", `"2"`)
	if w := f.send(r); w.Code != 200 || w.Header().Get("ETag") != `"3"` {
		t.Errorf("PATCH of the current version = %d %v", w.Code, w.Header())
	}
}

func TestImport(t *testing.T) {
	const path = "/v1/admin/users/import"
	f := newFixture(t)
	f.call("POST", "/v1/admin/users", adminapi.NewUser{Email: "old@example.com", GivenName: "Old", FamilyName: "Name"}, 201, nil)

	// One wrong row, and nothing is stored.
	f.refused("POST", path, adminapi.Import{Users: []adminapi.NewUser{
		{Email: "a@example.com"}, {Email: "b"}, {Email: "A@example.com"}, {Email: "old@example.com", GivenName: "New"},
	}}, idp.Invalid, "row 2", "not an address", "row 3", "row 1", "row 4", "exists already")
	var page userPage
	if f.call("GET", "/v1/admin/users", nil, 200, &page); len(page.Items) != 1 {
		t.Fatalf("users after a refused import = %+v", page.Items)
	}

	rows := []adminapi.NewUser{{Email: "a@example.com"}, {Email: "old@example.com", GivenName: "New", Disabled: true}}
	imports := []struct {
		body adminapi.Import
		want adminapi.ImportAnswer
	}{
		{adminapi.Import{Users: rows, Update: true, DryRun: true}, adminapi.ImportAnswer{Created: 1, Updated: 1}},
		{adminapi.Import{Users: rows, Update: true}, adminapi.ImportAnswer{Created: 1, Updated: 1}},
		{adminapi.Import{Users: rows}, adminapi.ImportAnswer{Unchanged: 2}},
		{adminapi.Import{Users: []adminapi.NewUser{{Email: "old@example.com"}}}, adminapi.ImportAnswer{Unchanged: 1}},
	}
	for i, c := range imports {
		var got adminapi.ImportAnswer
		if f.call("POST", path, c.body, 200, &got); got != c.want {
			t.Errorf("import %d = %+v, want %+v", i, got, c.want)
		}
	}
	u, err := f.store.UserByEmail(t.Context(), "old@example.com")
	must(t, err)
	if u.GivenName != "New" || u.FamilyName != "Name" || !u.Disabled {
		t.Errorf("updated user = %+v, want the new given name, the old family name, disabled", u)
	}
	f.refused("POST", path, adminapi.Import{}, idp.Invalid, "no users")
	f.refused("POST", path, adminapi.Import{Users: make([]adminapi.NewUser, adminapi.MaxImport+1)}, idp.Invalid, "at most 500")
}
