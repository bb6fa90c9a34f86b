package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// What is one service provider's is of no use to another.
func TestServiceProvidersAreApart(t *testing.T) {
	i := idptest.New(t)
	b := i.Browser("203.0.113.8")
	refused := func(t *testing.T, query string, reason idp.Reason) {
		t.Helper()
		i.Log.Reset()
		if resp := b.Get("/saml/sso?" + query); resp.StatusCode != http.StatusBadRequest {
			t.Fatalf("answer %d, want 400", resp.StatusCode)
		}
		if got := i.Log.Reasons(); len(got) != 1 || got[0] != string(reason) {
			t.Errorf("reasons %q, want %q", got, reason)
		}
	}
	t.Run("AD8 A57 ACS of another", func(t *testing.T) {
		r := samltest.B().Request(i.Clock.Now())
		r.ACS = samltest.A().ACS[0].Location
		refused(t, samltest.RedirectQuery(r.XML(), nil), idp.ACSUnregistered)
	})
	t.Run("AD8 A57 key of another", func(t *testing.T) {
		query := samltest.RedirectQuery(samltest.B().Request(i.Clock.Now()).XML(), nil)
		refused(t, samltest.A().SignQuery(query, samltest.RSASHA256), idp.SigUntrustedKey)
	})
	t.Run("AD8 A57 P9 persistent identifiers", func(t *testing.T) {
		phone := i.Phone(i.Alice, "203.0.113.7")
		seen := map[string]string{}
		for _, sp := range []*samltest.SP{samltest.A(), samltest.B()} {
			i.UpdateSP(sp.EntityID, func(stored *idp.ServiceProvider) { stored.NameID = "persistent" })
			query := sp.SignQuery(samltest.RedirectQuery(sp.Request(i.Clock.Now()).XML(), nil), samltest.RSASHA256)
			view := b.Login(b.Start(query))
			req, err := phone.Claim(t.Context(), view.Frames[0].URL)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := phone.Approve(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			posted := idptest.ReadPost(t, b.Finish(view.SID, idptest.RandomKey()))
			m := regexp.MustCompile(`persistent"[^>]*>([a-z2-7]+)<`).FindSubmatch(posted.SAMLResponse)
			if m == nil {
				t.Fatalf("no persistent NameID in %s", posted.SAMLResponse)
			}
			if other, ok := seen[string(m[1])]; ok {
				t.Errorf("%s and %s know Alice by the same identifier", other, sp.EntityID)
			}
			seen[string(m[1])] = sp.EntityID
		}
	})
	t.Run("AD8 A57 session of another", func(t *testing.T) {
		// A login of B cannot be finished with a session of A's.
		query := samltest.A().SignQuery(samltest.RedirectQuery(anotherID(samltest.A().Request(i.Clock.Now())).XML(), nil), samltest.RSASHA256)
		view := b.Login(b.Start(query))
		form := url.Values{"sid": {view.SID}, "finish_key": {idptest.RandomKey()}, "l": {"another"}}
		if resp := b.PostForm("/login/finish", form); resp.StatusCode != http.StatusConflict {
			t.Errorf("finish of an unapproved session: %d, want 409", resp.StatusCode)
		}
	})
}

func anotherID(r samltest.Request) samltest.Request {
	r.ID += "-again"
	return r
}
