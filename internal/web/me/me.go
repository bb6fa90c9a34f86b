// Package me is where people look after their own devices and sign-ins
// (approval-protocol.md 12 and 15.3). Function enroll serves it:
//
//	POST   /v1/me/stepup/options, /v1/me/stepup    a user check in this browser
//	GET    /v1/me                                  who, notices, codes left
//	GET    /v1/me/devices                          own devices
//	PATCH, DELETE /v1/me/devices/{id}              rename, remove
//	POST   /v1/me/devices/add                      begin to add one with this one
//	GET, DELETE /v1/me/devices/add/{id}            how far that is; call it off
//	POST   /v1/me/devices/add/{id}/approve         vouch for the new key
//	GET    /v1/me/activity                         own sign-ins
//	POST   /v1/me/activity/{id}/report             "that wasn't me"
//	GET    /v1/me/sessions, DELETE /v1/me/sessions/{id}
//	GET    /v1/me/consents, DELETE /v1/me/consents/{id}
//	POST   /v1/me/recovery-codes                   eight new ones, shown once
//	GET, POST /v1/me/app-passwords                 own app passwords; make one, shown once
//	DELETE /v1/me/app-passwords/{id}               revoke one
//	GET    /me                                     the page
//
// Invariants: who acts is the SSO session's user, never a body's; what is
// somebody else's is answered like what does not exist; what lets devices in or
// out, or programs in, wants a user check in this browser (minutes old) and a
// device that is not on probation.
package me

import (
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/directory"
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
	Directory directory.Directory
	Masters   *login.MasterKeys
	Approver  approver.Approver
	RP        *passkey.RP // nil: this address cannot have passkeys

	challenges *ratelimit.Buckets // step-ups begun, per address
}

// New completes the handlers.
func New(h Handlers) *Handlers {
	h.challenges = ratelimit.NewBuckets(2*time.Second, 20, h.Clock)
	return &h
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("POST /v1/me/stepup/options", h.API(h.stepUpOptions))
	mux.Handle("POST /v1/me/stepup", h.API(h.stepUp))
	mux.Handle("GET /v1/me", h.API(h.profile))
	mux.Handle("GET /v1/me/devices", h.API(h.devices))
	mux.Handle("PATCH /v1/me/devices/{id}", h.API(h.rename))
	mux.Handle("DELETE /v1/me/devices/{id}", h.API(h.remove))
	mux.Handle("POST /v1/me/devices/add", h.API(h.add))
	mux.Handle("GET /v1/me/devices/add/{id}", h.API(h.adding))
	mux.Handle("DELETE /v1/me/devices/add/{id}", h.API(h.callOff))
	mux.Handle("POST /v1/me/devices/add/{id}/approve", h.API(h.vouch))
	mux.Handle("GET /v1/me/activity", h.API(h.activity))
	mux.Handle("POST /v1/me/activity/{id}/report", h.API(h.report))
	mux.Handle("GET /v1/me/sessions", h.API(h.sessions))
	mux.Handle("DELETE /v1/me/sessions/{id}", h.API(h.endSession))
	mux.Handle("GET /v1/me/consents", h.API(h.consents))
	mux.Handle("DELETE /v1/me/consents/{id}", h.API(h.withdraw))
	mux.Handle("POST /v1/me/recovery-codes", h.API(h.renewCodes))
	mux.Handle("GET /v1/me/app-passwords", h.API(h.appPasswords))
	mux.Handle("POST /v1/me/app-passwords", h.API(h.addAppPassword))
	mux.Handle("DELETE /v1/me/app-passwords/{id}", h.API(h.revokeAppPassword))
	mux.Handle("GET /me", h.Page(h.page))
}

func (h *Handlers) page(w http.ResponseWriter, r *http.Request) error {
	return h.Pages.Me(w, pages.MePage{Frame: h.Frame(w, r, "/me"), Host: h.Config.Host()})
}

// person is who calls, and by which session.
type person struct {
	*idp.User
	session *web.SignedIn
}

// who reads the session and its user; stepup_required without a session.
func (h *Handlers) who(r *http.Request) (person, error) {
	if err := h.SameOriginAPI(r); err != nil {
		return person{}, err
	}
	session, err := h.Session(r)
	if err != nil {
		return person{}, err
	}
	user, err := h.Directory.User(r.Context(), session.UserID)
	if err != nil {
		return person{}, err
	}
	if user.Disabled {
		return person{}, idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	}
	return person{user, session}, nil
}

// trusted is who, if the person was checked in this browser within a time, and
// the device that did so may change what others can do.
func (h *Handlers) trusted(r *http.Request, within time.Duration) (person, error) {
	p, err := h.who(r)
	if err != nil {
		return p, err
	}
	if err := h.Verified(p.session, within); err != nil {
		return p, err
	}
	return p, h.seasoned(p.session.Device)
}

// mine turns what is somebody else's, and what does not exist, into not_found.
func mine(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return idp.E(idp.NotFound, "not theirs, or not there")
	}
	return err
}

// meanwhile turns a write that another one overtook into busy: the same call
// again reads anew.
func meanwhile(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return &idp.Error{Code: idp.Busy, Detail: "overtaken by another write", Err: err}
	}
	return err
}

func (h *Handlers) audit(r *http.Request, p person, e idp.AuditEvent) {
	e.Actor, e.UserID = "user:"+p.ID, p.ID
	h.Record(r.Context(), e)
}

type profile struct {
	User          userView    `json:"user"`
	Session       sessionView `json:"session"`
	VerifiedUntil int64       `json:"verified_until"` // seconds; 0: not checked in this browser
	CodesLeft     int         `json:"codes_left"`
	Notices       []notice    `json:"notices"`
}

type userView struct {
	Display string `json:"display"`
	Email   string `json:"email"`
}

// notice is something that the person should look at.
type notice struct {
	Code   string `json:"code"` // device_added, few_codes, no_codes, one_device
	Device string `json:"device,omitempty"`
	Name   string `json:"name,omitempty"`
	At     int64  `json:"at,omitempty"`
	Until  int64  `json:"until,omitempty"` // end of its probation, in which it may be sent away
}

const (
	newFor   = 14 * 24 * time.Hour // a device is told of as new
	fewCodes = 2
)

func (h *Handlers) profile(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	devices, err := h.Store.Devices(r.Context(), p.ID)
	if err != nil {
		return err
	}
	codes, err := h.Store.RecoveryCodes(r.Context(), p.ID)
	if err != nil {
		return err
	}
	out := profile{
		User: userView{p.Display(), p.Email}, Session: viewOf(p.session.SSOSession, p.session.SID), CodesLeft: codes.Left(),
		Notices: h.notices(p, devices, codes),
	}
	if until := p.session.VerifiedAt.Add(web.VerifiedFor); p.session.VerifiedAt > 0 && !until.Over(h.Now()) {
		out.VerifiedUntil = until.Seconds()
	}
	return web.JSON(w, http.StatusOK, out)
}

func (h *Handlers) notices(p person, devices []idp.Device, codes *idp.RecoveryCodes) []notice {
	notices := []notice{}
	usable := 0
	for i := range devices {
		d := &devices[i]
		if !d.Usable() {
			continue
		}
		usable++
		if d.ID != p.session.CredentialID && len(devices) > 1 && !d.CreatedAt.Add(newFor).Over(h.Now()) {
			n := notice{Code: "device_added", Device: d.ID, Name: d.Name, At: d.CreatedAt.Seconds()}
			if approver.OnProbation(d, h.Now()) {
				n.Until = d.ProbationUntil.Seconds()
			}
			notices = append(notices, n)
		}
	}
	if usable < 2 {
		notices = append(notices, notice{Code: "one_device"})
	}
	switch left := codes.Left(); {
	case left == 0:
		notices = append(notices, notice{Code: "no_codes"})
	case left <= fewCodes:
		notices = append(notices, notice{Code: "few_codes"})
	}
	return notices
}
