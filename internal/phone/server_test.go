package phone_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

const (
	now   = idp.Millis(1_795_370_000_123)
	token = "AAAAAAAAAAAAAAAAAAAAAA"
	code  = "BCDFGHJK"
)

// fakeServer is the part of the server that a phone talks to, for one invite
// and one sign-in, built from the same packages.
type fakeServer struct {
	t       *testing.T
	url     string
	keys    *login.MasterKeys
	session idp.QRSession
	device  idp.Device
	tamper  func(answer map[string]any) // changes the next claim's answer
	calls   []string
}

func newServer(t *testing.T) *fakeServer {
	t.Helper()
	keys, err := login.NewMasterKeys(map[int][]byte{1: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeServer{t: t, keys: keys}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/enroll/redeem", f.redeem)
	mux.HandleFunc("POST /v1/enroll/options", f.options)
	mux.HandleFunc("POST /v1/enroll/finish", f.finish)
	mux.HandleFunc("POST /v1/approvals/claim", f.claim)
	mux.HandleFunc("POST /v1/approvals/{sid}/approve", f.approve)
	mux.HandleFunc("POST /v1/approvals/{sid}/deny", f.deny)
	mux.HandleFunc("POST /v1/approvals/{sid}/extend", f.extend)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.calls = append(f.calls, r.URL.Path)
		if r.Header.Get("X-Requested-By") != "latchkey" || r.Header.Get("Origin") != f.url || r.Header.Get("Content-Type") != "application/json" {
			refuse(w, idp.E(idp.CrossSite, "headers"))
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	f.url = srv.URL
	f.newSession()
	return f
}

func (f *fakeServer) newSession() {
	f.t.Helper()
	s, err := login.Apply(idp.QRSession{}, login.Create{
		Login: idp.Login{
			ID: "GAYTEMZUGU3DOOBZHI5TYPJ6H4", SP: "https://sp.example.org/saml", Issuer: "https://id.example.com/idp",
			RequestID: "_a1b2c3", ExpiresAt: now.Add(login.LoginLife),
		},
		SID: "CAIREEYUCULBOGAZDINRYHI6D4", ACR: "urn:latchkey:acr:qr", KeyVer: 1, Nonce: make([]byte, 32),
		Browser: idp.BrowserSecret{1},
		Context: idp.Context{V: 1, Browser: "Firefox 145", OS: "Windows 11", Place: "Ljubljana, SI", IP: "203.0.113.0/24", RequestedAt: now.Seconds()},
	}, now)
	if err != nil {
		f.t.Fatal(err)
	}
	hash, err := f.keys.CodeHash(1, code)
	if err != nil {
		f.t.Fatal(err)
	}
	if f.session, err = login.Apply(s, login.ShowCode{Browser: s.Browser, CodeHash: hash}, now); err != nil {
		f.t.Fatal(err)
	}
}

// frame is the text of the picture on the screen.
func (f *fakeServer) frame() string {
	f.t.Helper()
	frame, err := f.keys.NewFrame(1, f.session.SID, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	return frame.URL(f.url)
}

func (f *fakeServer) redeem(w http.ResponseWriter, r *http.Request) {
	var body struct{ Token string }
	read(f.t, r, &body)
	if body.Token != token {
		refuse(w, idp.E(idp.InviteUnknown, "token"))
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "en", Value: "enrollment", Path: "/", HttpOnly: true})
	write(w, map[string]any{"user": map[string]string{"display": "Ana Kovač"}, "invited_by": "admin", "needs": []string{}})
}

func (f *fakeServer) options(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie("en"); err != nil || c.Value != "enrollment" {
		refuse(w, idp.E(idp.EnrollExpired, "no cookie"))
		return
	}
	write(w, map[string]string{"challenge": idp.Base64.EncodeToString(make([]byte, 32))})
}

func (f *fakeServer) finish(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Type, Name, Kind string
		JWKs             devicekey.KeySet
		Proofs           devicekey.Proofs
	}
	read(f.t, r, &body)
	dev, err := devicekey.Register(make([]byte, 32), body.JWKs, body.Proofs)
	if err != nil || body.Type != "device-key" || body.Name != "Test phone" || body.Kind != "Software phone" {
		f.t.Errorf("finish %+v: %v", body, err)
		refuse(w, idp.E(idp.BadRequest, "finish"))
		return
	}
	f.device = dev
	w.WriteHeader(http.StatusCreated)
	write(w, map[string]any{"device_id": dev.ID, "state": "active", "probation_until": nil})
}

func (f *fakeServer) claim(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Frame    *string
		UserCode *string `json:"user_code"`
		Takeover bool
	}
	read(f.t, r, &body)
	ev := login.Claim{
		ClaimHash: f.claimHash(r), Net: "home", Takeover: body.Takeover, Nonce: make([]byte, 32),
		App: idp.ContextApp{EntityID: f.session.SP, Host: "sp.example.org", Name: "Payroll & Co"},
	}
	sid := devicekey.NoSession
	if body.Frame != nil {
		frame, err := f.keys.OpenFrame(*body.Frame)
		if err != nil {
			refuse(w, err)
			return
		}
		sid, ev.Frame = frame.SID, frame.N
	} else {
		letters, err := login.ParseUserCode(*body.UserCode)
		if err != nil {
			refuse(w, err)
			return
		}
		if ev.CodeHash, err = f.keys.CodeHash(1, letters); err != nil {
			f.t.Error(err)
		}
	}
	if err := devicekey.VerifyProof(r.Header.Get("X-Device-Proof"), &f.device, "POST", f.url+r.URL.Path, sid, now); err != nil {
		f.t.Errorf("device proof: %v", err)
	}
	f.apply(w, ev, f.view)
}

func (f *fakeServer) approve(w http.ResponseWriter, r *http.Request) {
	var body struct{ Type, JWS string }
	read(f.t, r, &body)
	text, err := login.TextOf(f.session, login.NoValue, login.NoValue)
	if err != nil {
		f.t.Error(err)
	}
	b, err := text.Bytes()
	if err != nil {
		f.t.Error(err)
	}
	ah, err := devicekey.VerifyApproval(body.JWS, b, &f.device)
	if err != nil {
		f.apply(w, login.BadApprove{ClaimHash: f.claimHash(r), Err: err}, nil)
		return
	}
	f.apply(w, login.Approve{ClaimHash: f.claimHash(r), UserID: "ana", CredentialID: f.device.ID, ApprovalHash: ah}, func() any {
		return map[string]any{"status": "approved", "app": "Payroll & Co", "user": map[string]string{"display": "Ana Kovač"}, "return_to": nil, "notices": []string{}}
	})
}

func (f *fakeServer) deny(w http.ResponseWriter, r *http.Request) {
	var body struct{ Reason string }
	read(f.t, r, &body)
	f.apply(w, login.Deny{ClaimHash: f.claimHash(r), Reason: body.Reason}, func() any { return map[string]string{"status": "denied"} })
}

func (f *fakeServer) extend(w http.ResponseWriter, r *http.Request) {
	f.apply(w, login.ExtendClaim{ClaimHash: f.claimHash(r)}, f.view)
}

func (f *fakeServer) apply(w http.ResponseWriter, ev login.Event, answer func() any) {
	next, err := login.Apply(f.session, ev, now)
	f.session = next
	if err != nil {
		refuse(w, err)
		return
	}
	write(w, answer())
}

// view is the answer to a claim.
func (f *fakeServer) view() any {
	text, err := login.TextOf(f.session, login.NoValue, login.NoValue)
	if err != nil {
		f.t.Error(err)
	}
	b, err := json.Marshal(map[string]any{
		"sid": f.session.SID, "status": f.session.State, "expires_at": f.session.PhoneExpiresAt.Seconds(),
		"context": f.session.Context, "display": map[string]any{"warnings": []string{}}, "text": text,
		"requires": map[string]any{"match": nil, "liveness": false, "quiz": nil, "min_delay_ms": 0},
	})
	if err != nil {
		f.t.Error(err)
	}
	var answer map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil {
		f.t.Error(err)
	}
	if f.tamper != nil {
		f.tamper(answer)
	}
	return answer
}

func (f *fakeServer) claimHash(r *http.Request) []byte {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Claim ")
	key, err := idp.DecodeBase64(text, 32)
	if !ok || err != nil {
		f.t.Errorf("Authorization: %v", err)
	}
	sum := sha256.Sum256(key)
	return sum[:]
}

func read(t *testing.T, r *http.Request, into any) {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		t.Errorf("body of %s: %v", r.URL.Path, err)
	}
}

func write(w http.ResponseWriter, answer any) { _ = json.NewEncoder(w).Encode(answer) }

func refuse(w http.ResponseWriter, err error) {
	e := idp.AsError(err)
	w.Header().Set("Content-Type", "application/problem+json")
	if e.Code == idp.SlowDown {
		w.Header().Set("Retry-After", "7")
	}
	w.WriteHeader(e.Code.Info().Status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"code": e.Code, "status": e.Code.Info().Status, "detail": e.Words(), "retry": e.Code.Info().Retry, "state": e.State, "trace": "T1",
	})
}
