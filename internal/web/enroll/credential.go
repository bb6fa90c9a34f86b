package enroll

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// types are the kinds of credentials that can be enrolled here. A native key has
// no attestation yet, so it is offered only where none is asked for.
func (h *Handlers) types(e *idp.Enrollment) []string {
	types := []string{}
	if h.RP != nil {
		types = append(types, passkey.Type)
	}
	if h.policy(e).Policy == passkey.None {
		types = append(types, devicekey.Type)
	}
	return types
}

func (h *Handlers) offers(e *idp.Enrollment, typ string) bool {
	return slices.Contains(h.types(e), typ)
}

type optionsBody struct {
	Type string `json:"type"`
}

// options answers a challenge, which is used once: for a passkey as what
// navigator.credentials.create takes, for a native key as such.
func (h *Handlers) options(w http.ResponseWriter, r *http.Request) error {
	e, err := h.enrollment(r)
	if err != nil {
		return err
	}
	var body optionsBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	if !h.offers(e, body.Type) {
		return idp.E(idp.AttestationRefused, "type is not offered")
	}
	first := len(e.Challenge) == 0
	if e.Challenge, err = idp.NewSecret(h.Random, 32); err != nil {
		return err
	}
	e.Type = body.Type
	answer := any(map[string]string{"challenge": idp.Base64.EncodeToString(e.Challenge)})
	if body.Type == passkey.Type {
		if answer, err = h.creationOptions(r.Context(), e); err != nil {
			return err
		}
	}
	if err := h.Store.SaveEnrollment(r.Context(), e); err != nil {
		return changedMeanwhile(err)
	}
	if first {
		h.Record(r.Context(), idp.AuditEvent{
			Event: idp.AuditEnrollStarted, Actor: "phone", UserID: e.UserID, Detail: map[string]string{"binding": bindingOf(e), "type": body.Type},
		})
	}
	return web.JSON(w, http.StatusOK, answer)
}

func (h *Handlers) creationOptions(ctx context.Context, e *idp.Enrollment) (any, error) {
	user, err := h.Directory.User(ctx, e.UserID)
	if err != nil {
		return nil, err
	}
	handle, err := idp.DecodeBase32(user.ID, 16)
	if err != nil {
		return nil, err
	}
	devices, err := h.Store.Devices(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	return h.RP.CreationOptions(passkey.User{Handle: handle, Name: user.Email, Display: user.Display()},
		passkey.Describe(devices), e.Challenge, h.policy(e).Policy, e.ExpiresAt.Sub(h.Now())), nil
}

func changedMeanwhile(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return idp.E(idp.Busy, "enrollment changed meanwhile")
	}
	return err
}

type finishBody struct {
	Type        string           `json:"type"`
	Keys        devicekey.KeySet `json:"jwks"`        // of device-key
	Proofs      devicekey.Proofs `json:"proofs"`      // of device-key
	Attestation json.RawMessage  `json:"attestation"` // of webauthn: RegistrationResponseJSON
	Name        string           `json:"name"`
	Kind        string           `json:"kind"`
}

type finished struct {
	DeviceID       string `json:"device_id"`
	State          string `json:"state"`
	ProbationUntil int64  `json:"probation_until,omitempty"`
}

func (h *Handlers) finish(w http.ResponseWriter, r *http.Request) error {
	e, err := h.enrollment(r)
	if err != nil {
		return err
	}
	var body finishBody
	// Strict, for the sake of the JWKs: one with a member d is a private key,
	// which nobody must ever send.
	if err := web.ReadJSON(r, web.MaxJSON, true, &body); err != nil {
		return err
	}
	device, err := h.register(e, body)
	if err != nil {
		return err
	}
	device.Name, device.Kind = idp.CleanName(body.Name), idp.CleanName(body.Kind)
	if device.Kind == "" {
		device.Kind = login.PhoneKind(r.UserAgent())
	}
	stored, err := h.store(r.Context(), e, device)
	if err != nil {
		return err
	}
	out := finished{DeviceID: stored.ID, State: stored.State}
	if stored.State == idp.DeviceProbation {
		out.ProbationUntil = stored.ProbationUntil.Seconds()
	}
	return web.JSON(w, http.StatusCreated, out)
}

// register verifies the new credential against the challenge that was given
// for its type.
func (h *Handlers) register(e *idp.Enrollment, body finishBody) (idp.Device, error) {
	switch {
	case !h.offers(e, body.Type):
		return idp.Device{}, idp.E(idp.AttestationRefused, "type is not offered")
	case len(e.Challenge) == 0 || e.Type != body.Type:
		return idp.Device{}, idp.E(idp.BadChallenge, "no challenge was asked for, or for another type")
	case body.Type == devicekey.Type:
		return devicekey.Register(e.Challenge, body.Keys, body.Proofs)
	}
	return h.RP.VerifyRegistration(body.Attestation, e.Challenge, h.policy(e))
}
