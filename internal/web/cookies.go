package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Names of our cookies, without the __Host- prefix that they have on https.
const (
	CookieBrowser = "bs"  // browser secret: binds login, QR session, poll and finish
	CookieSSO     = "ss"  // SSO session
	CookieEnroll  = "en"  // enrollment
	CookieKnown   = "bid" // known browser
	CookieStepUp  = "su"  // a user check under way
	CookieLogout  = "lo"  // a logout under way
)

// ourCookies are those that hold a secret; two of one name are refused.
var ourCookies = []string{CookieBrowser, CookieSSO, CookieEnroll, CookieKnown, CookieStepUp, CookieLogout}

// BrowserSecretLife is how long the browser secret lives after the last page.
const BrowserSecretLife = 15 * time.Minute

// KnownBrowserLife is how long a browser is known after the last sign-in in it.
const KnownBrowserLife = 400 * 24 * time.Hour

func (s *Site) cookieName(name string) string {
	if s.Config.Local() {
		return name
	}
	return "__Host-" + name
}

// ours reports whether a cookie of this name can only be one of ours. Without
// the prefix it can be one that a neighboring host has set; it is ignored.
func (s *Site) ours(name string) bool {
	return slices.ContainsFunc(ourCookies, func(ours string) bool { return name == s.cookieName(ours) })
}

// SetCookie sets one of our cookies: __Host-, Secure, HttpOnly, SameSite=Lax,
// Path=/ (in local mode without prefix and Secure).
func (s *Site) SetCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		Secure: !s.Config.Local(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// ClearCookie removes one of our cookies.
func (s *Site) ClearCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(name), Path: "/", MaxAge: -1,
		Secure: !s.Config.Local(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// SecretCookie reads a cookie that holds a secret of n bytes; nil if it is
// missing or malformed.
func (s *Site) SecretCookie(r *http.Request, name string, n int) idp.Secret {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil {
		return nil
	}
	b, err := idp.DecodeBase64(c.Value, n)
	if err != nil {
		return nil
	}
	return b
}

// Cookie is the value of one of our cookies, empty if it is missing.
func (s *Site) Cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// Browser is the hash of the browser secret; ok is false without the cookie.
func (s *Site) Browser(r *http.Request) (bh idp.BrowserSecret, ok bool) {
	secret := s.SecretCookie(r, CookieBrowser, 32)
	if secret == nil {
		return bh, false
	}
	return secret.Hash(), true
}
