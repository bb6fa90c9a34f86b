package app_test

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// webPhone is a phone's browser with a platform authenticator.
type webPhone struct {
	t      *testing.T
	http   *http.Client
	auth   virtualwebauthn.Authenticator
	cred   virtualwebauthn.Credential
	rp     virtualwebauthn.RelyingParty
	claim  string
	device string
	finish any // what registered it
}

func newWebPhone(t *testing.T, i *idptest.IdP, ip string, user *idp.User) *webPhone {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := idp.DecodeBase32(user.ID, 16)
	if err != nil {
		t.Fatal(err)
	}
	p := &webPhone{
		t: t, http: &http.Client{Transport: i.Transport(ip), Jar: jar},
		auth: virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: handle, BackupEligible: true}),
		cred: virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2),
		rp:   virtualwebauthn.RelyingParty{ID: "idp.test", Name: "Latchkey", Origin: idptest.Base},
	}
	for len(p.cred.Key.AttestationData()) != 77 { // the library drops a coordinate's leading zeros
		p.cred = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	secret := idp.Secret("0123456789abcdef0123456789abcdef")
	p.claim = secret.Reveal()
	return p
}

// post makes a call as the page's script does.
func (p *webPhone) post(path string, body any, want int) []byte {
	p.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, idptest.Base+path, strings.NewReader(string(raw)))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Requested-By", "latchkey")
	r.Header.Set("Origin", idptest.Base)
	r.Header.Set("Authorization", "Claim "+p.claim)
	resp, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	answer := idptest.Body(p.t, resp)
	if resp.StatusCode != want {
		p.t.Fatalf("%s: %d, want %d: %s", path, resp.StatusCode, want, answer)
	}
	return []byte(answer)
}

// enroll uses an invite's link.
func (p *webPhone) enroll(link string) {
	p.t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		p.t.Fatal(err)
	}
	p.post("/v1/enroll/redeem", map[string]string{"token": u.Fragment}, http.StatusOK)
	options := p.post("/v1/enroll/options", map[string]string{"type": "webauthn"}, http.StatusOK)
	parsed, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		p.t.Fatal(err)
	}
	attestation := virtualwebauthn.CreateAttestationResponse(p.rp, p.auth, p.cred, *parsed)
	var enrolled struct {
		DeviceID string `json:"device_id"`
		State    string `json:"state"`
	}
	body := map[string]any{"type": "webauthn", "attestation": json.RawMessage(attestation), "name": "iPhone"}
	if err := json.Unmarshal(p.post("/v1/enroll/finish", body, http.StatusCreated), &enrolled); err != nil {
		p.t.Fatal(err)
	}
	p.device = enrolled.DeviceID
	p.auth.AddCredential(p.cred)
}

// sign claims a frame and signs the text that belongs to what it was shown.
func (p *webPhone) sign(frame string) (sid string, assertion json.RawMessage) {
	p.t.Helper()
	_, fragment, _ := strings.Cut(frame, "#")
	var answer struct {
		SID     string      `json:"sid"`
		Context idp.Context `json:"context"`
		Text    login.Text  `json:"text"`
	}
	if err := json.Unmarshal(p.post("/v1/approvals/claim", map[string]string{"frame": fragment, "via": "camera"}, http.StatusOK), &answer); err != nil {
		p.t.Fatal(err)
	}
	text := answer.Text
	text.SID, text.Decision, text.Match, text.Live = answer.SID, login.DecisionApprove, login.NoValue, login.NoValue
	var err error
	if text.Context, err = login.ContextHash(answer.Context); err != nil {
		p.t.Fatal(err)
	}
	bytes, err := text.Bytes()
	if err != nil {
		p.t.Fatal(err)
	}
	challenge := sha256.Sum256(bytes)
	signed := virtualwebauthn.CreateAssertionResponse(p.rp, p.auth, p.cred, virtualwebauthn.AssertionOptions{
		Challenge: challenge[:], RelyingPartyID: p.rp.ID,
	})
	return answer.SID, json.RawMessage(signed)
}

func TestSignInWithAPasskeyOnThePhone(t *testing.T) {
	i := idptest.New(t)
	phone := newWebPhone(t, i, "203.0.113.7", i.Alice)
	phone.enroll(i.Invite(i.Alice))
	b := i.Browser("203.0.113.8")
	view := b.Login(b.StartLogin(nil))
	sid, assertion := phone.sign(view.Frames[0].URL)

	body := map[string]any{"type": "webauthn", "match": nil, "live": nil, "assertion": assertion}
	first := phone.post("/v1/approvals/"+sid+"/approve", body, http.StatusOK)
	if !strings.Contains(string(first), "Alice Adams") {
		t.Errorf("answer to the approval: %s", first)
	}
	t.Run("Q6 the same bytes again change nothing", func(t *testing.T) {
		if again := phone.post("/v1/approvals/"+sid+"/approve", body, http.StatusOK); string(again) != string(first) {
			t.Errorf("second answer %s, first %s", again, first)
		}
	})
	posted := idptest.ReadPost(t, b.Finish(sid, idptest.RandomKey()))
	if !strings.Contains(string(posted.SAMLResponse), "alice@example.com") {
		t.Errorf("no NameID in %s", posted.SAMLResponse)
	}
}

func TestAnAssertionIsForOneSession(t *testing.T) {
	i := idptest.New(t)
	phone := newWebPhone(t, i, "203.0.113.7", i.Alice)
	phone.enroll(i.Invite(i.Alice))
	first, second := i.Browser("203.0.113.8"), i.Browser("203.0.113.9")
	_, stolen := phone.sign(first.Login(first.StartLogin(nil)).Frames[0].URL)
	sid, _ := phone.sign(second.Login(second.StartLogin(nil)).Frames[0].URL)
	answer := phone.post("/v1/approvals/"+sid+"/approve", map[string]any{"type": "webauthn", "assertion": stolen}, http.StatusUnprocessableEntity)
	if !strings.Contains(string(answer), string(idp.BadChallenge)) {
		t.Errorf("Q3: %s", answer)
	}
	if view := second.Poll(sid); view.Status != idp.StateScanned {
		t.Errorf("session is %s", view.Status)
	}
}

func TestPasskeyOfAnotherPersonsInvite(t *testing.T) {
	i := idptest.New(t)
	phone := newWebPhone(t, i, "203.0.113.7", i.Alice)
	phone.enroll(i.Invite(i.Alice))
	// The same credential cannot be registered for somebody else.
	thief := newWebPhone(t, i, "203.0.113.7", i.Bob)
	thief.cred = phone.cred
	u, _ := url.Parse(i.Invite(i.Bob))
	thief.post("/v1/enroll/redeem", map[string]string{"token": u.Fragment}, http.StatusOK)
	options, err := virtualwebauthn.ParseAttestationOptions(string(thief.post("/v1/enroll/options", map[string]string{"type": "webauthn"}, http.StatusOK)))
	if err != nil {
		t.Fatal(err)
	}
	attestation := virtualwebauthn.CreateAttestationResponse(thief.rp, thief.auth, thief.cred, *options)
	body := map[string]any{"type": "webauthn", "attestation": json.RawMessage(attestation), "name": "iPhone"}
	if answer := thief.post("/v1/enroll/finish", body, http.StatusConflict); !strings.Contains(string(answer), string(idp.AlreadyRegistered)) {
		t.Errorf("%s", answer)
	}
}

// browserPasskey is a browser whose computer holds a passkey of the user.
func browserPasskey(t *testing.T, i *idptest.IdP, user *idp.User) (*idptest.Browser, *webPhone) {
	here := newWebPhone(t, i, "203.0.113.8", user)
	here.enroll(i.Invite(user))
	return i.Browser("203.0.113.8"), here
}

// assert asks for options and signs them.
func (p *webPhone) assert(b *idptest.Browser, sid string) json.RawMessage {
	p.t.Helper()
	resp := b.API("/v1/login/sessions/"+sid+"/passkey/options", map[string]any{})
	options, err := virtualwebauthn.ParseAssertionOptions(idptest.Body(p.t, resp))
	if err != nil {
		p.t.Fatal(err)
	}
	return json.RawMessage(virtualwebauthn.CreateAssertionResponse(p.rp, p.auth, p.cred, *options))
}

func TestSignInWithAPasskeyHere(t *testing.T) {
	i := idptest.New(t)
	b, here := browserPasskey(t, i, i.Alice)
	view := b.Login(b.StartLogin(nil))
	resp := b.API("/v1/login/sessions/"+view.SID+"/passkey", map[string]any{"assertion": here.assert(b, view.SID)})
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("passkey: %d %s", resp.StatusCode, idptest.Body(t, resp))
	}
	view = idptest.Decode[idptest.View](t, resp)
	if view.Status != idp.StateApproved || view.Hint != "approved" {
		t.Errorf("view %+v; a person who approved in this browser is not asked again", view)
	}
	posted := idptest.ReadPost(t, b.Finish(view.SID, idptest.RandomKey()))
	if !strings.Contains(string(posted.SAMLResponse), idp.ACRPHR) {
		t.Errorf("no class %s in %s", idp.ACRPHR, posted.SAMLResponse)
	}
}

// TestPasskeyRepeated: a page that has lost the answer sends the same again, and
// nothing else counts in its place.
func TestPasskeyRepeated(t *testing.T) {
	i := idptest.New(t)
	b, here := browserPasskey(t, i, i.Alice)
	view := b.Login(b.StartLogin(nil))
	path := "/v1/login/sessions/" + view.SID + "/passkey"
	assertion, other := here.assert(b, view.SID), here.assert(b, view.SID)
	b.API(path, map[string]any{"assertion": assertion})
	version := i.Session(view.SID).Version
	for _, state := range []idp.State{idp.StateApproved, idp.StateConsumed} {
		if resp := b.API(path, map[string]any{"assertion": assertion}); resp.StatusCode != http.StatusOK || idptest.Decode[idptest.View](t, resp).Status != state {
			t.Errorf("%s, repeated: %d", state, resp.StatusCode)
		}
		if got := i.Session(view.SID).Version; got != version {
			t.Errorf("%s: the repeat was written, version %d after %d", state, got, version)
		}
		for name, body := range map[string]any{"another": other, "none": json.RawMessage(`{}`)} {
			if p := idptest.ReadProblem(t, b.API(path, map[string]any{"assertion": body})); p.Code != idp.WrongState {
				t.Errorf("%s, %s assertion: %s", state, name, p.Code)
			}
		}
		if p := idptest.ReadProblem(t, i.Browser("203.0.113.20").API(path, map[string]any{"assertion": assertion})); p.Code != idp.SessionUnknown {
			t.Errorf("%s, another browser: %s", state, p.Code)
		}
		b.Finish(view.SID, idptest.RandomKey())
		version = i.Session(view.SID).Version
	}
}

func TestPasskeyOfAnotherBrowserOrSession(t *testing.T) {
	i := idptest.New(t)
	b, here := browserPasskey(t, i, i.Alice)
	victim := i.Browser("203.0.113.20")
	mine, theirs := b.Login(b.StartLogin(nil)), victim.Login(victim.StartLogin(nil))
	assertion := here.assert(b, mine.SID)
	if p := idptest.ReadProblem(t, b.API("/v1/login/sessions/"+theirs.SID+"/passkey/options", map[string]any{})); p.Code != idp.SessionUnknown {
		t.Errorf("options of a foreign session: %s", p.Code)
	}
	if p := idptest.ReadProblem(t, b.API("/v1/login/sessions/"+theirs.SID+"/passkey", map[string]any{"assertion": assertion})); p.Code != idp.SessionUnknown {
		t.Errorf("passkey for a foreign session: %s", p.Code)
	}
	if p := idptest.ReadProblem(t, victim.API("/v1/login/sessions/"+theirs.SID+"/passkey", map[string]any{"assertion": assertion})); p.Code != idp.BadChallenge {
		t.Errorf("assertion of another session: %s", p.Code)
	}
	if view := victim.Poll(theirs.SID); view.Status != idp.StateCreated {
		t.Errorf("session is %s", view.Status)
	}
}

func TestQRPolicyOff(t *testing.T) {
	i := idptest.New(t)
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.QRPolicy = idp.QRPolicyOff })
	b, here := browserPasskey(t, i, i.Alice)
	location := b.StartLogin(nil)
	b.Get(location)
	u, _ := url.Parse(location)
	loginID := u.Query().Get("l")
	if p := idptest.ReadProblem(t, b.Create(loginID, idptest.RandomKey())); p.Code != idp.PolicyPasskeyRequired {
		t.Fatalf("Q1: a session with a code is answered %s", p.Code)
	}
	resp := b.API("/v1/login/sessions", map[string]any{"login": loginID, "mode": "passkey"}, "Idempotency-Key", idptest.RandomKey())
	view := idptest.Decode[idptest.View](t, resp)
	if resp.StatusCode != http.StatusCreated || len(view.Frames) != 0 {
		t.Fatalf("session for a passkey: %d %+v", resp.StatusCode, view)
	}
	if p := idptest.ReadProblem(t, b.API("/v1/login/sessions/"+view.SID+"/user-code", map[string]any{})); p.Code != idp.WrongState {
		t.Errorf("user code of a session without a code: %s", p.Code)
	}
	frame, err := i.Masters.NewFrame(1, view.SID, 0)
	if err != nil {
		t.Fatal(err)
	}
	phone := i.Phone(i.Bob, "203.0.113.7")
	if _, err := phone.Claim(t.Context(), frame.URL(idptest.Base)); err == nil {
		t.Error("a session without a code can be claimed")
	}
	resp = b.API("/v1/login/sessions/"+view.SID+"/passkey", map[string]any{"assertion": here.assert(b, view.SID)})
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("passkey: %d %s", resp.StatusCode, idptest.Body(t, resp))
	}
	idptest.ReadPost(t, b.Finish(view.SID, idptest.RandomKey()))

	t.Run("Q1 switched off while a code is approved", func(t *testing.T) {
		i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.QRPolicy = "" })
		i.Clock.Add(11e9) // beyond what create may remember
		phone, b := i.Phone(i.Alice, "203.0.113.7"), i.Browser("203.0.113.30")
		view := b.Login(b.StartLogin(nil))
		req, err := phone.Claim(t.Context(), view.Frames[0].URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := phone.Approve(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.QRPolicy = idp.QRPolicyOff })
		if resp := b.Finish(view.SID, idptest.RandomKey()); resp.StatusCode != http.StatusForbidden {
			t.Errorf("finish: %d, want 403", resp.StatusCode)
		}
	})
}
