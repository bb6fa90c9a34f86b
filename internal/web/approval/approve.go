package approval

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

type approveBody struct {
	Type      string          `json:"type"` // device-key, webauthn
	Match     *string         `json:"match"`
	Live      *string         `json:"live"`
	JWS       string          `json:"jws"`       // of device-key
	Assertion json.RawMessage `json:"assertion"` // of webauthn: AuthenticationResponseJSON
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
	s, err := h.change(ctx, sid, func(s idp.QRSession) (idp.QRSession, error) {
		event, err := h.approveEvent(ctx, s, ch, body, sig)
		if err != nil {
			return s, err
		}
		return login.Apply(s, event, h.Now())
	})
	if err != nil {
		if s.SID != "" && idp.CodeOf(err) != idp.SessionUnknown {
			h.Record(ctx, idp.AuditEvent{
				Event: idp.AuditApproveFailed, Actor: "phone", SID: s.SID, Login: s.Login, SP: s.SP,
				Detail: map[string]string{"code": string(idp.CodeOf(err)), "cause": idp.AsError(err).Detail},
			})
		}
		return err
	}
	return web.JSON(w, http.StatusOK, approved{
		Status: s.State, App: s.Context.App.Name, User: approvedUser{s.UserDisplay}, Notices: []string{},
	})
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
func (h *Handlers) approveEvent(ctx context.Context, s idp.QRSession, ch []byte, body approveBody, sig signature) (login.Event, error) {
	event := login.Approve{ClaimHash: ch, ApprovalHash: sig.hash()}
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
	if body.Match != nil || body.Live != nil {
		return bad(idp.E(idp.BadChallenge, "a number or liveness id that nobody asked for"))
	}
	text, err := login.TextOf(s, login.NoValue, login.NoValue)
	if err != nil {
		return nil, err
	}
	bytes, err := text.Bytes()
	if err != nil {
		return nil, err
	}
	if err := sig.verify(bytes, device); err != nil {
		return bad(err)
	}

	user, err := h.Approver.May(ctx, s, facts)
	if err != nil {
		if approver.Ours(err) {
			return nil, err
		}
		return refuse(err)
	}
	// The credential first: if the session's write fails, nothing was granted.
	if err := h.Approver.Used(ctx, device, s, event.ApprovalHash); err != nil {
		return nil, err
	}
	event.UserID, event.UserDisplay = user.ID, user.Display()
	event.CredentialID, event.DeviceName = device.ID, device.Name
	return event, nil
}

// credential finds the device that a signature says it is made by, and with it
// the service provider.
func (h *Handlers) credential(ctx context.Context, s idp.QRSession, sig signature) (store.Facts, error) {
	id, err := sig.credential()
	if err != nil {
		return store.Facts{}, err
	}
	facts, err := h.Store.Facts(ctx, s.SP, id, "")
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
