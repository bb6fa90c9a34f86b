package web

import (
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// Cookies that hold how a person wants to see pages: no secrets, and nothing
// depends on them.
const (
	cookieLang  = "lang"
	cookieTheme = "theme"
)

const choiceLife = 400 * 24 * time.Hour

// Frame is how the person behind a request wants to see a page: in the language
// and theme that they chose (?lang=, ?theme=, remembered in cookies), else in
// the language of their browser and the theme of their system.
//
// address is that of the page itself, for its links to other languages, made
// of what was judged: nothing of a request is shown unjudged. Empty: no links.
func (s *Site) Frame(w http.ResponseWriter, r *http.Request, address string) pages.Frame {
	f := pages.Frame{Here: address, ReportTo: ReportsPath, Locale: s.Pages.Catalog().Match(r.Header.Get("Accept-Language"))}
	w.Header().Set("Vary", "Accept-Language, Cookie")
	if l, ok := s.Pages.Catalog().Locale(s.choice(w, r, pages.ParamLang, cookieLang, func(v string) bool {
		_, ok := s.Pages.Catalog().Locale(v)
		return ok
	})); ok {
		f.Locale = l
	}
	f.Theme = s.choice(w, r, pages.ParamTheme, cookieTheme, func(v string) bool {
		return v == pages.ThemeLight || v == pages.ThemeDark
	})
	if s.Config.SupportURL != "" {
		f.Links = append(f.Links, pages.Link{Label: f.Must("frame.help"), URL: s.Config.SupportURL})
	}
	return f
}

// choice is the value of a parameter, which is then remembered, else the one
// that was remembered; empty for one that is not valid.
func (s *Site) choice(w http.ResponseWriter, r *http.Request, param, cookie string, valid func(string) bool) string {
	if v := r.URL.Query().Get(param); v != "" && valid(v) && r.Method == http.MethodGet {
		s.SetCookie(w, cookie, v, choiceLife)
		return v
	}
	if c, err := r.Cookie(s.cookieName(cookie)); err == nil && valid(c.Value) {
		return c.Value
	}
	return ""
}
