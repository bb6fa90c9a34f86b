package slo

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const (
	maxForm    = 1 << 10
	cookieLife = 15 * time.Minute
)

// goOn gives a logout to the browser and leads it to the page.
func (h *Handlers) goOn(w http.ResponseWriter, r *http.Request, l *idp.Logout, secret idp.Secret) {
	if secret != nil { // else the browser has the cookie already
		h.SetCookie(w, web.CookieLogout, l.ID+"."+secret.Reveal(), cookieLife)
	}
	http.Redirect(w, r, pagePath(l.ID), http.StatusSeeOther)
}

func pagePath(id string) string { return "/logout?l=" + url.QueryEscape(id) }

// held is the secret that this browser has for a logout; nil if it has none.
func (h *Handlers) held(r *http.Request, id string) idp.Secret {
	of, value, _ := strings.Cut(h.Cookie(r, web.CookieLogout), ".")
	secret, err := idp.DecodeBase64(value, 32)
	if err != nil || of != id {
		return nil
	}
	return secret
}

// mine reads a logout that this browser holds.
func (h *Handlers) mine(r *http.Request, id string) (*idp.Logout, error) {
	if _, err := idp.DecodeBase32(id, 16); err != nil {
		return nil, idp.E(idp.SessionUnknown, "logout id")
	}
	secret := h.held(r, id)
	if secret == nil {
		return nil, idp.E(idp.NotYourBrowser, "no cookie of this logout")
	}
	l, err := h.Store.Logout(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, idp.E(idp.SessionUnknown, "no logout")
	}
	if err != nil {
		return nil, err
	}
	hash := secret.Hash()
	switch {
	case !idp.Equal(l.Browser, hash[:]):
		return nil, idp.E(idp.NotYourBrowser, "another secret")
	case l.ExpiresAt.Over(h.Now()):
		return nil, idp.E(idp.LoginExpired, "logout is too old")
	}
	rec := web.RecordFrom(r.Context())
	rec.User = l.UserID
	if l.Request != nil {
		rec.SP = l.Request.SP
	}
	return l, nil
}

// mineByForm is mine for a form of our own pages.
func (h *Handlers) mineByForm(r *http.Request) (*idp.Logout, error) {
	if err := h.SameOriginForm(r); err != nil {
		return nil, err
	}
	body, err := web.ReadBody(r, maxForm)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["l"]) != 1 {
		return nil, idp.E(idp.BadRequest, "logout form")
	}
	return h.mine(r, form.Get("l"))
}

// session is that of the browser, nil where there is none that holds.
func (h *Handlers) session(r *http.Request) (*web.SignedIn, error) {
	found, err := h.Session(r)
	if idp.CodeOf(err) == idp.StepupRequired {
		return nil, nil //nolint:nilnil // nobody is signed in, which is no error here
	}
	return found, err
}
