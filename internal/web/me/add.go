package me

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/qr"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const (
	addLife     = 10 * time.Minute
	addVerified = 20 * time.Minute // how old the user check may be (11.4)
)

type added struct {
	ID        string `json:"id"`
	URL       string `json:"url"` // /e#<token>, only here
	ExpiresAt int64  `json:"expires_at"`
	Size      int    `json:"size"` // of the code's picture, as frames have it
	Bits      string `json:"bits"`
}

// add makes the link that a new device opens (11.4, step 1).
func (h *Handlers) add(w http.ResponseWriter, r *http.Request) error {
	p, err := h.trusted(r, addVerified)
	if err != nil {
		return err
	}
	id, err := idp.NewID(h.Random)
	if err != nil {
		return err
	}
	token, err := idp.NewSecret(h.Random, 16)
	if err != nil {
		return err
	}
	nonce, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	now, hash := h.Now(), token.Hash()
	inv := &idp.Invite{
		ID: id, Binding: idp.BindingDevice, TokenHash: hash[:], UserID: p.ID, InvitedBy: p.Display(),
		CreatedAt: now, ExpiresAt: now.Add(addLife),
	}
	err = h.Store.CreateDeviceAdd(r.Context(), &idp.DeviceAdd{ID: id, UserID: p.ID, Nonce: nonce, CreatedAt: now, ExpiresAt: inv.ExpiresAt}, inv)
	if err != nil {
		return err
	}
	h.audit(r, p, idp.AuditEvent{Event: idp.AuditInviteCreated, Detail: map[string]string{"invite": id, "binding": inv.Binding}})
	url := h.Config.PublicURL + "/e#" + token.Reveal()
	code, err := qr.Encode(url)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, added{ID: id, URL: url, ExpiresAt: inv.ExpiresAt.Seconds(), Size: code.Size, Bits: code.Bitmap()})
}

// addState is how far the adding of a device is.
type addState struct {
	Status    string          `json:"status"` // waiting, key_ready, done
	ExpiresAt int64           `json:"expires_at"`
	Name      string          `json:"name,omitempty"`
	Context   *idp.AddContext `json:"context,omitempty"`
	Text      *login.Text     `json:"text,omitempty"`
	RPID      string          `json:"rpId,omitempty"`
}

func (h *Handlers) adding(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	add, err := h.ownAdd(r, p)
	if err != nil {
		return err
	}
	state := addState{Status: "waiting", ExpiresAt: add.ExpiresAt.Seconds()}
	if add.DeviceID == "" {
		return web.JSON(w, http.StatusOK, state)
	}
	d, err := h.Store.Device(r.Context(), add.DeviceID)
	if err != nil {
		return mine(err)
	}
	state.Name, state.Context = d.Name, &add.Context
	if add.DoneAt != 0 {
		state.Status = "done"
		return web.JSON(w, http.StatusOK, state)
	}
	text, err := login.AddText(add, h.Config.EntityID)
	if err != nil {
		return err
	}
	state.Status, state.Text, state.RPID = "key_ready", &text, h.Config.Hostname()
	return web.JSON(w, http.StatusOK, state)
}

// ownAdd is the adding of the path, if it is the person's and not over.
func (h *Handlers) ownAdd(r *http.Request, p person) (*idp.DeviceAdd, error) {
	id := r.PathValue("id")
	if _, err := idp.DecodeBase32(id, 16); err != nil {
		return nil, mine(store.ErrNotFound)
	}
	add, err := h.Store.DeviceAdd(r.Context(), id)
	if err != nil {
		return nil, mine(err)
	}
	if add.UserID != p.ID {
		return nil, mine(store.ErrNotFound)
	}
	if add.DoneAt == 0 && add.ExpiresAt.Over(h.Now()) {
		return nil, idp.E(idp.EnrollExpired, "adding a device took too long")
	}
	return add, nil
}

// callOff withdraws the link, and the new device if there is one already.
func (h *Handlers) callOff(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	add, err := h.ownAdd(r, p)
	if err != nil {
		return err
	}
	if add.DoneAt != 0 {
		return idp.E(idp.WrongState, "the device is added; remove it instead")
	}
	inv, err := h.Store.InviteByID(r.Context(), add.ID)
	if err != nil {
		return mine(err)
	}
	inv.RevokedAt = h.Now()
	if err := h.Store.SaveInvite(r.Context(), inv); err != nil {
		return meanwhile(err)
	}
	if inv.DeviceID != "" { // also one that came since the adding was read
		if _, err := h.Store.RevokeDevice(r.Context(), p.ID, inv.DeviceID); err != nil {
			return mine(err)
		}
	}
	h.audit(r, p, idp.AuditEvent{Event: idp.AuditInviteRevoked, Detail: map[string]string{"invite": add.ID}})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type vouchBody struct {
	Type      string          `json:"type"` // webauthn, device-key
	Assertion json.RawMessage `json:"assertion"`
	JWS       string          `json:"jws"`
}

// vouch makes the new device active: an old one, of the same person and not on
// probation, signs its key and what was shown of it (11.4, step 4).
func (h *Handlers) vouch(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	var body vouchBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	add, err := h.ownAdd(r, p)
	if err != nil {
		return err
	}
	if add.DeviceID == "" {
		return idp.E(idp.WrongState, "there is no key yet")
	}
	fresh, err := h.Store.Device(r.Context(), add.DeviceID)
	if err != nil {
		return mine(err)
	}
	if add.DoneAt != 0 && fresh.State == idp.DeviceActive {
		return web.JSON(w, http.StatusOK, h.deviceView(fresh, p)) // the same again
	}
	if fresh.State != idp.DevicePending {
		return idp.E(idp.WrongState, "the new device is %s", fresh.State)
	}
	old, err := h.vouched(r, p, add, body)
	if err != nil {
		return err
	}
	ended := h.Approver.Note(r.Context(), old, h.Config.DisplayName, old.LastAH)
	fresh.State, add.DoneAt = idp.DeviceActive, h.Now()
	if err := h.Store.ActivateDevice(r.Context(), add, fresh, old); err != nil {
		return meanwhile(err)
	}
	if ended {
		h.RecordProbationEnd(r.Context(), old)
	}
	h.audit(r, p, idp.AuditEvent{
		Event: idp.AuditEnrolled, Device: fresh.Name, Cred: fresh.ID,
		Detail: map[string]string{"binding": fresh.Binding, "state": fresh.State, "type": fresh.Type, "vouched": old.ID},
	})
	return web.JSON(w, http.StatusOK, h.deviceView(fresh, p))
}

// vouched verifies the old device's signature over the text, which is rebuilt,
// and returns the device as it is to be stored.
func (h *Handlers) vouched(r *http.Request, p person, add *idp.DeviceAdd, body vouchBody) (*idp.Device, error) {
	text, err := login.AddText(add, h.Config.EntityID)
	if err != nil {
		return nil, err
	}
	raw, err := text.Bytes()
	if err != nil {
		return nil, err
	}
	device, err := h.signer(r, raw, body)
	if err != nil {
		return nil, err
	}
	if device.UserID != p.ID {
		return nil, idp.E(idp.UserMismatch, "signed by a device of somebody else")
	}
	return device, h.seasoned(device)
}

func (h *Handlers) signer(r *http.Request, text []byte, body vouchBody) (*idp.Device, error) {
	switch {
	case body.Type == passkey.Type && len(body.Assertion) > 0 && h.RP != nil:
		return h.asserted(r.Context(), body.Assertion, passkey.Challenge(text), "browser")
	case body.Type == devicekey.Type && body.JWS != "":
		return h.native(r, text, body.JWS)
	}
	return nil, idp.E(idp.BadRequest, "no signature of a type that is offered")
}
