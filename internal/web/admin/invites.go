package admin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// Limits of an invite's life (approval-protocol.md 11.1).
const (
	minInviteLife = 10 * time.Minute
	maxInviteLife = 7 * 24 * time.Hour
)

func (h *Handlers) listInvites(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := paging(r)
	if err != nil {
		return err
	}
	invites, next, err := h.Store.Invites(r.Context(), after, limit)
	if err != nil {
		return err
	}
	page := adminapi.Page[adminapi.Invite]{Items: []adminapi.Invite{}, After: next}
	for i := range invites {
		page.Items = append(page.Items, adminapi.InviteOf(&invites[i], h.Now()))
	}
	return web.JSON(w, http.StatusOK, page)
}

func (h *Handlers) createInvite(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.NewInvite
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	life, err := h.inviteLife(req.Life)
	if err != nil {
		return err
	}
	if err := h.checkPolicy(req.Policy); err != nil {
		return err
	}
	u, err := h.invitee(ctx, req.User)
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
	now, hash := h.Now(), token.Hash()
	inv := &idp.Invite{
		ID: id, TokenHash: hash[:], UserID: u.ID, InvitedBy: strings.TrimPrefix(actor(ctx), "admin:"),
		CreatedAt: now, ExpiresAt: now.Add(life), Policy: req.Policy,
	}
	event := idp.AuditEvent{Event: idp.AuditInviteCreated, UserID: u.ID, Detail: map[string]string{"invite": id, "policy": req.Policy}}
	if err := h.change(ctx, event, func() error { return h.Store.CreateInvite(ctx, inv) }); err != nil {
		return err
	}
	w.Header().Set("Location", adminapi.Prefix+"/invites/"+id)
	return web.JSON(w, http.StatusCreated, adminapi.NewInviteAnswer{
		ID: id, URL: h.Config.PublicURL + "/e#" + token.Reveal(), ExpiresAt: inv.ExpiresAt.Seconds(),
	})
}

// checkPolicy judges what an invite asks of the key (approval-protocol.md 11.3).
func (h *Handlers) checkPolicy(policy string) error {
	switch passkey.Policy(policy) {
	case "", passkey.None, passkey.DeviceBound:
		return nil
	case passkey.Known:
		if len(h.Config.AttestationModels) == 0 {
			return invalid("policy known needs the setting LATCHKEY_ATTESTATION_MODELS")
		}
		return nil
	}
	return invalid("policy %q is none of none, known, device_bound", policy)
}

func (h *Handlers) inviteLife(s string) (time.Duration, error) {
	if s == "" {
		return h.Config.InviteLife, nil
	}
	life, err := time.ParseDuration(s)
	if err != nil || life < minInviteLife || life > maxInviteLife {
		return 0, invalid("life %q is not a duration from 10m to 168h", s)
	}
	return life, nil
}

// invitee finds a user by e-mail address or id.
func (h *Handlers) invitee(ctx context.Context, who string) (u *idp.User, err error) {
	switch _, notID := idp.DecodeBase32(who, 16); {
	case who == "":
		return nil, invalid("user is missing: give an e-mail address or an id")
	case notID == nil:
		u, err = h.Store.User(ctx, who)
	case checkEmail(who) == nil:
		u, err = h.Store.UserByEmail(ctx, who)
	default:
		return nil, invalid("user %q is neither an e-mail address nor an id", who)
	}
	switch err = told(err); {
	case idp.CodeOf(err) == idp.NotFound:
		return nil, invalid("there is no user %q; add the user first", who)
	case err != nil:
		return nil, err
	case u.Disabled:
		return nil, invalid("user %q is disabled", who)
	}
	return u, nil
}

func (h *Handlers) revokeInvite(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	id := r.PathValue("id")
	if _, err := idp.DecodeBase32(id, 16); err != nil {
		return notFound("not an invite id")
	}
	inv, err := h.Store.InviteByID(ctx, id)
	if err != nil {
		return told(err)
	}
	switch {
	case inv.UsedAt != 0:
		return idp.E(idp.Conflict, "this invite was used; revoke the device that it enrolled")
	case inv.RevokedAt != 0:
		return noContent(w)
	}
	inv.RevokedAt = h.Now()
	event := idp.AuditEvent{Event: idp.AuditInviteRevoked, UserID: inv.UserID, Detail: map[string]string{"invite": id}}
	if err := h.change(ctx, event, func() error { return h.Store.SaveInvite(ctx, inv) }); err != nil {
		return err
	}
	return noContent(w)
}
