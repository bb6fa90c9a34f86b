package phoneapp

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/i18n"
)

// manifest is a W3C Web Application Manifest.
type manifest struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	ShortName   string     `json:"short_name"`
	Description string     `json:"description"`
	Lang        string     `json:"lang"`
	Dir         string     `json:"dir"`
	StartURL    string     `json:"start_url"`
	Scope       string     `json:"scope"`
	Display     string     `json:"display"`
	Background  string     `json:"background_color"`
	Theme       string     `json:"theme_color"`
	Icons       []icon     `json:"icons"`
	Shortcuts   []shortcut `json:"shortcuts"`
}

type icon struct {
	Source  string `json:"src"`
	Sizes   string `json:"sizes"`
	Type    string `json:"type"`
	Purpose string `json:"purpose"`
}

type shortcut struct {
	Name  string `json:"name"`
	URL   string `json:"url"`
	Icons []icon `json:"icons"`
}

// manifest answers for a day from the browser's own cache: browsers ask for it
// with each page.
func (h *Handlers) manifest(w http.ResponseWriter, r *http.Request) error {
	m, err := h.describe(h.Frame(w, r, "").Locale)
	if err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Header().Set("Cache-Control", "private, max-age=86400")
	_, err = w.Write(body)
	return err
}

func (h *Handlers) describe(l i18n.Locale) (manifest, error) {
	name := h.Config.DisplayName
	m := manifest{
		ID: "/m", Name: name, ShortName: name, Lang: l.Lang(), Dir: l.Dir(),
		StartURL: "/m?source=app", Scope: "/", Display: "standalone", Background: "#ffffff", Theme: "#ffffff",
	}
	var err error
	if m.Description, err = l.T("app.description"); err != nil {
		return m, err
	}
	for _, i := range []struct{ file, sizes, kind, purpose string }{
		{"icons/icon-192.png", "192x192", "image/png", "any"},
		{"icons/icon-512.png", "512x512", "image/png", "any"},
		{"icons/maskable-512.png", "512x512", "image/png", "maskable"},
		{"mark.svg", "any", "image/svg+xml", "any"},
	} {
		address, err := h.assets.URL(i.file)
		if err != nil {
			return m, err
		}
		m.Icons = append(m.Icons, icon{address, i.sizes, i.kind, i.purpose})
	}
	for _, s := range []struct{ key, url string }{{"app.scan", "/m?scan=1"}, {"app.devices", "/me"}} {
		label, err := l.T(s.key)
		if err != nil {
			return m, err
		}
		m.Shortcuts = append(m.Shortcuts, shortcut{label, s.url, m.Icons[:1]})
	}
	return m, nil
}
