package qrsession

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// The longest that a browser may ask the person for the passkey.
const passkeyTimeout = 300 * time.Second

// passkeyOptions answers what navigator.credentials.get takes (5.5). It writes
// nothing: the challenge is the hash of the text, which the session determines.
func (h *Handlers) passkeyOptions(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginAPI(r); err != nil {
		return err
	}
	s, err := h.own(r)
	if err != nil {
		return err
	}
	now := h.Now()
	switch s = login.Observe(s, now); {
	case h.RP == nil:
		return idp.E(idp.BadRequest, "no passkeys at this address")
	case s.State == idp.StateExpired:
		return &idp.Error{Code: idp.SessionExpired, State: s.State}
	case s.State != idp.StateCreated:
		return &idp.Error{Code: idp.WrongState, State: s.State}
	}
	text, err := passkeyText(s)
	if err != nil {
		return err
	}
	timeout := min(s.QRExpiresAt.Sub(now), passkeyTimeout)
	return web.JSON(w, http.StatusOK, h.RP.RequestOptions(passkey.Challenge(text), timeout, nil, passkey.HintClientDevice, passkey.HintHybrid))
}

func passkeyText(s idp.QRSession) ([]byte, error) {
	text, err := login.PasskeyText(s)
	if err != nil {
		return nil, err
	}
	return text.Bytes()
}

type passkeyBody struct {
	Assertion json.RawMessage `json:"assertion"`
}

// passkey approves in the browser that signs in (T20), so that the browser
// vouches for our address: what a relayed code cannot give.
func (h *Handlers) passkey(w http.ResponseWriter, r *http.Request) error {
	var body passkeyBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	if len(body.Assertion) == 0 || h.RP == nil {
		return idp.E(idp.BadRequest, "no assertion, or no passkeys at this address")
	}
	ah, _ := passkey.ApprovalHash(body.Assertion) // none: it repeats nothing, and the checks say what is wrong
	s, err := h.apply(r, func(s idp.QRSession, bh idp.BrowserSecret) (idp.QRSession, error) {
		event := login.Passkey{Browser: bh, ApprovalHash: ah}
		if s.Browser == bh && login.Observe(s, h.Now()).State == idp.StateCreated {
			var err error
			if event, err = h.passkeyEvent(r.Context(), s, event, body.Assertion); err != nil {
				return s, err
			}
		}
		return login.Apply(s, event, h.Now())
	})
	if err != nil {
		if s.SID != "" && idp.CodeOf(err) != idp.SessionUnknown && !approver.Ours(err) {
			h.Record(r.Context(), idp.AuditEvent{
				Event: idp.AuditApproveFailed, Actor: "browser", SID: s.SID, Login: s.Login, SP: s.SP,
				Detail: map[string]string{"code": string(idp.CodeOf(err)), "cause": idp.AsError(err).Detail},
			})
		}
		return err
	}
	return h.view(w, r, http.StatusOK, s)
}

// passkeyEvent makes the checks of 6.6 for the browser's own assertion. A
// refusal goes into the event; an error is a failure of ours.
func (h *Handlers) passkeyEvent(ctx context.Context, s idp.QRSession, event login.Passkey, body json.RawMessage) (login.Passkey, error) {
	refuse := func(err error) (login.Passkey, error) {
		if approver.Ours(err) {
			return event, err
		}
		event.Refused = err
		return event, nil
	}
	id, _, err := passkey.CredentialID(body)
	if err != nil {
		return refuse(err)
	}
	facts, err := h.Store.Facts(ctx, store.Wanted{SP: s.SP, Credential: id, Login: s.Login})
	if err != nil {
		return event, err
	}
	if err := approver.Usable(facts.Device); err != nil {
		return refuse(err)
	}
	device := facts.Device
	result, err := h.verify(s, body, device)
	if err != nil {
		return refuse(err)
	}
	result.Record(device)
	if result.CloneSuspect {
		if err := h.Approver.Suspect(ctx, device); err != nil {
			return event, err
		}
		h.RecordClone(ctx, "browser", device, s)
	}
	user, err := h.Approver.May(ctx, s, facts)
	if err != nil {
		return refuse(err)
	}
	level := passkey.Level(device, true)
	if facts.Login == nil {
		return refuse(idp.E(idp.LoginExpired, "login is gone"))
	}
	if err := approver.Reaches(level, facts.SP, facts.Login); err != nil {
		return refuse(err)
	}
	ended, err := h.Approver.Used(ctx, device, s.Context.App.Name, result.ApprovalHash)
	if err != nil {
		return event, err
	}
	if ended {
		h.RecordProbationEnd(ctx, device)
	}
	event.UserID, event.UserDisplay = user.ID, user.Display()
	event.CredentialID, event.DeviceName = device.ID, device.Name
	event.ACR = acr.Class(level)
	return event, nil
}

func (h *Handlers) verify(s idp.QRSession, body json.RawMessage, d *idp.Device) (passkey.Result, error) {
	text, err := passkeyText(s)
	if err != nil {
		return passkey.Result{}, err
	}
	handle, err := idp.DecodeBase32(d.UserID, 16)
	if err != nil {
		return passkey.Result{}, idp.E(idp.BadSignature, "user of the credential has no handle")
	}
	return h.RP.VerifyAssertion(body, passkey.Challenge(text), d, handle)
}

// own reads the session of this browser; anything else is unknown.
func (h *Handlers) own(r *http.Request) (idp.QRSession, error) {
	bh, ok := h.Browser(r)
	sid := r.PathValue("sid")
	if _, err := idp.DecodeBase32(sid, 16); err != nil || !ok {
		return idp.QRSession{}, idp.E(idp.SessionUnknown, "no browser secret or no sid")
	}
	s, err := h.Store.Session(r.Context(), sid)
	if idp.CodeOf(err) == idp.Busy {
		return s, err
	}
	if err != nil || s.Browser != bh {
		return idp.QRSession{}, idp.E(idp.SessionUnknown, "unknown or foreign session")
	}
	return s, nil
}
