package app_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// question is the page that asks whether something may be released: its two
// forms, and all that is written on it.
type question struct {
	action  string
	yes, no url.Values
	text    string
}

// consentPage reads the question. Nothing may have been signed for it.
func consentPage(t testing.TB, i *idptest.IdP, do func() *http.Response) question {
	t.Helper()
	signs := i.Key.Signs()
	resp := do()
	body := idptest.Body(t, resp)
	if resp.StatusCode != http.StatusOK || strings.Contains(body, "SAMLResponse") || i.Key.Signs() != signs {
		t.Fatalf("%d, %d signatures: %s", resp.StatusCode, i.Key.Signs()-signs, body)
	}
	doc, err := html.Parse(strings.NewReader(body))
	must(t, err)
	q := question{text: body}
	var fields url.Values
	for n := range doc.Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "form":
			fields, q.action = url.Values{}, attr["action"]
		case n.Data == "input" && attr["name"] == "consent":
			fields.Set("consent", attr["value"])
			q.yes = fields
		case n.Data == "input" && attr["name"] == "decline":
			fields.Set("decline", attr["value"])
			q.no = fields
		case n.Data == "input":
			fields.Set(attr["name"], attr["value"])
		}
	}
	if q.yes == nil || q.no == nil {
		t.Fatalf("no question in %s", body)
	}
	return q
}

// wanting makes B ask for consent and give some attributes.
func wanting(i *idptest.IdP, consent string) {
	i.UpdateSP(spB, func(sp *idp.ServiceProvider) {
		sp.Consent = consent
		sp.Attributes = []string{"urn:oid:2.5.4.42|givenName = givenName", "odd = \"<b>1</b>\""}
	})
}

// approvedB is a sign-in to B that a phone has approved, and what finishes it.
func approvedB(i *idptest.IdP, alice *person) (finish func(url.Values) *http.Response, sid, key string) {
	view := alice.approve(alice.Start(query(i.Good())))
	key = idptest.RandomKey()
	return func(more url.Values) *http.Response {
		form := url.Values{"sid": {view.SID}, "finish_key": {key}}
		for name, v := range more {
			form[name] = v
		}
		return alice.PostForm("/login/finish", form)
	}, view.SID, key
}

func TestConsentAtFinish(t *testing.T) {
	i := idptest.New(t)
	wanting(i, idp.ConsentOnce)
	alice := newPerson(i, i.Alice)
	finish, sid, key := approvedB(i, alice)
	q := consentPage(t, i, func() *http.Response { return finish(nil) })
	for _, part := range []string{"First name", "Alice", "alice@example.com", "&lt;b&gt;1&lt;/b&gt;", "urn:oid:2.5.4.42", "SP b", "sp-b.test"} {
		if !strings.Contains(q.text, part) {
			t.Errorf("the page does not say %q", part)
		}
	}
	if q.action != "/login/finish" || q.yes.Get("sid") != sid || q.yes.Get("finish_key") != key {
		t.Errorf("%+v", q)
	}
	t.Run("the same page again", func(t *testing.T) {
		if again := consentPage(t, i, func() *http.Response { return finish(nil) }); again.yes.Encode() != q.yes.Encode() {
			t.Errorf("%v", again.yes)
		}
	})
	t.Run("time to read", func(t *testing.T) {
		i.Clock.Add(4 * time.Minute)
		consentPage(t, i, func() *http.Response { return finish(nil) })
	})
	id := assertion(t, alice.PostForm(q.action, q.yes))
	t.Run("a lost answer is asked for again", func(t *testing.T) {
		if again := assertion(t, alice.PostForm(q.action, q.yes)); again != id {
			t.Errorf("another assertion, %s", again)
		}
	})
	var given int
	for _, e := range i.Audit() {
		if e.Event == idp.AuditConsentGiven && e.UserID == i.Alice.ID && e.SP == spB && e.Detail["attributes"] == "givenName odd" {
			given++
		}
	}
	if given != 1 {
		t.Errorf("%d events", given)
	}
	t.Run("not asked again, also by the session", func(t *testing.T) {
		next, _, _ := approvedB(i, newBrowserOf(i, alice))
		assertion(t, next(nil))
		answer, ok := goesOn(alice.Browser, alice.Get(alice.Start(query(i.Good()))))
		if !ok {
			t.Fatal("asks for an approval")
		}
		assertion(t, answer)
	})
	t.Run("asked again when other attributes are released", func(t *testing.T) {
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Attributes = append(sp.Attributes, "sn = familyName") })
		next, _, _ := approvedB(i, newBrowserOf(i, alice))
		if q := consentPage(t, i, func() *http.Response { return next(nil) }); !strings.Contains(q.text, "Adams") {
			t.Error("the new attribute is not shown")
		}
	})
	t.Run("another person is asked", func(t *testing.T) {
		next, _, _ := approvedB(i, newPerson(i, i.Bob))
		consentPage(t, i, func() *http.Response { return next(nil) })
	})
	t.Run("forgotten with the person", func(t *testing.T) {
		ctx := context.Background()
		must(t, i.Store.DeleteUser(ctx, i.Alice.ID))
		if c, err := i.Store.Consent(ctx, i.Alice.ID, spB); err == nil {
			t.Errorf("%+v", c)
		}
	})
}

// newBrowserOf is the same person with another browser.
func newBrowserOf(i *idptest.IdP, p *person) *person { return &person{i.Browser(address()), p.phone} }

func TestConsentTakesTooLong(t *testing.T) {
	i := idptest.New(t)
	wanting(i, idp.ConsentAlways)
	finish, _, _ := approvedB(i, newPerson(i, i.Alice))
	q := consentPage(t, i, func() *http.Response { return finish(nil) })
	for range 3 { // asking again gives no more time
		i.Clock.Add(100*time.Second - time.Millisecond)
		if i.Clock.Now().Sub(idptest.Start) < 5*time.Minute-time.Second {
			consentPage(t, i, func() *http.Response { return finish(nil) })
		}
	}
	i.Clock.Add(time.Second)
	refusedPage(t, i, finish(q.yes), http.StatusGone, idp.SessionExpired)
}

// TestConsentIsNotSkipped: whatever is sent instead of a yes to this very page,
// nothing is signed.
func TestConsentIsNotSkipped(t *testing.T) {
	i := idptest.New(t)
	wanting(i, idp.ConsentAlways)
	alice, mallory := newPerson(i, i.Alice), newPerson(i, i.Bob)
	other, _, _ := approvedB(i, newBrowserOf(i, alice))
	foreign := consentPage(t, i, func() *http.Response { return other(nil) }).yes.Get("consent")
	others, _, _ := approvedB(i, mallory)
	bobs := consentPage(t, i, func() *http.Response { return others(nil) }).yes.Get("consent")

	finish, sid, key := approvedB(i, alice)
	q := consentPage(t, i, func() *http.Response { return finish(nil) })
	for name, tag := range map[string]string{
		"none": "", "a word": "yes", "of another sign-in": foreign, "of another person": bobs, "in other letters": strings.ToLower(q.yes.Get("consent")),
		"cut": q.yes.Get("consent")[:20], "longer": q.yes.Get("consent") + "A",
	} {
		t.Run(name, func(t *testing.T) {
			consentPage(t, i, func() *http.Response { return finish(url.Values{"consent": {tag}}) })
		})
	}
	t.Run("two tags", func(t *testing.T) {
		consentPage(t, i, func() *http.Response { return finish(url.Values{"consent": {"x", q.yes.Get("consent")}}) })
	})
	t.Run("another browser", func(t *testing.T) {
		body := refusedPage(t, i, mallory.PostForm("/login/finish", q.yes), http.StatusForbidden, idp.NotYourBrowser)
		if strings.Contains(body, "alice@example.com") {
			t.Error("it is shown what would be released")
		}
		body = refusedPage(t, i, mallory.Finish(sid, key), http.StatusForbidden, idp.NotYourBrowser)
		if strings.Contains(body, "alice@example.com") {
			t.Error("it is shown what would be released")
		}
	})
	t.Run("another site", func(t *testing.T) {
		refusedPage(t, i, alice.PostFrom("https://evil.test", "/login/finish", []byte(q.yes.Encode())), http.StatusForbidden, idp.CrossSite)
	})
	t.Run("before the approval", func(t *testing.T) {
		view := alice.Login(alice.Start(query(i.Good())))
		resp := alice.PostForm("/login/finish", url.Values{"sid": {view.SID}, "finish_key": {key}, "consent": {q.yes.Get("consent")}})
		refusedPage(t, i, resp, http.StatusConflict, idp.WrongState)
	})
	t.Run("other attributes than those that were shown", func(t *testing.T) {
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Attributes = append(sp.Attributes, "sn = familyName") })
		again := consentPage(t, i, func() *http.Response { return finish(q.yes) })
		if !strings.Contains(again.text, "Adams") {
			t.Error("the new attribute is not shown")
		}
		q = again
	})
	t.Run("other values than those that were shown", func(t *testing.T) {
		i.UpdateUser(i.Alice.ID, func(u *idp.User) { u.GivenName = "Alicia" })
		again := consentPage(t, i, func() *http.Response { return finish(q.yes) })
		if !strings.Contains(again.text, "Alicia") {
			t.Error("the new value is not shown")
		}
		q = again
	})
	assertion(t, finish(q.yes))
	t.Run("asked always", func(t *testing.T) {
		consentPage(t, i, func() *http.Response { return finish(nil) }) // within the time of a repeat
		next, _, _ := approvedB(i, newBrowserOf(i, alice))
		consentPage(t, i, func() *http.Response { return next(nil) })
	})
}

func TestConsentRefused(t *testing.T) {
	i := idptest.New(t)
	wanting(i, idp.ConsentOnce)
	alice := newPerson(i, i.Alice)
	t.Run("at finish", func(t *testing.T) {
		r := i.Good()
		view, key := alice.approve(alice.Start(query(r))), idptest.RandomKey()
		q := consentPage(t, i, func() *http.Response { return alice.Finish(view.SID, key) })
		told(t, alice.PostForm(q.action, q.no), r, "Responder", "RequestDenied")
		told(t, alice.PostForm(q.action, q.yes), r, "Responder", "RequestDenied") // a no stays a no
	})
	t.Run("by the session", func(t *testing.T) {
		q := consentPage(t, i, func() *http.Response {
			view := alice.approve(alice.Start(query(i.Good())))
			return alice.Finish(view.SID, idptest.RandomKey())
		})
		assertion(t, alice.PostForm(q.action, q.yes))
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Consent = idp.ConsentAlways })
		r := i.Good()
		location := alice.Start(query(r))
		q = consentPage(t, i, func() *http.Response { resp, _ := goesOn(alice.Browser, alice.Get(location)); return resp })
		told(t, alice.PostForm(q.action, q.no), r, "Responder", "RequestDenied")
		told(t, alice.PostForm(q.action, q.no), r, "Responder", "RequestDenied") // a lost answer
		refusedPage(t, i, alice.PostForm(q.action, q.yes), http.StatusConflict, idp.WrongState)
	})
	t.Run("what cannot be released is not asked about", func(t *testing.T) {
		i.UpdateSP(spB, func(sp *idp.ServiceProvider) { sp.Attributes = []string{"x = nothing !"} })
		r := i.Good()
		view, key := newBrowserOf(i, alice), idptest.RandomKey()
		shown := view.approve(view.Start(query(r)))
		action, form := pageForm(t, refusedPage(t, i, view.Finish(shown.SID, key), http.StatusForbidden, idp.Code(idp.AttrMissing)))
		told(t, view.PostForm(action, form), r, "Responder", "AuthnFailed")
	})
}

func TestConsentBySession(t *testing.T) {
	i, alice, second := signedIn(t)
	i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.Consent = idp.ConsentOnce })
	t.Run("P15 passive", func(t *testing.T) {
		p := idptest.ReadPost(t, alice.Open(alice.Start(query(to(i, second, `IsPassive="true"`)))))
		if m := read(t, p); m.Top.Second.Value != statusPrefix+"NoPassive" || len(m.Assertions) != 0 {
			t.Errorf("%s", p.SAMLResponse)
		}
	})
	location := alice.Start(query(to(i, second, "")))
	q := consentPage(t, i, func() *http.Response { resp, _ := goesOn(alice.Browser, alice.Get(location)); return resp })
	if q.action != "/login/continue" || "/login?l="+q.yes.Get("l") != location {
		t.Errorf("%+v", q)
	}
	t.Run("skipped", func(t *testing.T) {
		for _, tag := range []string{"", "1", strings.Repeat("A", 43)} {
			consentPage(t, i, func() *http.Response {
				return alice.PostForm("/login/continue", url.Values{"l": {q.yes.Get("l")}, "consent": {tag}})
			})
		}
	})
	t.Run("another browser, with a session of its own", func(t *testing.T) {
		bob := newPerson(i, i.Bob)
		assertion(t, bob.Finish(bob.approve(bob.Start(query(i.Good()))).SID, idptest.RandomKey()))
		refusedPage(t, i, bob.PostForm("/login/continue", q.yes), http.StatusForbidden, idp.NotYourBrowser)
		refusedPage(t, i, bob.Open(location), http.StatusForbidden, idp.NotYourBrowser)
		refusedPage(t, i, alice.PostFrom("https://evil.test", "/login/continue", []byte(q.yes.Encode())), http.StatusForbidden, idp.CrossSite)
	})
	id := assertion(t, alice.PostForm(q.action, q.yes))
	if again := assertion(t, alice.PostForm(q.action, q.yes)); again != id {
		t.Errorf("another assertion, %s", again)
	}
	t.Run("passive, once agreed", func(t *testing.T) {
		answer, ok := goesOn(alice.Browser, alice.Get(alice.Start(query(to(i, second, `IsPassive="true"`)))))
		if !ok {
			t.Fatal("asks")
		}
		assertion(t, answer)
	})
	t.Run("P15 passive, and other attributes meanwhile", func(t *testing.T) {
		r := to(i, second, `IsPassive="true"`)
		location := alice.Start(query(r))
		alice.Get(location)
		i.UpdateSP(second, func(sp *idp.ServiceProvider) { sp.Attributes = []string{"sn = familyName"} })
		resp := alice.PostForm("/login/continue", url.Values{"l": {strings.TrimPrefix(location, "/login?l=")}})
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != location+"&ask=1" {
			t.Fatalf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
		}
		p := idptest.ReadPost(t, alice.Get(location+"&ask=1"))
		if m := read(t, p); m.Top.Second.Value != statusPrefix+"NoPassive" {
			t.Errorf("%s", p.SAMLResponse)
		}
	})
}

// TestConsentWithoutScript: the page of a browser without script leads to the
// same question.
func TestConsentWithoutScript(t *testing.T) {
	i := idptest.New(t)
	wanting(i, idp.ConsentOnce)
	alice := newPerson(i, i.Alice)
	view := alice.approve(alice.Start(query(i.Good())))
	action, form := pageForm(t, idptest.Body(t, alice.Get("/login/plain?sid="+view.SID)))
	form.Del("decline") // of the page's other form
	q := consentPage(t, i, func() *http.Response { return alice.PostForm(action, form) })
	assertion(t, alice.PostForm(q.action, q.yes))
}

// TestConsentWithdrawn: on the own page; the next sign-in asks again.
func TestConsentWithdrawn(t *testing.T) {
	i := idptest.New(t)
	wanting(i, idp.ConsentOnce)
	alice := newPerson(i, i.Alice)
	finish, _, _ := approvedB(i, alice)
	q := consentPage(t, i, func() *http.Response { return finish(nil) })
	assertion(t, alice.PostForm(q.action, q.yes))

	own := atHome(t, i, i.Alice, address())
	type list struct {
		Items []struct {
			ID, App string
			Names   []string
		}
	}
	all := want[list](own, "GET", "/v1/me/consents", nil, http.StatusOK)
	if len(all.Items) != 1 || all.Items[0].App != "SP b" || strings.Join(all.Items[0].Names, " ") != "givenName odd" {
		t.Fatalf("%+v", all)
	}
	path := "/v1/me/consents/" + all.Items[0].ID
	want[any](own, "DELETE", path, map[string]any{}, http.StatusNoContent)
	own.refused("DELETE", path, map[string]any{}, idp.NotFound)
	own.refused("DELETE", "/v1/me/consents/..", map[string]any{}, idp.NotFound)
	if all = want[list](own, "GET", "/v1/me/consents", nil, http.StatusOK); len(all.Items) > 0 {
		t.Errorf("%+v", all)
	}
	next, _, _ := approvedB(i, newBrowserOf(i, alice))
	consentPage(t, i, func() *http.Response { return next(nil) })
	audit := i.Audit()
	var withdrawn bool
	for _, e := range audit {
		withdrawn = withdrawn || e.Event == idp.AuditConsentWithdrawn && e.UserID == i.Alice.ID && e.SP == spB
	}
	if !withdrawn {
		t.Error("no audit event")
	}
}
