package demo

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/i18n"
)

//go:embed static templates
var files embed.FS

// pages are the demo's own pages, in the style of the identity provider's.
type pages struct {
	templates *template.Template
	assets    http.Handler // /assets/: the identity provider's files; /assets/demo/: ours
}

func newPages() (*pages, error) {
	catalog, err := i18n.New()
	if err != nil {
		return nil, fmt.Errorf("load messages: %w", err)
	}
	shared, err := assets.New(catalog)
	if err != nil {
		return nil, fmt.Errorf("load assets: %w", err)
	}
	t, err := template.New("").Funcs(template.FuncMap{"asset": shared.URL}).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse the demo's templates: %w", err)
	}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, fmt.Errorf("open the demo's files: %w", err)
	}
	own := http.StripPrefix("/assets/demo/", http.FileServerFS(static))
	return &pages{templates: t, assets: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/"):
			http.NotFound(w, r)
		case strings.HasPrefix(r.URL.Path, "/assets/demo/"):
			own.ServeHTTP(w, r)
		default:
			shared.Handler().ServeHTTP(w, r)
		}
	})}, nil
}

func (p *pages) show(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser went away: nothing to tell it
}

// guard answers under our own host name only, so that no other name that was
// made to point to this machine can read these pages, and sets the headers. forms
// may lead to our own address and to those given.
func (p *pages) guard(origin string, next http.Handler, forms ...string) http.Handler {
	action := strings.Join(append([]string{"'self'"}, forms...), " ")
	host := strings.TrimPrefix(origin, "http://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host {
			http.Error(w, "Open "+origin, http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "+
			"connect-src 'self'; form-action "+action+"; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
