package approval

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

type approveBody struct {
	Type      string          `json:"type"` // device-key, webauthn
	Match     *string         `json:"match"`
	Live      *string         `json:"live"`
	JWS       string          `json:"jws"`       // of device-key
	Assertion json.RawMessage `json:"assertion"` // of webauthn: AuthenticationResponseJSON
	Return    bool            `json:"return"`    // a native app leads back to the browser of the same phone (5.5)
}

func (h *Handlers) approve(w http.ResponseWriter, r *http.Request) error {
	sid, ch, err := h.phone(r)
	if err != nil {
		return err
	}
	var body approveBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	sig, err := h.signatureOf(body)
	if err != nil {
		return err
	}
	ctx := r.Context()
	var returnHash []byte
	if body.Return {
		hash := returnNonce(claimSecret(r), sid).Hash()
		returnHash = hash[:]
	}
	s, err := h.change(ctx, sid, func(s idp.QRSession) (idp.QRSession, error) {
		event, err := h.approveEvent(ctx, s, ch, returnHash, body, sig)
		if err != nil {
			return s, err
		}
		return login.Apply(s, event, h.Now())
	})
	if err != nil {
		if s.SID != "" && idp.CodeOf(err) != idp.SessionUnknown {
			event := idp.AuditApproveFailed
			if idp.CodeOf(err) == idp.NumberMismatch {
				event = idp.AuditNumberMismatch
			}
			h.Record(ctx, idp.AuditEvent{
				Event: event, Actor: "phone", SID: s.SID, Login: s.Login, SP: s.SP,
				Detail: map[string]string{"code": string(idp.CodeOf(err)), "cause": idp.AsError(err).Detail},
			})
		}
		return err
	}
	answer := approved{
		Status: s.State, App: s.Context.App.Name, User: approvedUser{s.UserDisplay}, Notices: []string{},
	}
	if !s.Knows(s.UserID) {
		answer.Notices = append(answer.Notices, "first_time_browser")
	}
	if body.Return && len(s.ReturnHash) > 0 {
		to := h.Config.PublicURL + "/login/return?sid=" + s.SID + "&rn=" + returnNonce(claimSecret(r), s.SID).Reveal()
		answer.ReturnTo = &to
	}
	return web.JSON(w, http.StatusOK, answer)
}

// returnNonce is made of the claim key, which only this phone has, so that a
// repeated call gives the same one.
func returnNonce(claim idp.Secret, sid string) idp.Secret {
	mac := hmac.New(sha256.New, claim)
	mac.Write([]byte("latchkey-return/1" + sid))
	return mac.Sum(nil)[:16]
}

type approved struct {
	Status    idp.State    `json:"status"`
	App       string       `json:"app"`
	User      approvedUser `json:"user"`
	UndoUntil *int64       `json:"undo_until"`
	ReturnTo  *string      `json:"return_to"`
	Notices   []string     `json:"notices"`
}

type approvedUser struct {
	Display string `json:"display"`
}

// approveEvent makes the checks of 6.6, in that order, against the session as
// read. What cannot be an approval any more (another claim key, a final state,
// the same bytes again) is left to Apply; so nobody learns more than it tells.
func (h *Handlers) approveEvent(ctx context.Context, s idp.QRSession, ch, returnHash []byte, body approveBody, sig signature) (login.Event, error) {
	event := login.Approve{ClaimHash: ch, ApprovalHash: sig.hash(), ReturnHash: returnHash}
	if !idp.Equal(s.ClaimHash, ch) || login.Observe(s, h.Now()).State != idp.StateScanned {
		return event, nil
	}
	bad := func(err error) (login.Event, error) {
		if approver.Ours(err) {
			return nil, err
		}
		return login.BadApprove{ClaimHash: ch, Err: err}, nil
	}
	refuse := func(err error) (login.Event, error) {
		event.Refused = err
		return event, nil
	}

	facts, err := h.credential(ctx, s, sig)
	if err != nil {
		if idp.CodeOf(err) == idp.CredentialUnknown || idp.CodeOf(err) == idp.CredentialRevoked {
			return refuse(err)
		}
		return bad(err)
	}
	device := facts.Device
	if body.Live != nil || body.Match != nil && s.Number == "" {
		return bad(idp.E(idp.BadChallenge, "a number or liveness id that nobody asked for"))
	}
	match := login.NoValue
	if body.Match != nil {
		number, ok := login.ParseNumber(*body.Match)
		if !ok {
			return bad(idp.E(idp.BadChallenge, "match is not a number"))
		}
		match, event.Number = number, number
	}
	text, err := login.TextOf(s, match, login.NoValue)
	if err != nil {
		return nil, err
	}
	bytes, err := text.Bytes()
	if err != nil {
		return nil, err
	}
	suspect, err := sig.verify(bytes, device)
	if err != nil {
		return bad(err)
	}
	if suspect {
		if err := h.Approver.Suspect(ctx, device); err != nil {
			return nil, err
		}
		h.RecordClone(ctx, "phone", device, s)
	}

	user, err := h.Approver.May(ctx, s, facts)
	if err == nil && acr.Demanded(facts.SP) > acr.LevelQR {
		err = idp.E(idp.PolicyPasskeyRequired, "the application does not accept a code any more")
	}
	if err == nil && s.Number != "" {
		err = h.number(ctx, s, user.ID, event.Number)
	}
	if err != nil {
		if approver.Ours(err) {
			return nil, err
		}
		if idp.CodeOf(err) == idp.NumberMismatch { // Apply counts the try
			return event, nil
		}
		return refuse(err)
	}
	// The credential first: if the session's write fails, nothing was granted.
	ended, err := h.Approver.Used(ctx, device, s.Context.App.Name, event.ApprovalHash)
	if err != nil {
		return nil, err
	}
	if ended {
		h.RecordProbationEnd(ctx, device)
	}
	event.UserID, event.UserDisplay = user.ID, user.Display()
	event.CredentialID, event.DeviceName = device.ID, device.Name
	return event, nil
}

// number counts a try before it is judged, so that parallel tries cannot exceed
// the limit of the person, and gives it back if it was right. Only somebody who
// signs with the person's own device gets here.
func (h *Handlers) number(ctx context.Context, s idp.QRSession, uid, typed string) error {
	if _, err := h.numbers.Take(ctx, uid); err != nil {
		return err
	}
	if !login.NumberMatches(s, typed) {
		return idp.E(idp.NumberMismatch, "wrong number")
	}
	return h.numbers.Return(ctx, uid)
}

// credential finds the device that a signature says it is made by, and with it
// the service provider.
func (h *Handlers) credential(ctx context.Context, s idp.QRSession, sig signature) (store.Facts, error) {
	id, err := sig.credential()
	if err != nil {
		return store.Facts{}, err
	}
	facts, err := h.Store.Facts(ctx, store.Wanted{SP: s.SP, Credential: id})
	if err != nil {
		return facts, err
	}
	if facts.Device == nil {
		// A known pop key signs without a user check: told apart, because the
		// person can do something about it.
		if _, err := h.Store.DeviceOfPopKey(ctx, id); err == nil {
			return facts, idp.E(idp.UVRequired, "signed by a pop key")
		}
	}
	return facts, approver.Usable(facts.Device)
}
