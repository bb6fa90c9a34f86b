package pages

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/headers"
	"github.com/latchkey-idp/latchkey/internal/i18n"
)

// Pages renders pages. It is safe for concurrent use.
type Pages struct {
	catalog                                                                 *i18n.Catalog
	random                                                                  io.Reader
	login, plain, consent, approve, enroll, me, logout, apps, message, post *template.Template
}

// New takes the templates of a, the messages and a random reader for nonces.
func New(a *assets.Assets, catalog *i18n.Catalog, random io.Reader) (*Pages, error) {
	p := &Pages{catalog: catalog, random: random}
	for name, t := range map[string]**template.Template{
		"login.html": &p.login, "plain.html": &p.plain, "consent.html": &p.consent, "approve.html": &p.approve, "enroll.html": &p.enroll,
		"me.html": &p.me, "logout.html": &p.logout, "apps.html": &p.apps,
		"message.html": &p.message, "post.html": &p.post,
	} {
		found, err := a.Template(name)
		if err != nil {
			return nil, fmt.Errorf("find page: %w", err)
		}
		*t = found
	}
	return p, nil
}

// Catalog is the messages of the pages.
func (p *Pages) Catalog() *i18n.Catalog { return p.catalog }

// nonce returns 128 random bits in base64 (CSP Level 3, 2.3.1).
func (p *Pages) nonce() (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(p.random, b); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// write sends a page with the headers that all pages of this package share.
// Nothing has been written when rendering fails.
func write(w http.ResponseWriter, status int, policy string, t *template.Template, data any) error {
	var page bytes.Buffer
	if err := t.Execute(&page, data); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	base := headers.Policy
	if h.Get("Content-Security-Policy") == headers.FramedPolicy { // see headers.AllowFrame
		base = headers.FramedPolicy
	}
	h.Set("Content-Security-Policy", base+policy)
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "same-origin")
	}
	w.WriteHeader(status)
	if _, err := w.Write(page.Bytes()); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// ability is what a page may do besides (8.2).
type ability string

const (
	// installs: it belongs to the app that can be put on the home screen.
	installs ability = "; manifest-src 'self'"
	// worksOffline: it may install our worker, whose address one policy of
	// trusted types gives (assets/static/offline.js).
	worksOffline ability = "; worker-src 'self'; trusted-types latchkey-worker"
)

// scripted is the policy of a page with scripts (8.2). It names where to report
// violations in a header of w.
func scripted(w http.ResponseWriter, nonce, reportTo string, can ...ability) string {
	policy := "; script-src 'nonce-" + nonce + "' 'strict-dynamic'; style-src 'self' 'nonce-" + nonce + "'" +
		"; img-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'" +
		"; require-trusted-types-for 'script'"
	for _, a := range can {
		policy += string(a)
	}
	if !slices.Contains(can, worksOffline) {
		policy += "; trusted-types 'none'"
	}
	if reportTo == "" {
		return policy
	}
	w.Header().Set("Reporting-Endpoints", fmt.Sprintf("csp=%q", reportTo))
	return policy + "; report-to csp"
}

// ownPath returns path if it stays on this origin, else nothing. "//host" and
// "/\host" lead elsewhere.
func ownPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\t\r\n") {
		return ""
	}
	return path
}
