// Package approval is what the phone calls (approval-protocol.md 15.2):
//
//	POST /v1/approvals/claim            T4 to T7
//	GET  /v1/approvals/{sid}            the claim's answer again
//	POST /v1/approvals/{sid}/approve    T9, T10, T12
//	POST /v1/approvals/{sid}/deny       T13
//	POST /v1/approvals/{sid}/extend     T8
//	GET  /m                             where a scanned code leads
//
// Invariants: a frame's tag is verified before anything is read; whoever does
// not hold the claim key of a session gets the answer of an unknown one; the
// text that a signature covers is rebuilt from our own data.
package approval

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Masters  *login.MasterKeys
	Approver approver.Approver
	RP       *passkey.RP // nil: this address cannot have passkeys

	refused *ratelimit.Window // refused claims per address
	codes   *ratelimit.Window // wrong user codes per address
	allCode *ratelimit.Window // wrong user codes in all: an alarm, no refusal
	numbers *ratelimit.Window // wrong numbers per user
}

// New makes the handlers.
func New(site *web.Site, masters *login.MasterKeys, a approver.Approver, rp *passkey.RP) *Handlers {
	window := func(name string, limit int, per time.Duration) *ratelimit.Window {
		return ratelimit.NewWindow(name, limit, per, site.Store, site.Clock)
	}
	return &Handlers{
		Site: site, Masters: masters, Approver: a, RP: rp,
		refused: window("claims-refused", 20, 5*time.Minute),
		codes:   window("codes-wrong", 10, 10*time.Minute),
		allCode: window("codes-wrong-all", 600, 10*time.Minute),
		numbers: window("numbers-wrong", 10, time.Hour),
	}
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("POST /v1/approvals/claim", h.API(h.claim))
	mux.Handle("GET /v1/approvals/{sid}", h.API(h.get))
	mux.Handle("POST /v1/approvals/{sid}/approve", h.API(h.approve))
	mux.Handle("POST /v1/approvals/{sid}/deny", h.API(h.deny))
	mux.Handle("POST /v1/approvals/{sid}/extend", h.API(h.extend))
	mux.Handle("GET /m", h.Page(h.page))
}

// page is where a phone's camera leads: it claims, shows, and approves with the
// phone's passkey. It needs no installation and no stored state.
func (h *Handlers) page(w http.ResponseWriter, r *http.Request) error {
	return h.Pages.Approve(w, pages.ApprovePage{Frame: h.Frame(w, r, ""), Host: h.Config.Host()})
}

// claimSecret reads "Authorization: Claim <claim_key>"; nil if there is none.
func claimSecret(r *http.Request) idp.Secret {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Claim") {
		return nil
	}
	key, err := idp.DecodeBase64(value, 32)
	if err != nil {
		return nil
	}
	return key
}

// claimKey is the hash of the claim key.
func claimKey(r *http.Request) ([]byte, bool) {
	key := claimSecret(r)
	if key == nil {
		return nil, false
	}
	hash := key.Hash()
	return hash[:], true
}

// phone is what each call about a session begins with: the cross-site rules,
// the sid and the claim key.
func (h *Handlers) phone(r *http.Request) (sid string, claimHash []byte, err error) {
	if err := h.SameOriginAPI(r); err != nil {
		return "", nil, err
	}
	sid = r.PathValue("sid")
	claimHash, ok := claimKey(r)
	if _, err := idp.DecodeBase32(sid, 16); err != nil || !ok {
		return "", nil, idp.E(idp.SessionUnknown, "no claim key or no sid")
	}
	return sid, claimHash, nil
}

func (h *Handlers) get(w http.ResponseWriter, r *http.Request) error {
	sid, ch, err := h.phone(r)
	if err != nil {
		return err
	}
	s, err := h.Store.Session(r.Context(), sid)
	if errors.Is(err, store.ErrNotFound) || err == nil && !idp.Equal(s.ClaimHash, ch) {
		return idp.E(idp.SessionUnknown, "unknown session or another claim key")
	}
	if err != nil {
		return err
	}
	return h.answer(w, r, s)
}

type denyBody struct {
	Reason string `json:"reason"`
}

func (h *Handlers) deny(w http.ResponseWriter, r *http.Request) error {
	sid, ch, err := h.phone(r)
	if err != nil {
		return err
	}
	var body denyBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	s, err := h.change(r.Context(), sid, func(s idp.QRSession) (idp.QRSession, error) {
		return login.Apply(s, login.Deny{ClaimHash: ch, Reason: body.Reason}, h.Now())
	})
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, map[string]any{"status": s.State})
}

func (h *Handlers) extend(w http.ResponseWriter, r *http.Request) error {
	sid, ch, err := h.phone(r)
	if err != nil {
		return err
	}
	s, err := h.change(r.Context(), sid, func(s idp.QRSession) (idp.QRSession, error) {
		return login.Apply(s, login.ExtendClaim{ClaimHash: ch}, h.Now())
	})
	if err != nil {
		return err
	}
	return h.answer(w, r, s)
}

// change applies an event, stores what came of it and records it.
func (h *Handlers) change(ctx context.Context, sid string, decide store.Decision) (idp.QRSession, error) {
	before, after, err := h.Store.UpdateSession(ctx, sid, login.Same, decide)
	if errors.Is(err, store.ErrNotFound) {
		return after, idp.E(idp.SessionUnknown, "unknown session")
	}
	rec := web.RecordFrom(ctx)
	rec.SID, rec.SP, rec.User = after.SID, after.SP, after.UserID
	h.RecordTransition(ctx, "phone", before, after)
	return after, err
}
