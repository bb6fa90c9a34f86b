package me

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const (
	stepUpLife    = 5 * time.Minute
	probationLife = time.Hour // of a session that a device on probation opens (11.1)
)

// stepUpOptions gives this browser, known by a cookie made for it, a challenge
// that can be answered once.
func (h *Handlers) stepUpOptions(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginAPI(r); err != nil {
		return err
	}
	if h.RP == nil {
		return idp.E(idp.BadRequest, "no passkeys at this address")
	}
	if wait, ok := h.challenges.Take(ratelimit.Address(idp.ClientFrom(r.Context()).IP)); !ok {
		return ratelimit.Slow(wait)
	}
	secret, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	challenge, err := idp.NewSecret(h.Random, passkey.ChallengeSize)
	if err != nil {
		return err
	}
	hash := secret.Hash()
	if err := h.Store.CreateStepUp(r.Context(), hash[:], challenge, h.Now().Add(stepUpLife)); err != nil {
		return meanwhile(err)
	}
	h.SetCookie(w, web.CookieStepUp, secret.Reveal(), stepUpLife)
	return web.JSON(w, http.StatusOK, h.RP.RequestOptions(challenge, stepUpLife, nil, passkey.HintClientDevice, passkey.HintHybrid))
}

type stepUpBody struct {
	Assertion json.RawMessage `json:"assertion"`
}

// stepUp checks the person in this browser. A session of the same person goes
// on, under a new secret, and rests from now on on what this check reached;
// without one, or with somebody else's, a new one
// begins.
func (h *Handlers) stepUp(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginAPI(r); err != nil {
		return err
	}
	var body stepUpBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	ctx := r.Context()
	device, err := h.check(r, body.Assertion)
	if err != nil {
		return err
	}
	user, err := h.Directory.User(ctx, device.UserID)
	if err != nil {
		return err
	}
	if user.Disabled {
		return idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	}
	ended, err := h.Approver.Used(ctx, device, h.Config.DisplayName, device.LastAH)
	if err != nil {
		return meanwhile(err)
	}
	if ended {
		h.RecordProbationEnd(ctx, device)
	}
	session, err := h.verified(r, device)
	if err != nil {
		return err
	}
	secret, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	hash := secret.Hash()
	session.SecretHash = hash[:]
	if err := h.Store.PutSSOSession(ctx, session); err != nil {
		return meanwhile(err)
	}
	h.SetSession(w, session.UserID, session.SID, secret, session.ExpiresAt)
	h.ClearCookie(w, web.CookieStepUp)
	h.audit(r, person{User: user}, idp.AuditEvent{
		Event: idp.AuditStepUp, SID: session.SID, Device: device.Name, Cred: device.ID, Detail: map[string]string{"acr": session.ACR},
	})
	return web.JSON(w, http.StatusOK, map[string]any{
		"user": userView{user.Display(), user.Email}, "verified_until": session.VerifiedAt.Add(web.VerifiedFor).Seconds(),
	})
}

// check verifies an assertion over this browser's challenge, which is used up.
func (h *Handlers) check(r *http.Request, body json.RawMessage) (*idp.Device, error) {
	ctx := r.Context()
	secret := h.SecretCookie(r, web.CookieStepUp, 32)
	if secret == nil || len(body) == 0 || h.RP == nil {
		return nil, idp.E(idp.BadChallenge, "no step-up cookie or assertion")
	}
	hash := secret.Hash()
	challenge, err := h.Store.TakeStepUp(ctx, hash[:])
	if errors.Is(err, store.ErrNotFound) {
		return nil, idp.E(idp.BadChallenge, "challenge is over or was answered")
	}
	if err != nil {
		return nil, meanwhile(err)
	}
	return h.asserted(ctx, body, challenge, "browser")
}

// asserted is the device that made an assertion over a challenge, as it is to
// be stored.
func (h *Handlers) asserted(ctx context.Context, body json.RawMessage, challenge []byte, actor string) (*idp.Device, error) {
	id, _, err := passkey.CredentialID(body)
	if err != nil {
		return nil, err
	}
	device, err := h.Store.Device(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		device, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := approver.Usable(device); err != nil {
		return nil, err
	}
	handle, err := idp.DecodeBase32(device.UserID, 16)
	if err != nil {
		return nil, idp.E(idp.BadSignature, "user of the credential has no handle")
	}
	result, err := h.RP.VerifyAssertion(body, challenge, device, handle)
	if err != nil {
		return nil, err
	}
	result.Record(device)
	if result.CloneSuspect {
		if err := meanwhile(h.Approver.Suspect(ctx, device)); err != nil {
			return nil, err
		}
		h.RecordClone(ctx, actor, device, idp.QRSession{})
	}
	return device, nil
}

// verified is the person's session with a fresh user check: the one that this
// browser has, else a new one of the level that the passkey reaches.
func (h *Handlers) verified(r *http.Request, d *idp.Device) (*idp.SSOSession, error) {
	now := h.Now()
	latest := now.Add(h.Config.SessionLife)
	if approver.OnProbation(d, now) {
		latest = min(latest, now.Add(probationLife))
	}
	current, err := h.Session(r)
	if err != nil && idp.CodeOf(err) != idp.StepupRequired {
		return nil, err
	}
	if err == nil && current.UserID == d.UserID {
		session := current.SSOSession
		session.ApprovedAt, session.VerifiedAt, session.LastUsedAt = now, now, now
		session.CredentialID, session.ACR = d.ID, acr.Class(passkey.Level(d, true))
		session.ExpiresAt = min(session.ExpiresAt, latest)
		return session, nil
	}
	sid, err := idp.NewID(h.Random)
	if err != nil {
		return nil, err
	}
	browser, system := login.Describe(r.UserAgent(), login.UAData{})
	client := idp.ClientFrom(r.Context())
	return &idp.SSOSession{
		SID: sid, UserID: d.UserID, CredentialID: d.ID, ACR: acr.Class(passkey.Level(d, true)),
		ApprovedAt: now, CreatedAt: now, LastUsedAt: now, VerifiedAt: now, ExpiresAt: latest,
		Browser: browser, OS: system, Place: client.Place,
	}, nil
}
