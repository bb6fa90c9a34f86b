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
	"strings"
	"time"
	"unicode"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/directory"
	"github.com/latchkey-idp/latchkey/internal/idp"
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

	tries *ratelimit.Window // invites that are none, per address
}

// New makes the handlers.
func New(site *web.Site, dir directory.Directory) *Handlers {
	return &Handlers{
		Site: site, Directory: dir,
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

func (h *Handlers) page(w http.ResponseWriter, _ *http.Request) error {
	return h.Pages.Message(w, http.StatusOK, pages.MessagePage{
		Title: "Set up your phone",
		Words: "This is your invite. Open this link with the phone app that your administrator named, or with: latchkey phone enroll --link LINK --state FILE. The invite can be used once; keep it to yourself.",
	})
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
		Policy: policy{Types: []string{devicekey.Type}, Attestation: "none"},
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

type optionsBody struct {
	Type string `json:"type"`
}

func (h *Handlers) options(w http.ResponseWriter, r *http.Request) error {
	e, err := h.enrollment(r)
	if err != nil {
		return err
	}
	var body optionsBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	if body.Type != devicekey.Type {
		return idp.E(idp.AttestationRefused, "type is not offered")
	}
	if e.Challenge, err = idp.NewSecret(h.Random, 32); err != nil {
		return err
	}
	if err := h.Store.SaveEnrollment(r.Context(), e); err != nil {
		return changedMeanwhile(err)
	}
	return web.JSON(w, http.StatusOK, map[string]string{"challenge": idp.Base64.EncodeToString(e.Challenge)})
}

func changedMeanwhile(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return idp.E(idp.Busy, "enrollment changed meanwhile")
	}
	return err
}

type finishBody struct {
	Type   string           `json:"type"`
	Keys   devicekey.KeySet `json:"jwks"`
	Proofs devicekey.Proofs `json:"proofs"`
	Name   string           `json:"name"`
	Kind   string           `json:"kind"`
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
	if body.Type != devicekey.Type {
		return idp.E(idp.AttestationRefused, "type is not offered")
	}
	if len(e.Challenge) == 0 {
		return idp.E(idp.BadChallenge, "no challenge was asked for")
	}
	device, err := devicekey.Register(e.Challenge, body.Keys, body.Proofs)
	if err != nil {
		return err
	}
	stored, err := h.store(r.Context(), e, device, cleanName(body.Name), cleanName(body.Kind))
	if err != nil {
		return err
	}
	out := finished{DeviceID: stored.ID, State: stored.State}
	if stored.State == idp.DeviceProbation {
		out.ProbationUntil = stored.ProbationUntil.Seconds()
	}
	return web.JSON(w, http.StatusCreated, out)
}

// store burns the invite and keeps the device, both or neither. The same
// device in the same enrollment again is answered again (4.5).
func (h *Handlers) store(ctx context.Context, e *idp.Enrollment, d idp.Device, name, kind string) (*idp.Device, error) {
	inv, err := h.Store.Invite(ctx, e.TokenHash)
	if err != nil {
		return nil, err
	}
	if inv.UsedAt != 0 && inv.DeviceID == d.ID {
		return h.Store.Device(ctx, d.ID)
	}
	now := h.Now()
	if !inv.Open(now) {
		return nil, idp.E(idp.InviteUsed, "invite %s is used, withdrawn or too old", inv.ID)
	}
	user, err := h.Directory.User(ctx, e.UserID)
	if err != nil {
		return nil, err
	}
	if user.Disabled {
		return nil, idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	}
	d.UserID, d.Name, d.Kind, d.Binding, d.CreatedAt = user.ID, name, kind, "invite", now
	if d.Name == "" {
		d.Name = "Phone"
	}
	if err := h.begin(ctx, &d, now); err != nil {
		return nil, err
	}
	inv.UsedAt, inv.DeviceID = now, d.ID
	err = h.Store.Enroll(ctx, &d, inv)
	if errors.Is(err, store.ErrExists) {
		return h.lost(ctx, e, d)
	}
	if err != nil {
		return nil, err
	}
	h.Record(ctx, idp.AuditEvent{Event: idp.AuditInviteUsed, Actor: "phone", UserID: user.ID, Detail: map[string]string{"invite": inv.ID}})
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditEnrolled, Actor: "phone", UserID: user.ID, Device: d.Name, Cred: d.ID,
		Detail: map[string]string{"binding": d.Binding, "state": d.State, "type": d.Type},
	})
	return &d, nil
}

// begin decides how the device starts: on probation if the user has another.
func (h *Handlers) begin(ctx context.Context, d *idp.Device, now idp.Millis) error {
	devices, err := h.Store.Devices(ctx, d.UserID)
	if err != nil {
		return err
	}
	d.State = idp.DeviceActive
	for i := range devices {
		if devices[i].Usable() && h.Config.Probation > 0 {
			d.State, d.ProbationUntil = idp.DeviceProbation, now.Add(h.Config.Probation)
		}
	}
	return nil
}

// lost tells why the transaction did not go through: somebody used or withdrew
// the invite first, the keys are registered already, or another write came in
// between, which is over when the call is repeated.
func (h *Handlers) lost(ctx context.Context, e *idp.Enrollment, d idp.Device) (*idp.Device, error) {
	inv, err := h.Store.Invite(ctx, e.TokenHash)
	if err != nil {
		return nil, err
	}
	switch {
	case inv.UsedAt != 0 && inv.DeviceID == d.ID:
		return h.Store.Device(ctx, d.ID)
	case !inv.Open(h.Now()):
		return nil, idp.E(idp.InviteUsed, "invite %s was used or withdrawn meanwhile", inv.ID)
	}
	for _, registered := range []func() (*idp.Device, error){
		func() (*idp.Device, error) { return h.Store.Device(ctx, d.ID) },
		func() (*idp.Device, error) { return h.Store.DeviceOfPopKey(ctx, d.PopKeyID) },
	} {
		if _, err := registered(); err == nil {
			return nil, idp.E(idp.AlreadyRegistered, "credential is registered")
		} else if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return nil, idp.E(idp.Busy, "enrollment met another write")
}

// cleanName is a device's name as it may be shown: up to 40 printable
// characters.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if runes := []rune(s); len(runes) > 40 {
		s = string(runes[:40])
	}
	return s
}
