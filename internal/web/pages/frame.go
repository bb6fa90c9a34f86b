package pages

import (
	"net/url"

	"github.com/latchkey-idp/latchkey/internal/i18n"
)

// Frame is what every page has, whatever it is about. Pages embed it.
type Frame struct {
	i18n.Locale        // the person's language; zero: English
	Theme       string // ThemeLight, ThemeDark; empty: as the system has it
	Here        string // path and query of this page, for its links to other languages; empty: none, as where a link would lose a scanned code or an invite
	Links       []Link // help, privacy, accessibility, support

	// ReportTo is where browsers send reports of policy violations; empty:
	// nowhere.
	ReportTo string

	catalog *i18n.Catalog
}

// Themes that a person may choose.
const (
	ThemeLight = "light"
	ThemeDark  = "dark"
)

// Parameters of any page by which a person chooses.
const (
	ParamLang  = "lang"
	ParamTheme = "theme"
)

// Link is an entry of the foot of a page.
type Link struct {
	Label string
	URL   string // http, https or mailto, or a path on this origin
}

// Choice is a link that chooses a language or a theme.
type Choice struct {
	Label   string
	Lang    string // of the label
	URL     string
	Current bool
}

// Languages are the choices of the foot of a page.
func (f Frame) Languages() []Choice {
	if f.Here == "" || f.catalog == nil {
		return nil
	}
	var out []Choice
	for _, lang := range f.catalog.Languages() {
		l, _ := f.catalog.Locale(lang)
		out = append(out, Choice{l.Name(), lang, f.with(ParamLang, lang), lang == f.Lang()})
	}
	return out
}

// ThemeChoice is the link to the theme that the page does not have.
func (f Frame) ThemeChoice() (Choice, error) {
	other := ThemeDark
	if f.Theme == ThemeDark {
		other = ThemeLight
	}
	label, err := f.T("frame.theme_" + other)
	return Choice{Label: label, URL: f.with(ParamTheme, other)}, err
}

// with is the page's own address with one choice.
func (f Frame) with(name, value string) string {
	u, err := url.Parse(ownPath(f.Here))
	if err != nil {
		return "/"
	}
	q := u.Query()
	q.Del(ParamLang)
	q.Del(ParamTheme)
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// frame completes what a caller left out.
func (p *Pages) frame(f Frame) Frame {
	f.catalog = p.catalog
	if f.Locale == (i18n.Locale{}) {
		f.Locale = p.catalog.English()
	}
	if f.Theme != ThemeLight && f.Theme != ThemeDark {
		f.Theme = ""
	}
	return f
}
