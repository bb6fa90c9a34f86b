package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// callFrom is a POST as a page causes it: with the cookies that the browser
// would send, or all of them, as if SameSite did not exist.
type callFrom struct {
	path, body, contentType string
	header                  map[string]string
}

func (c callFrom) send(t *testing.T, b *idptest.Browser, cookies bool) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, idptest.Base+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.contentType != "" {
		r.Header.Set("Content-Type", c.contentType)
	}
	for name, value := range c.header {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	return b.Do(r, cookies)
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// TestCrossSite makes every POST that another site could cause and that means
// something. It sends the cookies along: the rules hold without SameSite too.
func TestCrossSite(t *testing.T) {
	g := idptest.Guard(t)
	alice := newPerson(g.IdP, g.Alice)
	location := alice.Start(query(g.Good()))
	view, _ := alice.scan(location)
	_, login, _ := strings.Cut(location, "l=")
	session := "/v1/login/sessions"
	mine := session + "/" + view.SID
	finish := url.Values{"sid": {view.SID}, "finish_key": {idptest.RandomKey()}}.Encode()
	decline := finish + "&decline=1"

	apis := map[string]callFrom{
		"create":        {session, `{"login":"` + login + `","mode":"qr"}`, jsonType, map[string]string{"Idempotency-Key": idptest.RandomKey()}},
		"cancel":        {mine + "/cancel", `{}`, jsonType, nil},
		"extend":        {mine + "/extend", `{}`, jsonType, nil},
		"user-code":     {mine + "/user-code", `{}`, jsonType, nil},
		"claim":         {"/v1/approvals/claim", `{}`, jsonType, map[string]string{"Authorization": "Claim x"}},
		"approve":       {"/v1/approvals/" + view.SID + "/approve", `{}`, jsonType, map[string]string{"Authorization": "Claim x"}},
		"deny":          {"/v1/approvals/" + view.SID + "/deny", `{"reason":"not_me"}`, jsonType, map[string]string{"Authorization": "Claim x"}},
		"extend claim":  {"/v1/approvals/" + view.SID + "/extend", `{}`, jsonType, map[string]string{"Authorization": "Claim x"}},
		"redeem":        {"/v1/enroll/redeem", `{"token":"x"}`, jsonType, nil},
		"enroll finish": {"/v1/enroll/finish", `{}`, jsonType, nil},
		"admin":         {"/v1/admin/users", `{"email":"eve@evil.test"}`, jsonType, map[string]string{"Authorization": "Bearer " + idptest.AdminToken}},
	}
	foreign := map[string]map[string]string{
		"evil Origin":          {"Origin": "https://evil.test", "X-Requested-By": "latchkey"},
		"null Origin":          {"Origin": "null", "X-Requested-By": "latchkey"},
		"Origin of a suffix":   {"Origin": "https://idp.test.evil.test", "X-Requested-By": "latchkey"},
		"http Origin":          {"Origin": "http://idp.test", "X-Requested-By": "latchkey"},
		"no Origin":            {"X-Requested-By": "latchkey"},
		"no X-Requested-By":    {"Origin": idptest.Base},
		"cross-site by fetch":  {"Origin": idptest.Base, "X-Requested-By": "latchkey", "Sec-Fetch-Site": "cross-site"},
		"neighboring by fetch": {"Origin": idptest.Base, "X-Requested-By": "latchkey", "Sec-Fetch-Site": "same-site"},
	}
	for api, call := range apis {
		for from, header := range foreign {
			t.Run("W1 A48 "+api+", "+from, func(t *testing.T) {
				c := call
				c.header = map[string]string{}
				for k, v := range call.header {
					c.header[k] = v
				}
				for k, v := range header {
					c.header[k] = v
				}
				body := g.Refuses(t, http.StatusForbidden, idp.Reason(idp.CrossSite), func() *http.Response { return c.send(t, alice.Browser, true) })
				if strings.Contains(body, "evil") {
					t.Errorf("reflected in %s", body)
				}
			})
		}
	}
	for name, form := range map[string]string{"finish": finish, "decline": decline} {
		for _, origin := range []string{"https://evil.test", "null", "", "https://idp.test.evil.test", "https://idp.test:443", "https://IDP.test"} {
			t.Run("W1 A48 "+name+" from "+origin, func(t *testing.T) {
				c := callFrom{"/login/finish", form, formType, map[string]string{"Origin": origin}}
				g.Refuses(t, http.StatusForbidden, idp.Reason(idp.CrossSite), func() *http.Response { return c.send(t, alice.Browser, true) })
			})
		}
	}
	for _, kind := range []string{"text/plain", formType, "multipart/form-data; boundary=x", ""} {
		t.Run("W1 A48 approve as "+kind, func(t *testing.T) {
			c := apis["approve"]
			c.contentType = kind
			c.header = map[string]string{"Authorization": "Claim " + idp.Base64.EncodeToString(make([]byte, 32)), "X-Requested-By": "latchkey", "Origin": idptest.Base}
			g.Refuses(t, http.StatusUnsupportedMediaType, idp.Reason(idp.UnsupportedType), func() *http.Response { return c.send(t, alice.Browser, true) })
		})
	}
	t.Run("W1 the session came to no harm", func(t *testing.T) {
		if s := alice.Poll(view.SID).Status; s != idp.StateScanned {
			t.Errorf("session is %s", s)
		}
	})
	t.Run("W9 poll from another site", func(t *testing.T) {
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.test"}, {"Origin", "null"}} {
			resp := alice.API(mine, nil, header...)
			if p := idptest.ReadProblem(t, resp); p.Code != idp.CrossSite || resp.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%v: %+v", header, p)
			}
		}
	})
}

// TestLoginCSRF: an attacker scans the screen of somebody else.
func TestLoginCSRF(t *testing.T) {
	i := idptest.New(t)
	eve := newPerson(i, i.Bob)
	victim := i.Browser(address())
	view := victim.Login(victim.Start(query(i.Good())))
	req, err := eve.phone.Claim(t.Context(), view.Frames[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eve.phone.Approve(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	t.Run("W12 the victim is asked, with the attacker's name", func(t *testing.T) {
		view = victim.Poll(view.SID)
		if view.Hint != "confirm_user" || view.ContinueAs == nil || !strings.HasPrefix(*view.ContinueAs, "B") {
			t.Errorf("view %+v", view)
		}
	})
	t.Run("W12 nobody else can finish", func(t *testing.T) {
		refusedPage(t, i, eve.Finish(view.SID, idptest.RandomKey()), http.StatusForbidden, idp.NotYourBrowser)
		eve.Cookies["__Host-bs"] = idp.Base64.EncodeToString(make([]byte, 32))
		refusedPage(t, i, eve.Finish(view.SID, idptest.RandomKey()), http.StatusForbidden, idp.NotYourBrowser)
	})
	t.Run("W12 Not me", func(t *testing.T) {
		if resp := victim.API("/v1/login/sessions/"+view.SID+"/cancel", map[string]string{}); resp.StatusCode != http.StatusOK {
			t.Fatalf("cancel: %d", resp.StatusCode)
		}
		r := victim.Finish(view.SID, idptest.RandomKey())
		if m := read(t, idptest.ReadPost(t, r)); len(m.Assertions) != 0 || m.Top.Second.Value != statusPrefix+"RequestDenied" {
			t.Errorf("%+v", m)
		}
	})
}

func TestCookies(t *testing.T) {
	i := idptest.New(t)
	alice := newPerson(i, i.Alice)
	location := alice.Start(query(i.Good()))
	page := alice.Get(location)
	t.Run("W4 attributes of the browser secret", func(t *testing.T) {
		checkCookie(t, page, "__Host-bs", 900)
	})
	t.Run("W4 a preset SSO session is ignored", func(t *testing.T) {
		preset := i.Alice.ID + ".AAAAAAAAAAAAAAAAAAAAAAAAAA." + strings.Repeat("A", 43)
		seen := map[string]bool{preset: true}
		for range 3 {
			alice.Cookies["__Host-ss"] = preset
			resp := alice.Finish(alice.approve(alice.Start(query(i.Good()))).SID, idptest.RandomKey())
			assertion(t, resp)
			checkCookie(t, resp, "__Host-ss", 86400)
			got := alice.Cookies["__Host-ss"]
			if seen[got] {
				t.Error("the secret is not new")
			}
			seen[got] = true
		}
	})
	t.Run("W4 the SSO session alone signs nobody in", func(t *testing.T) {
		view := alice.Login(alice.Start(query(i.Good())))
		refusedPage(t, i, alice.Finish(view.SID, idptest.RandomKey()), http.StatusConflict, idp.WrongState)
	})
	for _, name := range []string{"__Host-bs", "__Host-ss", "__Host-en"} {
		t.Run("W6 two cookies "+name, func(t *testing.T) {
			for _, path := range []string{location, "/v1/login/sessions/x", "/saml/sso", "/nothing"} {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+path, nil)
				r.Header.Set("Cookie", name+"=evil; other=1; "+name+"="+alice.Cookies["__Host-bs"])
				i.Log.Reset()
				resp := i.Serve(r, address())
				if resp.StatusCode != http.StatusBadRequest || i.Log.Reasons()[0] != string(idp.DuplicateCookie) {
					t.Errorf("%s: %d %v", path, resp.StatusCode, i.Log.Reasons())
				}
			}
		})
	}
	t.Run("W6 cookies of a neighboring host do not lock out", func(t *testing.T) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+location, nil)
		r.Header.Set("Cookie", "bs=evil; bs=evil2; __Host-bs="+alice.Cookies["__Host-bs"])
		if resp := i.Serve(r, address()); resp.StatusCode != http.StatusOK {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
	t.Run("W4 local mode has the names without prefix and Secure", func(t *testing.T) {
		testLocalCookies(t)
	})
}

func checkCookie(t *testing.T, resp *http.Response, name string, life int) {
	t.Helper()
	for _, c := range resp.Cookies() {
		if c.Name != name {
			continue
		}
		if !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || c.MaxAge != life {
			t.Errorf("attributes of %s", c.Raw)
		}
		return
	}
	t.Errorf("no cookie %s in %v", name, resp.Header["Set-Cookie"])
}

// TestRequestOfAnySite: /saml/sso reads no cookie and sets none, and a POST
// from another site, which carries none, leads to the same page.
func TestRequestOfAnySite(t *testing.T) {
	i := idptest.New(t)
	alice := newPerson(i, i.Alice)
	relay := "x"
	t.Run("W1 a cookie jar that imitates Lax completes POST", func(t *testing.T) {
		resp := alice.PostFrom("https://sp-b.test", "/saml/sso", postBody(i.Good(), &relay))
		if resp.StatusCode != http.StatusSeeOther || len(resp.Cookies()) != 0 {
			t.Fatalf("%d, cookies %v", resp.StatusCode, resp.Cookies())
		}
		idptest.CheckHeaders(t, resp)
		assertion(t, alice.Finish(alice.approve(resp.Header.Get("Location")).SID, idptest.RandomKey()))
	})
	t.Run("Q2 without the cookie nothing is created", func(t *testing.T) {
		b := i.Browser(address())
		_, login, _ := strings.Cut(b.Start(query(i.Good())), "l=")
		if p := idptest.ReadProblem(t, b.Create(login, idptest.RandomKey())); p.Code != idp.CookiesNeeded {
			t.Errorf("%+v", p)
		}
	})
	t.Run("W12 two tabs complete independently", func(t *testing.T) {
		one, two := alice.approve(alice.Start(query(i.Good()))), alice.approve(alice.Start(query(i.Good())))
		if assertion(t, alice.Finish(two.SID, idptest.RandomKey())) == assertion(t, alice.Finish(one.SID, idptest.RandomKey())) {
			t.Error("the same assertion")
		}
	})
}
