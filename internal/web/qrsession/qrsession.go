// Package qrsession is what the login page calls (approval-protocol.md 15.1):
//
//	POST /v1/login/sessions                    create a QR session (T1)
//	GET  /v1/login/sessions/{sid}              poll
//	POST /v1/login/sessions/{sid}/cancel       T15
//	POST /v1/login/sessions/{sid}/extend       T3
//	POST /v1/login/sessions/{sid}/user-code    T2
//	POST /v1/login/sessions/{sid}/passkey/options, .../passkey   T20
//
// Invariants: nothing here signs in; a poll never writes; a session is shown
// only to the browser whose cookie is bound to it, everything else is answered
// like an unknown sid.
package qrsession

import (
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/start"
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Masters  *login.MasterKeys
	Approver approver.Approver
	Start    *start.Starter
	RP       *passkey.RP // nil: this address cannot have passkeys

	polls *ratelimit.Buckets // per sid and browser, so that nobody else can use them up
}

// New makes the handlers.
func New(site *web.Site, masters *login.MasterKeys, starter *start.Starter, a approver.Approver, rp *passkey.RP) *Handlers {
	return &Handlers{
		Site: site, Masters: masters, Approver: a, Start: starter, RP: rp,
		polls: ratelimit.NewBuckets(500*time.Millisecond, 2, site.Clock),
	}
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("POST /v1/login/sessions", h.API(h.create))
	mux.Handle("GET /v1/login/sessions/{sid}", h.API(h.poll))
	mux.Handle("POST /v1/login/sessions/{sid}/cancel", h.API(h.cancel))
	mux.Handle("POST /v1/login/sessions/{sid}/extend", h.API(h.extend))
	mux.Handle("POST /v1/login/sessions/{sid}/user-code", h.API(h.userCode))
	mux.Handle("POST /v1/login/sessions/{sid}/passkey/options", h.API(h.passkeyOptions))
	mux.Handle("POST /v1/login/sessions/{sid}/passkey", h.API(h.passkey))
}

type createBody struct {
	Login     string  `json:"login"`
	Mode      string  `json:"mode"`
	LoginHint *string `json:"login_hint"`
	Client    struct {
		Lang   string       `json:"lang"`
		UAData login.UAData `json:"uadata"`
	} `json:"client"`
}

// create is approval-protocol.md 5.2.
func (h *Handlers) create(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginAPI(r); err != nil {
		return err
	}
	if r.Header.Get("Origin") == "" {
		return idp.E(idp.CrossSite, "create without Origin")
	}
	if err := h.Start.Admit(r.Context()); err != nil {
		return err
	}
	key, err := idp.DecodeBase64(r.Header.Get("Idempotency-Key"), 16)
	if err != nil {
		return &idp.Error{Code: idp.BadRequest, Detail: "Idempotency-Key", Err: err}
	}
	var body createBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	if body.Mode != "" && body.Mode != login.ModeQR && (body.Mode != login.ModePasskey || h.RP == nil) {
		return idp.E(idp.BadRequest, "mode is not offered")
	}
	if _, err := idp.DecodeBase32(body.Login, 16); err != nil {
		return idp.E(idp.SessionUnknown, "login id")
	}
	bh, ok := h.Browser(r)
	if !ok {
		return idp.E(idp.CookiesNeeded, "no browser secret")
	}
	session, err := h.Start.Session(r, start.Request{Login: body.Login, Key: key, Browser: bh, Mode: body.Mode, UAData: body.Client.UAData})
	if err != nil {
		return err
	}
	return h.view(w, r, http.StatusCreated, session)
}

func (h *Handlers) poll(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginAPI(r); err != nil {
		return err
	}
	bh, ok := h.Browser(r)
	sid := r.PathValue("sid")
	if _, err := idp.DecodeBase32(sid, 16); err != nil || !ok {
		return idp.E(idp.SessionUnknown, "no browser secret or no sid")
	}
	if wait, ok := h.polls.Take(sid + string(bh[:])); !ok {
		return ratelimit.Slow(wait)
	}
	s, err := h.Store.Session(r.Context(), sid, table.Eventually)
	if errors.Is(err, store.ErrNotFound) || err == nil && s.Browser != bh {
		return idp.E(idp.SessionUnknown, "unknown or foreign session")
	}
	if err != nil {
		return err
	}
	return h.view(w, r, http.StatusOK, s)
}

func (h *Handlers) cancel(w http.ResponseWriter, r *http.Request) error {
	return h.change(w, r, func(s idp.QRSession, bh idp.BrowserSecret) (idp.QRSession, error) {
		return login.Apply(s, login.Cancel{Browser: bh}, h.Now())
	})
}

func (h *Handlers) extend(w http.ResponseWriter, r *http.Request) error {
	return h.change(w, r, func(s idp.QRSession, bh idp.BrowserSecret) (idp.QRSession, error) {
		return login.Apply(s, login.ExtendQR{Browser: bh}, h.Now())
	})
}

// change applies an event of the browser and answers the view.
func (h *Handlers) change(w http.ResponseWriter, r *http.Request, event func(idp.QRSession, idp.BrowserSecret) (idp.QRSession, error)) error {
	after, err := h.apply(r, event)
	if err != nil {
		return err
	}
	return h.view(w, r, http.StatusOK, after)
}

func (h *Handlers) apply(r *http.Request, event func(idp.QRSession, idp.BrowserSecret) (idp.QRSession, error)) (idp.QRSession, error) {
	if err := h.SameOriginAPI(r); err != nil {
		return idp.QRSession{}, err
	}
	if r.Header.Get("Origin") == "" {
		return idp.QRSession{}, idp.E(idp.CrossSite, "change without Origin")
	}
	bh, ok := h.Browser(r)
	sid := r.PathValue("sid")
	if _, err := idp.DecodeBase32(sid, 16); err != nil || !ok {
		return idp.QRSession{}, idp.E(idp.SessionUnknown, "no browser secret or no sid")
	}
	before, after, err := h.Store.UpdateSession(r.Context(), sid, login.Same, func(s idp.QRSession) (idp.QRSession, error) {
		return event(s, bh)
	})
	if errors.Is(err, store.ErrNotFound) {
		err = idp.E(idp.SessionUnknown, "unknown session")
	}
	h.RecordTransition(r.Context(), "browser", before, after)
	return after, err
}

// userCode makes a code to type where the picture cannot be scanned (3.5).
func (h *Handlers) userCode(w http.ResponseWriter, r *http.Request) error {
	var letters string
	_, err := h.apply(r, func(s idp.QRSession, bh idp.BrowserSecret) (idp.QRSession, error) {
		// Judged before the code is put, so that a refused call leaves nothing.
		if next, err := login.Apply(s, login.ShowCode{Browser: bh, CodeHash: []byte{0}}, h.Now()); err != nil {
			return next, err
		}
		code, mac, err := h.Start.Code(r.Context(), s, func(int) (string, error) { return login.NewUserCode(h.Random) })
		if err != nil {
			return s, err
		}
		letters = code
		return login.Apply(s, login.ShowCode{Browser: bh, CodeHash: mac}, h.Now())
	})
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, map[string]string{
		"user_code": login.DisplayUserCode(letters), "verification_uri": h.Config.PublicURL + "/m",
	})
}
