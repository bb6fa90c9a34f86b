package sso

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
	"github.com/latchkey-idp/latchkey/internal/web/start"
)

// page shows the login page, or goes on where the browser may have a session.
// Whether that does is judged once, by /login/continue, which leads back here if
// not; here nothing is read for it. It sets or renews the browser secret; the
// first create binds the login to it.
func (h *Handlers) page(w http.ResponseWriter, r *http.Request) error {
	id := r.URL.Query().Get("l")
	if _, err := idp.DecodeBase32(id, 16); err != nil {
		return idp.E(idp.SessionUnknown, "login id")
	}
	secret, bh, err := h.browserSecret(r)
	if err != nil {
		return err
	}
	self := "/login?l=" + id
	if r.URL.Query().Get("ask") != "" {
		self = start.AskPage(id)
	} else if _, err := h.SessionCookie(r); err == nil {
		h.SetCookie(w, web.CookieBrowser, secret.Reveal(), web.BrowserSecretLife)
		return h.Pages.AutoPost(w, pages.PostPage{
			Frame: h.Frame(w, r, ""), Action: continuePath, Fields: []pages.Field{{Name: "l", Value: id}},
		})
	}
	l, err := h.Store.Login(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return idp.E(idp.SessionUnknown, "no login")
	}
	if err != nil {
		return err
	}
	web.RecordFrom(r.Context()).SP = l.SP
	if err := login.CheckBrowser(*l, &bh, h.Now()); err != nil {
		return err
	}
	h.SetCookie(w, web.CookieBrowser, secret.Reveal(), web.BrowserSecretLife)
	if l.Passive {
		return h.noPassive(w, r, l, bh)
	}
	return h.Pages.Login(w, pages.LoginPage{
		Frame: h.Frame(w, r, self), LoginID: l.ID, AppName: l.App.Name, AppHost: l.App.Host,
		AppLogo: logoOf(l.App), Passkey: h.Passkeys, PasskeyOnly: h.Passkeys && l.PasskeyOnly,
	})
}

// noPassive ends a login that may not ask, and tells the service provider
// (SAML Core 3.4.1: IsPassive).
func (h *Handlers) noPassive(w http.ResponseWriter, r *http.Request, l *idp.Login, bh idp.BrowserSecret) error {
	ended, err := login.Continue(*l, bh, "none", h.Now())
	if err != nil {
		return err
	}
	if err := h.Store.PutLogin(r.Context(), &ended); err != nil && !errors.Is(err, store.ErrConflict) {
		return err
	}
	return h.refuseLogin(w, r, l, &saml.StatusError{
		Top: saml.StatusResponder, Second: saml.StatusNoPassive, Message: "The user cannot be signed in without interaction.",
	}, "")
}

// browserSecret is that of the cookie, kept so that all tabs share it, or a
// new one.
func (h *Handlers) browserSecret(r *http.Request) (idp.Secret, idp.BrowserSecret, error) {
	secret := h.SecretCookie(r, web.CookieBrowser, 32)
	if secret == nil {
		var err error
		if secret, err = idp.NewSecret(h.Random, 32); err != nil {
			return nil, idp.BrowserSecret{}, err
		}
	}
	return secret, secret.Hash(), nil
}

// logo draws an application's first letter. It depends on nothing but the URL.
func (h *Handlers) logo(w http.ResponseWriter, r *http.Request) error {
	letter := r.PathValue("letter")
	if letter == "app" {
		letter = "*"
	}
	if len(letter) != 1 {
		return &idp.Error{Code: idp.NotFound}
	}
	c := letter[0]
	if c != '*' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
		return &idp.Error{Code: idp.NotFound}
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	hue := (int(c)*47 + 200) % 360
	label := string(c)
	if c >= 'a' {
		label = string(c - 'a' + 'A')
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="10" fill="hsl(%d 45%% 38%%)"/><text x="20" y="27" font-family="system-ui,sans-serif" font-size="20" font-weight="600" text-anchor="middle" fill="#fff">%s</text></svg>`, hue, label)
	return err
}
