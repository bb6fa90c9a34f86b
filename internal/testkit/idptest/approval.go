package idptest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// Handset is a phone whose every byte a test may choose: phone.Phone is the
// honest one. Enroll registers its keys.
type Handset struct {
	IdP      *IdP
	IP       string
	UV, Pop  *ecdsa.PrivateKey
	Claim    idp.Secret        // claim key of the next calls; NewClaim replaces it
	Cookies  map[string]string // of an enrollment
	DeviceID string            // set by Enroll
}

// Handset makes a phone with keys that nobody knows yet.
func (i *IdP) Handset(ip string) *Handset {
	i.T.Helper()
	h := &Handset{IdP: i, IP: ip, Cookies: map[string]string{}, UV: i.p256(), Pop: i.p256()}
	h.NewClaim()
	return h
}

// EnrolledHandset is a Handset of a user.
func (i *IdP) EnrolledHandset(u *idp.User, ip string) *Handset {
	i.T.Helper()
	h := i.Handset(ip)
	h.Enroll(i.Invite(u))
	return h
}

func (i *IdP) p256() *ecdsa.PrivateKey {
	i.T.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(i.T, err)
	return k
}

// NewClaim makes a new claim key, as a phone does for each code that it scans.
func (h *Handset) NewClaim() {
	h.IdP.T.Helper()
	key, err := idp.NewSecret(rand.Reader, 32)
	must(h.IdP.T, err)
	h.Claim = key
}

// Call makes a call with the claim key. body nil: GET; []byte: sent as it is.
func (h *Handset) Call(path string, body any, header ...string) *http.Response {
	h.IdP.T.Helper()
	method, raw := http.MethodPost, []byte(nil)
	switch b := body.(type) {
	case nil:
		method = http.MethodGet
	case []byte:
		raw = b
	default:
		var err error
		raw, err = json.Marshal(body)
		must(h.IdP.T, err)
	}
	r, err := http.NewRequestWithContext(h.IdP.T.Context(), method, Base+path, bytes.NewReader(raw))
	must(h.IdP.T, err)
	r.Header.Set("Authorization", "Claim "+h.Claim.Reveal())
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Requested-By", "latchkey")
		r.Header.Set("Origin", Base)
	}
	for n := 0; n+1 < len(header); n += 2 {
		if header[n+1] == "" {
			r.Header.Del(header[n])
		} else {
			r.Header.Set(header[n], header[n+1])
		}
	}
	for name, value := range h.Cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp := h.IdP.Serve(r, h.IP)
	for _, c := range resp.Cookies() {
		h.Cookies[c.Name] = c.Value
	}
	return resp
}

// Invitation is what redeeming an invite told.
type Invitation struct {
	User      struct{ Display string }
	InvitedBy string `json:"invited_by"`
}

// Enrolled is the answer to the end of an enrollment.
type Enrolled struct {
	DeviceID       string `json:"device_id"`
	State          string
	ProbationUntil int64 `json:"probation_until"`
}

// Redeem opens an invite by its link.
func (h *Handset) Redeem(link string) *http.Response {
	h.IdP.T.Helper()
	_, token, _ := strings.Cut(link, "#")
	return h.Call("/v1/enroll/redeem", map[string]string{"token": token})
}

// Challenge asks for a challenge to sign.
func (h *Handset) Challenge() []byte {
	h.IdP.T.Helper()
	resp := h.Call("/v1/enroll/options", map[string]string{"type": devicekey.Type})
	h.IdP.expect(resp, http.StatusOK)
	b, err := idp.DecodeBase64(Decode[struct{ Challenge string }](h.IdP.T, resp).Challenge, 32)
	must(h.IdP.T, err)
	return b
}

// EnrollBody is an honest body of /v1/enroll/finish, to be sent or changed.
func (h *Handset) EnrollBody(challenge []byte) map[string]any {
	h.IdP.T.Helper()
	keys, proofs, err := devicekey.SignEnroll(rand.Reader, h.UV, h.Pop, challenge)
	must(h.IdP.T, err)
	raw, err := json.Marshal(map[string]any{"type": devicekey.Type, "jwks": keys, "proofs": proofs, "name": "Handset", "kind": "Test phone"})
	must(h.IdP.T, err)
	var body map[string]any
	must(h.IdP.T, json.Unmarshal(raw, &body))
	return body
}

// Enroll registers the handset by an invite's link.
func (h *Handset) Enroll(link string) Enrolled {
	h.IdP.T.Helper()
	h.IdP.expect(h.Redeem(link), http.StatusOK)
	resp := h.Call("/v1/enroll/finish", h.EnrollBody(h.Challenge()))
	h.IdP.expect(resp, http.StatusCreated)
	e := Decode[Enrolled](h.IdP.T, resp)
	h.DeviceID, h.Cookies = e.DeviceID, map[string]string{}
	return e
}

// Claimed is the answer to a claim.
type Claimed struct {
	SID       string
	Status    idp.State
	ExpiresAt int64 `json:"expires_at"`
	Context   idp.Context
	Text      login.Text
	Requires  struct{ Match *int }
	Display   struct {
		BrowserKnown string `json:"browser_known"`
	}
}

// Scan claims by a frame: its URL or its text.
func (h *Handset) Scan(frame string) *http.Response {
	h.IdP.T.Helper()
	return h.claim("frame", Frame(frame), false)
}

// TakeOver claims what another phone of the same network holds.
func (h *Handset) TakeOver(frame string) *http.Response {
	h.IdP.T.Helper()
	return h.claim("frame", Frame(frame), true)
}

// TypeCode claims by a user code.
func (h *Handset) TypeCode(code string) *http.Response {
	h.IdP.T.Helper()
	return h.claim("user_code", code, false)
}

func (h *Handset) claim(member, value string, takeover bool) *http.Response {
	h.IdP.T.Helper()
	return h.Call("/v1/approvals/claim", map[string]any{member: value, "takeover": takeover})
}

// MustScan is Scan that has to succeed.
func (h *Handset) MustScan(frame string) Claimed {
	h.IdP.T.Helper()
	resp := h.Scan(frame)
	h.IdP.expect(resp, http.StatusOK)
	return Decode[Claimed](h.IdP.T, resp)
}

// Frame is the text of a frame without the URL before it.
func Frame(url string) string {
	if _, frame, ok := strings.Cut(url, "#"); ok {
		return frame
	}
	return url
}

// ToSign is what an honest phone signs for what it was told.
func (c Claimed) ToSign() login.Text {
	t := c.Text
	t.SID, t.Decision, t.Match, t.Live = c.SID, login.DecisionApprove, login.NoValue, login.NoValue
	t.Context, _ = login.ContextHash(c.Context)
	return t
}

// Sign makes an approval of what was claimed.
func (h *Handset) Sign(c Claimed) string {
	h.IdP.T.Helper()
	return h.SignText(h.UV, c.ToSign())
}

// SignText signs a text with a key of the handset.
func (h *Handset) SignText(key *ecdsa.PrivateKey, text login.Text) string {
	h.IdP.T.Helper()
	raw, err := text.Bytes()
	must(h.IdP.T, err)
	jws, err := devicekey.SignApproval(rand.Reader, key, raw)
	must(h.IdP.T, err)
	return jws
}

// Approve sends an approval.
func (h *Handset) Approve(sid, jws string) *http.Response {
	h.IdP.T.Helper()
	return h.Call("/v1/approvals/"+sid+"/approve", map[string]any{"type": devicekey.Type, "match": nil, "live": nil, "jws": jws})
}

// ApproveNumber signs and sends an approval with a number as typed.
func (h *Handset) ApproveNumber(c Claimed, number string) *http.Response {
	h.IdP.T.Helper()
	text := c.ToSign()
	text.Match = number
	return h.Call("/v1/approvals/"+c.SID+"/approve", map[string]any{
		"type": devicekey.Type, "match": number, "jws": h.SignText(h.UV, text),
	})
}

// Deny says no.
func (h *Handset) Deny(sid, reason string) *http.Response {
	h.IdP.T.Helper()
	return h.Call("/v1/approvals/"+sid+"/deny", map[string]string{"reason": reason})
}

// expect fails the test unless the answer has a status.
func (i *IdP) expect(r *http.Response, status int) {
	i.T.Helper()
	if r.StatusCode != status {
		i.T.Fatalf("%s %s: %d %s, want %d", r.Request.Method, r.Request.URL.Path, r.StatusCode, Body(i.T, r), status)
	}
}

// Query is the redirect query of a fresh request of service provider B, changed
// by change, which may be nil.
func (b *Browser) Query(change func(*samltest.Request)) string {
	b.IdP.T.Helper()
	r := samltest.B().Request(b.IdP.Clock.Now())
	r.ID = "_" + RandomKey()
	if change != nil {
		change(&r)
	}
	return samltest.RedirectQuery(r.XML(), nil)
}

// StartLogin sends the browser to us with a fresh request and returns where
// that leads.
func (b *Browser) StartLogin(change func(*samltest.Request)) (location string) {
	b.IdP.T.Helper()
	return b.Start(b.Query(change))
}

// Tab is the same browser for a call at the same time: cookies as they are now.
func (b *Browser) Tab() *Browser {
	tab := *b
	tab.Cookies = maps.Clone(b.Cookies)
	return &tab
}

// ShowCode begins a fresh login with B and shows its first code.
func (b *Browser) ShowCode() View {
	b.IdP.T.Helper()
	return b.Login(b.StartLogin(nil))
}

// Scanned is a session that a handset has claimed.
func (i *IdP) Scanned(b *Browser, h *Handset) (View, Claimed) {
	i.T.Helper()
	v := b.ShowCode()
	h.NewClaim()
	return v, h.MustScan(v.Frames[0].URL)
}

// Approved is a session that a handset has approved.
func (i *IdP) Approved(b *Browser, h *Handset) (View, Claimed) {
	i.T.Helper()
	v, c := i.Scanned(b, h)
	i.expect(h.Approve(c.SID, h.Sign(c)), http.StatusOK)
	return v, c
}

// Session is the stored session.
func (i *IdP) Session(sid string) idp.QRSession {
	i.T.Helper()
	s, err := i.Store.Session(context.Background(), sid)
	must(i.T, err)
	return s
}

// Audit lists the audit events of the day, oldest first.
func (i *IdP) Audit() []idp.AuditEvent {
	i.T.Helper()
	var all []idp.AuditEvent
	for after := ""; ; {
		page, next, err := i.Store.Events(context.Background(), i.Clock.Now(), after, 1000)
		must(i.T, err)
		all = append(all, page...)
		if after = next; after == "" {
			break
		}
	}
	for l, r := 0, len(all)-1; l < r; l, r = l+1, r-1 {
		all[l], all[r] = all[r], all[l]
	}
	return all
}
