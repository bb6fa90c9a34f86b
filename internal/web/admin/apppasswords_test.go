package admin_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

func TestAppPasswordsOfUsers(t *testing.T) {
	f := newFixture(t)
	ana, bob := f.addUser("ana@example.com"), f.addUser("bob@example.com")
	must(t, f.store.SaveServiceProvider(t.Context(), &idp.ServiceProvider{EntityID: "https://mail.example.com", Slug: "mail", Name: "Mail", ECP: true}))
	must(t, f.store.SaveServiceProvider(t.Context(), &idp.ServiceProvider{EntityID: "https://web.example.com", Slug: "web", Name: "Web"}))
	path := "/v1/admin/users/" + ana.ID + "/app-passwords"

	var made adminapi.NewAppPasswordAnswer
	f.call("POST", path, adminapi.NewAppPassword{SP: "mail", Name: "Scanner", Life: "24h"}, 201, &made)
	if made.SP != "https://mail.example.com" || made.App != "Mail" || made.Username != "ana@example.com" || made.ExpiresAt != f.now.Add(24*time.Hour).Unix() {
		t.Fatalf("%+v", made)
	}
	characters, err := login.ParseAppPassword(made.Password)
	must(t, err)
	stored, err := f.store.FindAppPassword(t.Context(), login.AppPasswordHash(characters))
	if err != nil || stored.ID != made.ID || stored.UserID != ana.ID {
		t.Fatalf("%+v, %v", stored, err)
	}
	f.call("POST", path, adminapi.NewAppPassword{SP: "https://mail.example.com", Name: "Backup"}, 201, nil)

	var page adminapi.Page[adminapi.AppPassword]
	f.call("GET", path, nil, 200, &page)
	if len(page.Items) != 2 {
		t.Errorf("%+v", page)
	}
	for name, body := range map[string]adminapi.NewAppPassword{
		"lets no programs in": {SP: "web", Name: "x"},
		"unknown":             {SP: "nothing", Name: "x"},
		"no application":      {Name: "x"},
		"no name":             {SP: "mail"},
		"too short":           {SP: "mail", Name: "x", Life: "59m"},
		"too long":            {SP: "mail", Name: "x", Life: "8785h"},
		"no duration":         {SP: "mail", Name: "x", Life: "90d"},
	} {
		t.Run(name, func(*testing.T) { f.call("POST", path, body, 422, nil) })
	}
	t.Run("of another person", func(*testing.T) {
		f.call("DELETE", "/v1/admin/users/"+bob.ID+"/app-passwords/"+made.ID, nil, 404, nil)
	})
	t.Run("E3 revoked", func(t *testing.T) {
		f.call("DELETE", path+"/"+made.ID, nil, 204, nil)
		f.call("DELETE", path+"/"+made.ID, nil, 404, nil)
		f.call("DELETE", path+"/x", nil, 404, nil)
	})
	var events []string
	for _, e := range f.events() {
		if e != "user.changed user.created" {
			events = append(events, e)
		}
	}
	if diff := cmp.Diff([]string{"app_password.created", "app_password.created", "app_password.revoked"}, events); diff != "" {
		t.Errorf("audit: %s", diff)
	}
	t.Run("a person who is removed leaves none", func(t *testing.T) {
		f.call("DELETE", "/v1/admin/users/"+ana.ID, nil, 204, nil)
		left, err := f.store.AppPasswords(t.Context(), ana.ID)
		if err != nil || len(left) != 0 {
			t.Errorf("%+v, %v", left, err)
		}
	})
}
