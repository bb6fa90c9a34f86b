package app_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	samlstatus "github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

type madePassword struct {
	ID, Name, App, Username, Password string
	ExpiresAt                         int64 `json:"expires_at"`
	LastUsedAt                        int64 `json:"last_used_at"`
	ByAdmin                           bool  `json:"by_admin"`
}

type passwordList struct {
	Items []madePassword
	Apps  []struct{ ID, Name string }
}

// TestOwnAppPasswords: made by the person, used by a program, seen and revoked.
func TestOwnAppPasswords(t *testing.T) {
	p := newProgram(t, samltest.B())
	const path = "/v1/me/app-passwords"
	bob := atHome(t, p.IdP, p.Bob, "198.51.100.20")
	p.UpdateSP(samltest.A().EntityID, func(sp *idp.ServiceProvider) { sp.Access = []string{"user:alice@example.com"} })

	list := want[passwordList](bob, "GET", path, nil, http.StatusOK)
	if len(list.Items) != 0 || len(list.Apps) != 1 || list.Apps[0].ID != "sp-b" || list.Apps[0].Name != "SP b" {
		t.Fatalf("%+v", list)
	}
	body := map[string]string{"app": "sp-b", "name": " Mail on the laptop "}
	made := want[madePassword](bob, "POST", path, body, http.StatusCreated)
	if made.Name != "Mail on the laptop" || made.Username != "bob@example.com" || made.ExpiresAt != p.Clock.Now().Add(90*24*time.Hour).Unix() ||
		!regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(made.Password) {
		t.Fatalf("%+v", made)
	}
	p.name, p.password = made.Username, made.Password
	if a := p.ask(p.request().XML(), http.StatusOK); a.Status != samlstatus.StatusSuccess || a.Assertion.FindElement("./Subject/NameID").Text() != "bob@example.com" {
		t.Errorf("%+v", a)
	}
	list = want[passwordList](bob, "GET", path, nil, http.StatusOK)
	if len(list.Items) != 1 || list.Items[0].Password != "" || list.Items[0].LastUsedAt != p.Clock.Now().Unix() || list.Items[0].ByAdmin {
		t.Errorf("%+v", list)
	}
	if e := p.events(idp.AuditAppPasswordMade); len(e) != 1 || e[0].UserID != p.Bob.ID || e[0].Actor != "user:"+p.Bob.ID {
		t.Errorf("%+v", e)
	}
	t.Run("what is refused", func(t *testing.T) {
		bob.refused("POST", path, map[string]string{"app": "sp-b", "name": " "}, idp.Invalid)
		bob.refused("POST", path, map[string]string{"app": "sp-a", "name": "x"}, idp.AppNotAssigned)
		bob.refused("POST", path, map[string]string{"app": "sp-c", "name": "x"}, idp.Invalid) // lets no programs in
		bob.refused("POST", path, map[string]string{"app": "nothing", "name": "x"}, idp.NotFound)
		bob.refused("DELETE", path+"/"+p.id, map[string]string{}, idp.NotFound) // alice's
		bob.refused("DELETE", path+"/x", map[string]string{}, idp.NotFound)
		if status, text := bob.send("POST", path, body, "Origin", "https://evil.test"); status != http.StatusForbidden {
			t.Errorf("cross-site: %d %s", status, text)
		}
	})
	t.Run("a fresh check of the person is wanted", func(t *testing.T) {
		p.Clock.Add(6 * time.Minute)
		bob.refused("POST", path, body, idp.StepupRequired)
		bob.stepUp()
		want[madePassword](bob, "POST", path, body, http.StatusCreated)
	})
	t.Run("nobody is signed in", func(t *testing.T) {
		stranger := newWebPhone(t, p.IdP, "198.51.100.99", p.Bob)
		for _, method := range []string{"GET", "POST"} {
			stranger.refused(method, path, map[string]string{}, idp.StepupRequired)
		}
	})
	t.Run("E3 revoked", func(t *testing.T) {
		want[any](bob, "DELETE", path+"/"+made.ID, map[string]string{}, http.StatusNoContent)
		if resp, body := p.send(samltest.Envelope("", p.request().XML())); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		bob.refused("DELETE", path+"/"+made.ID, map[string]string{}, idp.NotFound)
		if e := p.events(idp.AuditAppPasswordEnded); len(e) != 1 || e[0].Detail["app_password"] != made.ID {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a bound on how many", func(t *testing.T) {
		refused := false
		for range idp.MaxAppPasswords + 1 {
			status, text := bob.send("POST", path, body)
			refused = status == http.StatusUnprocessableEntity && strings.Contains(text, "50 app passwords")
		}
		if !refused {
			t.Error("there is no bound")
		}
	})
}

// TestAppPasswordOfAProbationer: a device that came a moment ago lets no
// program in.
func TestAppPasswordOfAProbationer(t *testing.T) {
	p := newProgram(t, samltest.B())
	atHome(t, p.IdP, p.Bob, "198.51.100.20")
	second := newWebPhone(t, p.IdP, "198.51.100.21", p.Bob)
	second.enroll(p.Invite(p.Bob))
	second.stepUp()
	devices, err := p.Store.Devices(t.Context(), p.Bob.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range devices {
		devices[i].State, devices[i].ProbationUntil = idp.DeviceProbation, p.Clock.Millis().Add(time.Hour)
		if err := p.Store.SaveDevice(t.Context(), &devices[i]); err != nil {
			t.Fatal(err)
		}
	}
	second.refused("POST", "/v1/me/app-passwords", map[string]string{"app": "sp-b", "name": "x"}, idp.Probation)
}
