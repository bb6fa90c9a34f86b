package admin_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// A change whose audit event cannot be written is not made.
func TestAuditFailure(t *testing.T) {
	f := newFixture(t)
	u := f.addUser("ana@example.com")
	f.signIn(u.ID, "one")
	sp := adminapi.NewServiceProvider{EntityID: "urn:x", ACSURL: "https://sp.test/acs"}
	sp.Slug = ptr("x")
	f.add(sp)
	var inv adminapi.NewInviteAnswer
	f.call("POST", "/v1/admin/invites", adminapi.NewInvite{User: u.ID}, 201, &inv)
	f.call("POST", "/v1/admin/keys", adminapi.NewKey{Ref: "second.pem"}, 201, nil)

	another := sp
	another.EntityID, another.Slug = "urn:y", ptr("y")
	f.noAudit()
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", spPath, another},
		{"PATCH", spPath + "/x", `{"allow_sha1":true}`},
		{"DELETE", spPath + "/x", nil},
		{"POST", "/v1/admin/users", adminapi.NewUser{Email: "bob@example.com"}},
		{"POST", "/v1/admin/users/import", adminapi.Import{Users: []adminapi.NewUser{{Email: "bob@example.com"}}}},
		{"PATCH", "/v1/admin/users/" + u.ID, `{"disabled":true}`},
		{"DELETE", "/v1/admin/users/" + u.ID, nil},
		{"POST", "/v1/admin/users/" + u.ID + "/signout", nil},
		{"POST", "/v1/admin/users/" + u.ID + "/devices/one/revoke", nil},
		{"POST", "/v1/admin/invites", adminapi.NewInvite{User: u.ID}},
		{"DELETE", "/v1/admin/invites/" + inv.ID, nil},
		{"POST", "/v1/admin/keys", adminapi.NewKey{Ref: "third.pem"}},
		{"POST", "/v1/admin/keys/key-2/activate", `{"force":true}`},
		{"POST", "/v1/admin/keys/key-2/confirm", adminapi.KeyConfirmation{ServiceProvider: "x"}},
		{"POST", "/v1/admin/keys/key-2/retire", nil},
	} {
		f.refused(c.method, c.path, c.body, idp.Busy)
	}

	ctx := t.Context()
	stored, err := f.store.ServiceProvider(ctx, "urn:x")
	must(t, err)
	user, err := f.store.User(ctx, u.ID)
	must(t, err)
	device, err := f.store.Device(ctx, "one")
	must(t, err)
	invite, err := f.store.InviteByID(ctx, inv.ID)
	must(t, err)
	if stored.AllowSHA1 || user.Disabled || device.State != idp.DeviceActive || invite.RevokedAt != 0 || f.sessions(u.ID, "") != 1 {
		t.Error("a change was made without an audit event")
	}
	for _, err := range []error{second(f.store.ServiceProvider(ctx, "urn:y")), second(f.store.UserByEmail(ctx, "bob@example.com"))} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("something was added without an audit event: %v", err)
		}
	}
	var keys adminapi.Page[adminapi.Key]
	f.call("GET", "/v1/admin/keys", nil, 200, &keys)
	if len(keys.Items) != 2 || keys.Items[0].ID != "key-1" || keys.Items[1].State != "next" {
		t.Errorf("keys = %+v", keys.Items)
	}
}

func second[T any](_ T, err error) error { return err }

// A change that fails after its audit event leaves a second one that says so.
func TestFailedChange(t *testing.T) {
	f := newFixture(t)
	f.table.Before = func(op string, keys []table.Key) error {
		if op == "transact" {
			return table.ErrUnavailable
		}
		return nil
	}
	f.refused("POST", "/v1/admin/users", adminapi.NewUser{Email: "ana@example.com"}, idp.Busy)
	events, _, err := f.store.Events(t.Context(), f.now, "", 10)
	must(t, err)
	var got []string
	for _, e := range events {
		got = append(got, e.Outcome+" "+e.Detail["code"])
	}
	if diff := cmp.Diff([]string{"failed busy", "ok "}, got); diff != "" {
		t.Error(diff)
	}
}

func TestInvites(t *testing.T) {
	const path = "/v1/admin/invites"
	f := newFixture(t)
	u := f.addUser("ana@example.com")
	var inv adminapi.NewInviteAnswer
	f.call("POST", path, adminapi.NewInvite{User: "Ana@example.com", Life: "48h"}, 201, &inv)
	secret, ok := strings.CutPrefix(inv.URL, base+"/e#")
	if b, err := idp.DecodeBase64(secret, 16); !ok || err != nil || inv.ExpiresAt != f.now.Add(48*time.Hour).Unix() {
		t.Fatalf("invite = %+v", inv)
	} else if hash := idp.Secret(b).Hash(); second(f.store.Invite(t.Context(), hash[:])) != nil {
		t.Error("the link's token opens no invite")
	}
	for _, place := range []string{f.log.String(), f.send(f.request("GET", path, nil)).Body.String(), f.send(f.request("GET", "/v1/admin/audit", nil)).Body.String()} {
		if strings.Contains(place, secret) {
			t.Error("the token is told a second time")
		}
	}

	var page adminapi.Page[adminapi.Invite]
	f.call("GET", path, nil, 200, &page)
	if len(page.Items) != 1 || page.Items[0].State != adminapi.InviteOpen || page.Items[0].UserID != u.ID {
		t.Errorf("list = %+v", page)
	}
	f.call("DELETE", path+"/"+inv.ID, nil, 204, nil)
	f.call("DELETE", path+"/"+inv.ID, nil, 204, nil)
	f.call("GET", path, nil, 200, &page)
	if page.Items[0].State != adminapi.InviteRevoked {
		t.Errorf("after revocation = %+v", page)
	}

	f.signIn(u.ID, "one") // uses an invite of its own
	f.refused("DELETE", path+"/"+u.ID, nil, idp.NotFound)
	f.refused("DELETE", path+"/x", nil, idp.NotFound)
	f.refused("POST", path, adminapi.NewInvite{}, idp.Invalid, "missing")
	f.refused("POST", path, adminapi.NewInvite{User: "eve@example.com"}, idp.Invalid, "no user")
	f.refused("POST", path, adminapi.NewInvite{User: "ana"}, idp.Invalid, "neither")
	for _, life := range []string{"1m", "169h", "a day"} {
		f.refused("POST", path, adminapi.NewInvite{User: u.ID, Life: life}, idp.Invalid, "10m")
	}
}

func TestStatus(t *testing.T) {
	f := newFixture(t)
	f.add(adminapi.NewServiceProvider{Preset: "atlassian", Options: adminapi.Options{Draft: true}})
	f.now = f.now.AddDate(9, 11, 0)
	var s adminapi.Status
	f.call("GET", "/v1/admin/status", nil, 200, &s)
	if s.EntityID != base+"/saml/metadata" || len(s.Issuers) != 2 || s.ServiceProviders != 1 || len(s.Keys) != 1 || s.ServerTime != idp.At(f.now) {
		t.Errorf("status = %+v", s)
	}
	var got []string
	for _, w := range s.Warnings {
		got = append(got, w.Code+" "+w.Subject)
	}
	if diff := cmp.Diff([]string{"key.expiring key-1", "sp.draft atlassian"}, got); diff != "" {
		t.Errorf("warnings: %s", diff)
	}
}

func TestAudit(t *testing.T) {
	f := newFixture(t)
	ana, bob := f.addUser("ana@example.com"), f.addUser("bob@example.com")
	f.call("POST", "/v1/admin/users/"+ana.ID+"/signout", nil, 200, nil)
	for query, want := range map[string][]string{
		"":                            {"user.sessions_revoked", "user.changed", "user.changed"},
		"?event=user.changed":         {"user.changed", "user.changed"},
		"?user=" + bob.ID:             {"user.changed"},
		"?day=2026-11-22&limit=1":     {"user.sessions_revoked"},
		"?day=2026-11-21":             nil,
		"?event=user.changed&limit=1": nil, // filtered out of the page, not the end
	} {
		var page adminapi.AuditPage
		f.call("GET", "/v1/admin/audit"+query, nil, 200, &page)
		var got []string
		for _, e := range page.Items {
			got = append(got, e.Event)
			if e.Actor != "admin:local administrator" {
				t.Errorf("actor = %q", e.Actor)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("audit%s: %s", query, diff)
		}
		if strings.Contains(query, "limit") != (page.After != "") {
			t.Errorf("audit%s: after = %q", query, page.After)
		}
	}
}
