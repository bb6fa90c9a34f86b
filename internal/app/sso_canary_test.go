package app_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// tap is a connection that remembers the secrets that pass: whatever a program
// makes up and sends, and whatever it is sent.
type tap struct {
	http.RoundTripper
	secrets *[]string
}

// long are strings that can be secrets in JSON, headers and forms.
var long = regexp.MustCompile(`[A-Za-z0-9_\-+/=.]{22,}`)

func (p tap) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	*p.secrets = append(*p.secrets, long.FindAllString(string(body)+" "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Device-Proof"), -1)...)
	return p.RoundTripper.RoundTrip(r)
}

// TestNothingSecretInTheLog fills every input with words that stand out, goes
// through sign-ins that succeed and that fail in many ways, and looks for the
// words and for each real secret in the log.
func TestNothingSecretInTheLog(t *testing.T) {
	i := idptest.New(t)
	var secrets []string
	i.UpdateUser(i.Alice.ID, func(u *idp.User) {
		u.Email, u.GivenName, u.FamilyName = "canary-mail@example.com", "Canary-Given", "Canary-Family"
		u.Attributes = map[string][]string{"canary": {"canary-attribute"}}
	})
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.Attributes = []string{"c = canary"} })
	alice := i.Alice
	invite := i.Invite(alice)
	deps := i.PhoneDeps(address())
	deps.HTTP = &http.Client{Transport: tap{deps.HTTP.Transport, &secrets}}
	p, err := phone.Enroll(t.Context(), deps, invite, "canary-phone")
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(invite, "#")
	secrets = append(secrets, token, idptest.AdminToken)

	b := i.Browser(address())
	b.UserAgent = "Mozilla/5.0 canary-agent"
	request := func() samltest.Request {
		r := i.Good()
		r.ID = "_canary-" + idptest.RandomKey()
		r.Attributes = `ProviderName="canary-provider"`
		r.Children = `<samlp:Extensions><x xmlns="urn:canary">canary-extension</x></samlp:Extensions>` +
			`<saml:Subject><saml:NameID Format="` + idp.NameIDEmail + `">canary-mail@example.com</saml:NameID></saml:Subject>`
		return r
	}
	start := func() (string, idptest.View) {
		location := b.Start(query(request(), "canary-relay"))
		view := b.Login(location)
		for _, f := range view.Frames {
			_, frame, _ := strings.Cut(f.URL, "#")
			secrets = append(secrets, frame, frame[strings.LastIndex(frame, ".")+1:])
		}
		return location, view
	}
	approve := func(view idptest.View) *phone.Request {
		req, err := p.Claim(t.Context(), view.Frames[0].URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Approve(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		return req
	}

	// One that succeeds, after the key was down.
	_, view := start()
	approve(view)
	key := idptest.RandomKey()
	i.Key.Fail(func(int64) error { return keys.ErrUnavailable })
	b.Finish(view.SID, key)
	i.Key.Fail(nil)
	posted := idptest.ReadPost(t, b.Finish(view.SID, key))
	secrets = append(secrets, key, base64.StdEncoding.EncodeToString(posted.SAMLResponse)[:60])
	b.Finish(view.SID, idptest.RandomKey())

	// Denied, cancelled, coded, refused at the end.
	_, view = start()
	req, err := p.Claim(t.Context(), view.Frames[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Deny(t.Context(), req, idp.WhyNotMe)
	b.Finish(view.SID, idptest.RandomKey())
	_, view = start()
	code := idptest.Body(t, b.API("/v1/login/sessions/"+view.SID+"/user-code", map[string]string{}))
	letters := regexp.MustCompile(`[B-Z]{4}-[B-Z]{4}`).FindString(code)
	secrets = append(secrets, letters, strings.ReplaceAll(letters, "-", ""))
	approve(view)
	i.UpdateUser(alice.ID, func(u *idp.User) { u.Disabled = true })
	b.Finish(view.SID, idptest.RandomKey())
	i.UpdateUser(alice.ID, func(u *idp.User) { u.Disabled = false })

	garbage(t, i, b)
	for _, c := range b.Cookies {
		secrets = append(secrets, c)
	}
	log := i.Log.String()
	t.Run("L7 A60 canaries", func(t *testing.T) {
		for line := range strings.Lines(log) {
			if at := strings.Index(strings.ToLower(line), "canary"); at >= 0 {
				t.Errorf("...%s in %s", line[at:min(len(line), at+30)], line)
			}
		}
	})
	t.Run("L7 A60 secrets", func(t *testing.T) {
		sid := regexp.MustCompile(`^[A-Z2-7]{26}$`) // is no secret
		for _, s := range secrets {
			if !sid.MatchString(s) && strings.Contains(log, s) {
				t.Errorf("%q is in the log", s)
			}
		}
		if len(secrets) < 30 || len(i.Log.Reasons()) < 30 {
			t.Errorf("only %d secrets, %d lines", len(secrets), len(i.Log.Reasons()))
		}
	})
	t.Run("L7 A60 markup", func(t *testing.T) {
		for _, s := range []string{"samlp:", "saml:", "<?xml", "PHNhbWxw", "AuthnRequest ", "eyJ"} {
			if strings.Contains(log, s) {
				t.Errorf("%q is in the log", s)
			}
		}
	})
}

// garbage puts canaries where nothing good can come of it.
func garbage(t *testing.T, i *idptest.IdP, b *idptest.Browser) {
	t.Helper()
	r := i.Good()
	r.Issuer = "https://canary.test"
	b.Get("/saml/sso?" + query(r, "canary"))
	r = i.Good()
	r.ACS = "https://canary.test/acs"
	b.Get("/saml/sso?" + query(r))
	r = i.Good()
	r.Destination = "https://canary.test"
	b.Get("/saml/sso?" + query(r))
	r = i.Good()
	r.Version, r.Attributes = "2.0", `Canary="canary"`
	b.Get("/saml/sso?" + query(r))
	r = i.Good()
	r.Children = `<canary xmlns="urn:canary"/>`
	b.Get("/saml/sso?" + query(r))
	r = i.Good()
	r.IssueInstant = "canary"
	b.Get("/saml/sso?" + query(r))
	b.Get("/saml/sso?SAMLRequest=canary&Signature=canary&SigAlg=canary&RelayState=canary")
	b.PostFrom("https://sp-b.test", "/saml/sso", []byte("SAMLRequest=canary"))
	b.PostFrom("https://sp-b.test", "/saml/sso", samltest.POSTBody("<canary>canary", nil))
	a := samltest.A()
	b.Get("/saml/sso?" + a.SignQuery(query(a.Request(i.Clock.Now())), samltest.RSASHA256) + "canary")
	for _, path := range []string{"/canary", "/login?l=canary", "/saml/metadata/canary", "/login/logo/canary", "/assets/canary", "/v1/canary", "/canary%2fcanary", "/m?canary=1"} {
		b.Get(path)
	}
	for _, path := range []string{
		"/v1/login/sessions", "/v1/login/sessions/canary/cancel", "/v1/approvals/claim", "/v1/approvals/canary/approve",
		"/v1/approvals/AAAAAAAAAAAAAAAAAAAAAAAAAA/deny", "/v1/enroll/redeem", "/v1/enroll/options", "/v1/enroll/finish", "/v1/admin/users",
	} {
		for _, body := range []any{
			map[string]any{"canary": "canary", "token": "canary", "frame": "canary", "user_code": "canary", "login": "canary", "reason": "canary", "jws": "canary"},
			[]string{"canary"}, "canary",
			map[string]any{"login": 5, "token": []string{"canary"}, "frame": map[string]int{"canary": 1}},
		} {
			b.API(path, body, "Authorization", "Claim canary-claim-key", "X-Device-Proof", "canary", "Idempotency-Key", "canary")
			b.API(path, body, "Authorization", "Claim "+idp.Base64.EncodeToString([]byte("canary-claim-key-of-32-bytes-123")), "Idempotency-Key", idptest.RandomKey())
			b.API(path, body, "Authorization", "Bearer canary")
		}
	}
	b.PostForm("/login/finish", url.Values{"sid": {"canary"}, "finish_key": {"canary"}})
	b.PostForm("/login/finish", url.Values{"sid": {"AAAAAAAAAAAAAAAAAAAAAAAAAA"}, "finish_key": {idptest.RandomKey()}, "canary": {"canary"}})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+"/login?l=canary", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Referer", "X-Forwarded-For", "X-Amz-Security-Token", "Cookie", "Accept-Language", "Sec-Ch-Ua"} {
		req.Header.Set(name, "__Host-bs=canary; canary=canary")
	}
	i.Serve(req, address())
	req.Host = "canary.test"
	i.Serve(req, address())
}
