package sso

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// page shows the login page, or goes on where nobody has to be asked. It sets or
// renews the browser secret; the first create binds the login to it.
func (h *Handlers) page(w http.ResponseWriter, r *http.Request) error {
	id := r.URL.Query().Get("l")
	if _, err := idp.DecodeBase32(id, 16); err != nil {
		return idp.E(idp.SessionUnknown, "login id")
	}
	l, err := h.Store.Login(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return idp.E(idp.SessionUnknown, "no login")
	}
	if err != nil {
		return err
	}
	web.RecordFrom(r.Context()).SP = l.SP
	secret, bh, err := h.browserSecret(r)
	if err != nil {
		return err
	}
	if err := login.CheckBrowser(*l, &bh, h.Now()); err != nil {
		return err
	}
	h.SetCookie(w, web.CookieBrowser, secret.Reveal(), web.BrowserSecretLife)
	if done, err := h.proceed(w, r, l, bh); done {
		return err
	}
	return h.Pages.Login(w, pages.LoginPage{
		Frame: h.Frame(w, r, "/login?l="+l.ID), LoginID: l.ID, AppName: l.App.Name, AppHost: l.App.Host,
		AppLogo: logoOf(l.App), Passkey: h.Passkeys, PasskeyOnly: h.Passkeys && l.PasskeyOnly,
	})
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
