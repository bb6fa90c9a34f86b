package approval

import (
	"context"
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

type claimBody struct {
	Frame    string `json:"frame"`
	UserCode string `json:"user_code"`
	Via      string `json:"via"` // camera, scanner, code
	Takeover bool   `json:"takeover"`
	Client   struct {
		Lang string `json:"lang"`
		App  string `json:"app"`
	} `json:"client"`
}

func (h *Handlers) claim(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginAPI(r); err != nil {
		return err
	}
	ch, ok := claimKey(r)
	if !ok {
		return idp.E(idp.BadRequest, "claim without a claim key of 32 bytes")
	}
	var body claimBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	if (body.Frame == "") == (body.UserCode == "") {
		return idp.E(idp.BadRequest, "claim with neither or both of frame and user_code")
	}
	address := ratelimit.Address(idp.ClientFrom(r.Context()).IP)
	if err := h.blocked(address, body); err != nil {
		return err // recorded when the limit was reached; now it costs no write
	}
	nonce, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	event := login.Claim{
		ClaimHash: ch, Net: login.Network(idp.ClientFrom(r.Context()).IP), Window: h.Config.QRWindow,
		Takeover: body.Takeover, Nonce: nonce, PhoneKind: login.PhoneKind(r.UserAgent()),
	}
	var s idp.QRSession
	if body.Frame != "" {
		s, err = h.claimFrame(r.Context(), body.Frame, event)
		if refusedClaim(err) && idp.CodeOf(err) != idp.QRInvalid {
			// A frame of ours that came too late or second is counted; a forged
			// one costs nothing but the check of its tag.
			_, limited := h.refused.Take(r.Context(), address)
			err = errors.Join(limited, err)
		}
	} else {
		s, err = h.claimCode(r.Context(), body.UserCode, address, event)
	}
	if err != nil {
		return h.rejected(r, body, err)
	}
	return h.answer(w, r, s)
}

// blocked refuses an address that this process knows to be over a limit.
func (h *Handlers) blocked(address string, body claimBody) error {
	err := h.refused.Blocked(address)
	if err == nil && body.UserCode != "" {
		err = h.codes.Blocked(address)
	}
	return err
}

func refusedClaim(err error) bool {
	switch idp.CodeOf(err) {
	case idp.QRStale, idp.QRInvalid, idp.AlreadyScanned, idp.Contested, idp.WrongState, idp.SessionExpired:
		return true
	}
	return false
}

func (h *Handlers) claimFrame(ctx context.Context, text string, event login.Claim) (idp.QRSession, error) {
	frame, err := h.Masters.OpenFrame(text)
	if err != nil {
		return idp.QRSession{}, err
	}
	event.Frame = frame.N
	return h.apply(ctx, frame.SID, event)
}

// claimCode counts the try before the code is looked up, so that guesses in
// parallel cannot exceed the limit, and gives it back if the code was right.
func (h *Handlers) claimCode(ctx context.Context, typed, address string, event login.Claim) (idp.QRSession, error) {
	if _, err := h.codes.Take(ctx, address); err != nil {
		return idp.QRSession{}, err
	}
	s, err := h.lookUp(ctx, typed, event)
	switch idp.CodeOf(err) {
	case "":
		return s, h.codes.Return(ctx, address)
	case idp.AlreadyScanned, idp.Contested, idp.Busy: // the code was right
		return s, errors.Join(err, h.codes.Return(ctx, address))
	case idp.QRInvalid:
		if _, alarm := h.allCode.Take(ctx, "all"); idp.CodeOf(alarm) == idp.SlowDown {
			h.Log.ErrorContext(ctx, "user codes are being guessed", "event", "alarm", "reason", "codes-wrong-all")
		}
	}
	return s, err
}

func (h *Handlers) lookUp(ctx context.Context, typed string, event login.Claim) (idp.QRSession, error) {
	letters, err := login.ParseUserCode(typed)
	if err != nil {
		return idp.QRSession{}, err
	}
	for _, version := range h.Masters.Versions() {
		mac, err := h.Masters.CodeHash(version, letters)
		if err != nil {
			return idp.QRSession{}, err
		}
		sid, err := h.Store.SessionOfCode(ctx, mac)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return idp.QRSession{}, err
		}
		event.CodeHash = mac
		return h.apply(ctx, sid, event)
	}
	return idp.QRSession{}, idp.E(idp.QRInvalid, "unknown user code")
}

func (h *Handlers) apply(ctx context.Context, sid string, event login.Claim) (idp.QRSession, error) {
	return h.change(ctx, sid, func(s idp.QRSession) (idp.QRSession, error) {
		event.App = s.Context.App // as configured when the request arrived
		return login.Apply(s, event, h.Now())
	})
}

// rejected records a refused claim.
func (h *Handlers) rejected(r *http.Request, body claimBody, err error) error {
	reason := ""
	switch idp.CodeOf(err) {
	case idp.QRStale:
		reason = "stale"
	case idp.QRInvalid:
		if body.UserCode == "" {
			return err // a forged frame: no write for it
		}
		reason = "invalid"
	case idp.SlowDown:
		reason = "rate"
	default:
		return err
	}
	h.Record(r.Context(), idp.AuditEvent{
		Event: idp.AuditScanRejected, Actor: "phone", SID: web.RecordFrom(r.Context()).SID,
		Detail: map[string]string{"reason": reason},
	})
	return err
}

// claimed is the answer to a claim (15.2).
type claimed struct {
	SID       string      `json:"sid"`
	Status    idp.State   `json:"status"`
	ExpiresAt int64       `json:"expires_at"`
	Context   idp.Context `json:"context"`
	Display   display     `json:"display"`
	Text      login.Text  `json:"text"`
	Requires  requires    `json:"requires"`
	WebAuthn  webauthn    `json:"webauthn"`
}

type display struct {
	AppLogo      string   `json:"app_logo"`
	Relation     string   `json:"relation"`
	BrowserKnown string   `json:"browser_known"`
	Warnings     []string `json:"warnings"`
}

type requires struct {
	Match      *int    `json:"match"`
	Liveness   bool    `json:"liveness"`
	Quiz       *string `json:"quiz"`
	MinDelayMS int     `json:"min_delay_ms"`
}

type webauthn struct {
	RPID    string `json:"rpId"`
	Timeout int64  `json:"timeout"`
}

func (h *Handlers) answer(w http.ResponseWriter, r *http.Request, s idp.QRSession) error {
	now := h.Now()
	s = login.Observe(s, now)
	rec := web.RecordFrom(r.Context())
	rec.SID, rec.SP = s.SID, s.SP
	text, err := login.TextOf(s, login.NoValue, login.NoValue)
	if err != nil {
		return err
	}
	var digits *int
	if s.Number != "" {
		n := len(s.Number)
		digits = &n
	}
	known := login.Unknown // who will approve is not known before the signature
	if len(s.Known) == 0 {
		known = "new" // but nobody has signed in in that browser before
	}
	timeout := max(0, min(s.PhoneExpiresAt.Sub(now).Milliseconds(), 300_000))
	return web.JSON(w, http.StatusOK, claimed{
		SID: s.SID, Status: s.State, ExpiresAt: login.EndsAt(s).Seconds(), Context: s.Context, Text: text,
		Display: display{
			AppLogo: "/login/logo/" + web.Initial(s.Context.App.Name), Relation: login.Unknown, BrowserKnown: known,
			Warnings: []string{},
		},
		Requires: requires{Match: digits},
		WebAuthn: webauthn{RPID: h.Config.Hostname(), Timeout: timeout},
	})
}
