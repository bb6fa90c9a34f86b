// Package enroll binds a phone to a person (approval-protocol.md 11 and 15.3):
//
//	POST /v1/enroll/redeem    an invite's token -> who invites, __Host-en
//	POST /v1/enroll/options   a challenge
//	POST /v1/enroll/finish    keys and proofs -> the device
//	GET  /e                   where an invite's link leads
//
// Invariants: redeeming burns nothing, so that a mail scanner breaks nothing;
// finish burns the invite in the transaction that stores the device. A device
// of a user who already has one starts on probation.
package enroll

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/directory"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// life is how long an enrollment may take after its invite was opened.
const life = 15 * time.Minute

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Directory directory.Directory
	RP        *passkey.RP // nil: this address cannot have passkeys

	tries *ratelimit.Window // invites that are none, per address
}

// New makes the handlers.
func New(site *web.Site, dir directory.Directory, rp *passkey.RP) *Handlers {
	return &Handlers{
		Site: site, Directory: dir, RP: rp,
		tries: ratelimit.NewWindow("invite-tries", 10, 10*time.Minute, site.Store, site.Clock),
	}
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("POST /v1/enroll/redeem", h.API(h.redeem))
	mux.Handle("POST /v1/enroll/options", h.API(h.options))
	mux.Handle("POST /v1/enroll/finish", h.API(h.finish))
	mux.Handle("GET /e", h.Page(h.page))
}

// page is where an invite's link leads.
func (h *Handlers) page(w http.ResponseWriter, r *http.Request) error {
	return h.Pages.Enroll(w, pages.EnrollPage{Frame: h.Frame(w, r, "/e"), Host: h.Config.Host()})
}

type redeemBody struct {
	Token string `json:"token"`
}

type redeemed struct {
	User      userView `json:"user"`
	InvitedBy string   `json:"invited_by"`
	Needs     []string `json:"needs"`
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
	if err := h.tries.Blocked(address); err != nil {
		return err
	}
	inv, err := h.invite(ctx, body.Token)
	if idp.CodeOf(err) == idp.InviteUnknown {
		if limited := h.tries.Take(ctx, address); limited != nil {
			return limited
		}
	}
	if err != nil {
		return err
	}
	user, err := h.Directory.User(ctx, inv.UserID)
	if err != nil {
		return err
	}
	if user.Disabled {
		return idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	}
	secret, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	hash := secret.Hash()
	err = h.Store.SaveEnrollment(ctx, &idp.Enrollment{
		CookieHash: hash[:], InviteID: inv.ID, TokenHash: inv.TokenHash, UserID: user.ID, ExpiresAt: h.Now().Add(life),
	})
	if err != nil {
		return err
	}
	h.Record(ctx, idp.AuditEvent{Event: idp.AuditInviteOpened, Actor: "phone", UserID: user.ID, Detail: map[string]string{"invite": inv.ID}})
	h.SetCookie(w, web.CookieEnroll, secret.Reveal(), life)
	return web.JSON(w, http.StatusOK, redeemed{
		User: userView{user.Display()}, InvitedBy: inv.InvitedBy, Needs: []string{},
		Policy: policy{Types: h.types(), Attestation: string(passkey.None)},
	})
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
