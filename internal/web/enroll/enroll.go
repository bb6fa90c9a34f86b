// Package enroll binds a phone to a person (approval-protocol.md 11 and 15.3):
//
//	POST /v1/enroll/redeem    an invite's token -> who invites, __Host-en
//	POST /v1/enroll/recovery  a recovery code -> the same
//	POST /v1/enroll/options   a challenge
//	POST /v1/enroll/finish    keys and proofs -> the device
//	GET  /e                   where an invite's link leads
//
// Invariants: redeeming burns nothing, so that a mail scanner breaks nothing;
// finish burns the invite in the transaction that stores the device. A recovery
// code is burnt when it opens an enrollment. A device of a user who already has
// one starts on probation, and so does one that a recovery code let in; one
// that an old device is to vouch for starts as pending and can do nothing.
package enroll

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/directory"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// life is how long an enrollment may take after its invite was opened, and
// recoveryLife after a recovery code was used (12.3).
const (
	life         = 15 * time.Minute
	recoveryLife = 10 * time.Minute
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Directory directory.Directory
	Masters   *login.MasterKeys
	RP        *passkey.RP // nil: this address cannot have passkeys

	// Attestation is what the deployment asks of new keys; an invite may ask
	// for another policy.
	Attestation passkey.Attestation

	tries    *ratelimit.Window // invites that are none, per address
	recovers *ratelimit.Window // recovery codes that are none, per address
}

// New completes the handlers.
func New(h Handlers) *Handlers {
	h.tries = ratelimit.NewWindow("invite-tries", 10, 10*time.Minute, h.Store, h.Clock)
	h.recovers = ratelimit.NewWindow("recovery-tries", 10, 10*time.Minute, h.Store, h.Clock)
	return &h
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("POST /v1/enroll/redeem", h.API(h.redeem))
	mux.Handle("POST /v1/enroll/recovery", h.API(h.recovery))
	mux.Handle("POST /v1/enroll/options", h.API(h.options))
	mux.Handle("POST /v1/enroll/finish", h.API(h.finish))
	mux.Handle("GET /e", h.Page(h.page))
}

// page is where an invite's link leads.
func (h *Handlers) page(w http.ResponseWriter, r *http.Request) error {
	return h.Pages.Enroll(w, pages.EnrollPage{Frame: h.Frame(w, r, ""), Host: h.Config.Host(), TestSignIn: h.RP != nil})
}

type redeemBody struct {
	Token string `json:"token"`
}

type redeemed struct {
	User      userView `json:"user"`
	InvitedBy string   `json:"invited_by"`
	Needs     []string `json:"needs"`
	Binding   string   `json:"binding"`
	Policy    policy   `json:"policy"`
}

type userView struct {
	Display string `json:"display"`
}

type policy struct {
	Types       []string `json:"types"`
	Attestation string   `json:"attestation"`
}

func (h *Handlers) redeem(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginAPI(r); err != nil {
		return err
	}
	var body redeemBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	ctx, address := r.Context(), ratelimit.Address(idp.ClientFrom(r.Context()).IP)
	if _, err := h.tries.Take(ctx, address); err != nil {
		return err
	}
	inv, err := h.invite(ctx, body.Token)
	if idp.CodeOf(err) != idp.InviteUnknown {
		h.giveBack(ctx, h.tries, address)
	}
	if err != nil {
		return err
	}
	e := &idp.Enrollment{
		InviteID: inv.ID, TokenHash: inv.TokenHash, UserID: inv.UserID, Binding: inv.Binding, Policy: inv.Policy, ExpiresAt: h.Now().Add(life),
	}
	if inv.Binding == idp.BindingDevice {
		e.ExpiresAt = min(e.ExpiresAt, inv.ExpiresAt)
	}
	o, err := h.prepare(ctx, e)
	if err != nil {
		return err
	}
	if err := h.Store.SaveEnrollment(ctx, e); err != nil {
		return err
	}
	return h.opened(w, r, o, inv.InvitedBy, idp.AuditEvent{
		Event: idp.AuditInviteOpened, Actor: "phone", UserID: inv.UserID, Detail: map[string]string{"invite": inv.ID},
	})
}

// giveBack returns a try that was right. A failure costs a try, no more.
func (h *Handlers) giveBack(ctx context.Context, w *ratelimit.Window, address string) {
	if err := w.Return(ctx, address); err != nil {
		h.Log.WarnContext(ctx, "a try was not given back", "corr_id", web.RecordFrom(ctx).CorrID, "error", err.Error())
	}
}

// opening is an enrollment that begins: whose it is, and the cookie that goes on
// with it.
type opening struct {
	*idp.Enrollment
	user   *idp.User
	secret idp.Secret
}

// prepare completes an enrollment, which the caller stores.
func (h *Handlers) prepare(ctx context.Context, e *idp.Enrollment) (*opening, error) {
	user, err := h.Directory.User(ctx, e.UserID)
	if err != nil {
		return nil, err
	}
	if user.Disabled {
		return nil, idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	}
	secret, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return nil, err
	}
	hash := secret.Hash()
	e.CookieHash = hash[:]
	return &opening{e, user, secret}, nil
}

// opened answers that an enrollment has begun.
func (h *Handlers) opened(w http.ResponseWriter, r *http.Request, o *opening, by string, event idp.AuditEvent) error {
	h.Record(r.Context(), event)
	h.SetCookie(w, web.CookieEnroll, o.secret.Reveal(), o.ExpiresAt.Sub(h.Now()))
	return web.JSON(w, http.StatusOK, redeemed{
		User: userView{o.user.Display()}, InvitedBy: by, Needs: []string{}, Binding: bindingOf(o.Enrollment),
		Policy: policy{Types: h.types(o.Enrollment), Attestation: string(h.policy(o.Enrollment).Policy)},
	})
}

func bindingOf(e *idp.Enrollment) string { return cmp.Or(e.Binding, idp.BindingInvite) }

// policy is what is asked of a new key: by the invite, else by the deployment.
func (h *Handlers) policy(e *idp.Enrollment) passkey.Attestation {
	a := h.Attestation
	if e.Policy != "" {
		a.Policy = passkey.Policy(e.Policy)
	}
	if a.Policy == "" {
		a.Policy = passkey.None
	}
	return a
}

// invite finds an invite that can still be used by its token.
func (h *Handlers) invite(ctx context.Context, token string) (*idp.Invite, error) {
	raw, err := idp.DecodeBase64(token, 16)
	if err != nil {
		return nil, idp.E(idp.InviteUnknown, "token is malformed")
	}
	hash := idp.Secret(raw).Hash()
	inv, err := h.Store.Invite(ctx, hash[:])
	if errors.Is(err, store.ErrNotFound) {
		return nil, idp.E(idp.InviteUnknown, "no invite has this token")
	}
	if err != nil {
		return nil, err
	}
	if !inv.Open(h.Now()) {
		if inv.UsedAt == 0 && inv.RevokedAt == 0 {
			h.Record(ctx, idp.AuditEvent{Event: idp.AuditInviteExpired, Actor: "phone", UserID: inv.UserID, Detail: map[string]string{"invite": inv.ID}})
		}
		return nil, idp.E(idp.InviteUsed, "invite %s is used, withdrawn or too old", inv.ID)
	}
	return inv, nil
}

// enrollment is that of the cookie, while its time lasts.
func (h *Handlers) enrollment(r *http.Request) (*idp.Enrollment, error) {
	if err := h.SameOriginAPI(r); err != nil {
		return nil, err
	}
	secret := h.SecretCookie(r, web.CookieEnroll, 32)
	if secret == nil {
		return nil, idp.E(idp.EnrollExpired, "no enrollment cookie")
	}
	hash := secret.Hash()
	e, err := h.Store.Enrollment(r.Context(), hash[:])
	if errors.Is(err, store.ErrNotFound) || err == nil && e.ExpiresAt.Over(h.Now()) {
		return nil, idp.E(idp.EnrollExpired, "enrollment is over")
	}
	return e, err
}
