// Package start is what functions share that begin something: the login of a
// request that was judged, in whatever protocol it came (Login), and the QR
// sessions in it (Session; approval-protocol.md 5.2), for the login page's script
// and for the page that works without one.
//
// Invariants: a login is put once, under an id that follows from its request; the
// same key in the same browser for the same login is the same session; a refused
// start leaves the login as it is; a session of a login is ended before the next
// one begins.
package start

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// Starter begins logins and opens sessions.
type Starter struct {
	*web.Site
	Masters *login.MasterKeys

	starts *ratelimit.Buckets // per address
	noted  *ratelimit.Buckets // audit events of refused starts, per address
}

// New makes a Starter with limits of its own.
func New(site *web.Site, masters *login.MasterKeys) *Starter {
	return &Starter{
		Site: site, Masters: masters,
		starts: ratelimit.NewBuckets(5*time.Second, 30, site.Clock),
		noted:  ratelimit.NewBuckets(5*time.Minute, 1, site.Clock),
	}
}

// Admit refuses an address that starts too many sessions (8): slow_down.
func (h *Starter) Admit(ctx context.Context) error {
	address := ratelimit.Address(idp.ClientFrom(ctx).IP)
	if _, ok := h.starts.Take(address); ok {
		return nil
	}
	if _, first := h.noted.Take(address); first { // a flood must not cost a write each
		h.Record(ctx, idp.AuditEvent{Event: idp.AuditRateLimited, Actor: "browser", Detail: map[string]string{"limit": "create"}})
	}
	return ratelimit.Slow(5 * time.Second)
}

// CodeTries is how many user codes are tried before all seem taken.
const CodeTries = 5

// Request is what a browser asks for.
type Request struct {
	Login   string            // id of the login
	Key     []byte            // Idempotency-Key, 16 bytes
	Browser idp.BrowserSecret // of the cookie
	Mode    string            // login.ModeQR (also when empty), login.ModePasskey
	UAData  login.UAData
}

// Session binds the login to the browser, ends the session before, and puts
// the new one; the same request again answers the session that it made before.
// Errors are those of 5.2.
func (h *Starter) Session(r *http.Request, req Request) (idp.QRSession, error) {
	ctx, now := r.Context(), h.Now()
	sid, err := h.Masters.NewSID(req.Key, req.Browser, req.Login)
	if err != nil {
		return idp.QRSession{}, err
	}
	var former string
	var sp *idp.ServiceProvider
	var again idp.QRSession
	l, err := h.Store.UpdateLogin(ctx, req.Login, func(l *idp.Login) (bool, error) {
		var err error
		if again, err = h.former(ctx, l, sid, req.Browser); again.SID != "" || err != nil {
			return false, err
		}
		next, err := login.Begin(*l, req.Browser, sid, now)
		if err != nil {
			return false, err
		}
		// Before anything is written: a refused start leaves the login as it is.
		if sp, err = h.admit(ctx, l, req.Mode); err != nil {
			return false, err
		}
		former = ""
		if l.Current != sid {
			former = l.Current
		}
		changed := l.Current != next.Current || l.Browser == nil
		*l = next
		return changed, nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return idp.QRSession{}, idp.E(idp.SessionUnknown, "no login")
	}
	if err != nil {
		return idp.QRSession{}, err
	}
	web.RecordFrom(ctx).SP = l.SP
	if again.SID != "" {
		return again, nil
	}
	if former != "" {
		if err := h.supersede(ctx, former, req.Browser); err != nil {
			return idp.QRSession{}, err
		}
	}
	session, err := h.newSession(r, l, sp, sid, req, now)
	if err != nil {
		return session, err
	}
	err = h.Store.CreateSession(ctx, &session)
	if errors.Is(err, store.ErrExists) {
		session, err = h.Store.Session(ctx, sid)
		if errors.Is(err, store.ErrNotFound) {
			err = idp.E(idp.Busy, "session came and went")
		}
		return session, err
	}
	if err != nil {
		return session, err
	}
	h.Metrics.Count(obs.LoginStarted, nil)
	h.Record(ctx, idp.AuditEvent{Event: idp.AuditSessionCreated, Actor: "browser", SID: sid, Login: l.ID, SP: l.SP})
	return session, nil
}

// former is the session that this very request made before another one took
// its place: one that arrives late must not end the session that is live now.
func (h *Starter) former(ctx context.Context, l *idp.Login, sid string, bh idp.BrowserSecret) (idp.QRSession, error) {
	if l.Current == "" || l.Current == sid {
		return idp.QRSession{}, nil
	}
	if err := login.CheckBrowser(*l, &bh, h.Now()); err != nil {
		return idp.QRSession{}, err
	}
	s, err := h.Store.Session(ctx, sid)
	if errors.Is(err, store.ErrNotFound) {
		return idp.QRSession{}, nil
	}
	return s, err
}

// admit judges whether the application is on, and how a new session may be
// approved. Where the request or the application demands more than a code
// gives, a session that would show one is refused; the page then asks for one
// that shows none.
func (h *Starter) admit(ctx context.Context, l *idp.Login, mode string) (*idp.ServiceProvider, error) {
	sp, err := h.Store.RecentServiceProvider(ctx, l.SP)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, idp.E(idp.AppDisabled, "service provider is gone")
	case err != nil:
		return nil, err
	case sp.Disabled || sp.Draft:
		return nil, idp.E(idp.AppDisabled, "service provider is switched off")
	case mode == login.ModePasskey:
		return sp, nil
	}
	return sp, approver.Reaches(acr.LevelQR, sp, l)
}

func (h *Starter) newSession(r *http.Request, l *idp.Login, sp *idp.ServiceProvider, sid string, req Request, now idp.Millis) (idp.QRSession, error) {
	ctx := r.Context()
	nonce, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return idp.QRSession{}, err
	}
	client := idp.ClientFrom(ctx)
	browser, system := login.Describe(r.UserAgent(), req.UAData)
	web.RecordFrom(ctx).UA = browser + " on " + system
	place := client.Place
	if place == "" {
		place = login.Unknown
	}
	event := login.Create{
		Login: *l, SID: sid, Browser: req.Browser, ACR: idp.ACRQR, KeyVer: h.Masters.Newest(), Nonce: nonce, Mode: req.Mode,
		Context: idp.Context{
			V: login.ContextVersion, App: l.App, Browser: browser, OS: system, Place: place,
			IP: login.CoarseIP(client.IP), RequestedAt: now.Seconds(),
		},
	}
	if event.Known, err = h.known(r); err != nil {
		return idp.QRSession{}, err
	}
	if sp.QRNumber {
		if event.Number, err = login.NewNumber(h.Random, h.Config.NumberDigits); err != nil {
			return idp.QRSession{}, err
		}
	}
	s, err := login.Apply(idp.QRSession{}, event, now)
	if err != nil {
		return s, fmt.Errorf("create session: %w", err)
	}
	return s, nil
}

// known are the people who signed in in this browser before.
func (h *Starter) known(r *http.Request) ([]idp.KnownUser, error) {
	secret := h.SecretCookie(r, web.CookieKnown, 32)
	if secret == nil {
		return nil, nil
	}
	hash := secret.Hash()
	b, _, err := h.Store.KnownBrowser(r.Context(), hash[:])
	return b.Users, err
}

func (h *Starter) supersede(ctx context.Context, sid string, bh idp.BrowserSecret) error {
	_, _, err := h.Store.UpdateSession(ctx, sid, login.Same, func(s idp.QRSession) (idp.QRSession, error) {
		return login.Apply(s, login.Supersede{Browser: bh}, h.Now())
	})
	// The former session may be over, final or never have been put; the new
	// one takes its place in each case.
	if idp.CodeOf(err) == idp.Busy {
		return err
	}
	return nil
}

// Code puts a user code for a session that no other has (3.5), and returns its
// letters and its MAC. letters makes those of each try.
func (h *Starter) Code(ctx context.Context, s idp.QRSession, letters func(try int) (string, error)) (code string, mac []byte, err error) {
	for try := range CodeTries {
		if code, err = letters(try); err != nil {
			return "", nil, err
		}
		if mac, err = h.Masters.CodeHash(h.Masters.Newest(), code); err != nil {
			return "", nil, err
		}
		err = h.Store.PutCode(ctx, mac, s.SID, s.LoginExpiresAt)
		if errors.Is(err, store.ErrExists) {
			if sid, found := h.Store.SessionOfCode(ctx, mac); found != nil || sid != s.SID {
				continue
			}
			err = nil // put by a call that did not come to its end
		}
		return code, mac, err
	}
	return "", nil, idp.E(idp.Busy, "no free user code")
}
