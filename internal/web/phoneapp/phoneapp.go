// Package phoneapp is what makes the pages of a phone an app that can be put on
// its home screen (approval-protocol.md 16.2):
//
//	GET /manifest.webmanifest  name, icons and shortcuts, in the person's language
//	GET /sw.js                 the worker that says so when there is no network
//
// Invariants: neither reads or holds anything of a person but their language and
// theme; the worker keeps nothing but the page that it carries and the hashed
// files that this page is drawn with; it sees no page of a sign-in on the device
// itself (its scope is /m) and no call of the API, and it never answers while
// the network does.
package phoneapp

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/headers"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	assets *assets.Assets
}

// New makes the handlers.
func New(site *web.Site, files *assets.Assets) *Handlers {
	return &Handlers{Site: site, assets: files}
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("GET /manifest.webmanifest", h.Page(h.manifest))
	mux.Handle("GET /sw.js", h.Page(h.worker))
}

//go:embed worker.js
var workerScript []byte

// shell is what the worker shows without a network.
type shell struct {
	Cache string   `json:"cache"` // changes with everything else here
	Files []string `json:"files"` // addresses to keep
	Page  page     `json:"page"`
}

// page is an answer, in the form in which a worker makes a Response of it. It is
// an http.ResponseWriter.
type page struct {
	Body    string            `json:"body"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`

	header http.Header
	body   bytes.Buffer
}

func (p *page) Header() http.Header { return p.header }

func (p *page) WriteHeader(status int) { p.Status = status }

func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }

// worker answers the script. It differs, and so replaces the worker that a
// browser has, when the page, its files, or the person's language or theme do.
func (h *Handlers) worker(w http.ResponseWriter, r *http.Request) error {
	offline, err := h.offline(w, r)
	if err != nil {
		return err
	}
	s := shell{Page: *offline}
	for _, name := range []string{"latchkey.css", "mark.svg"} {
		address, err := h.assets.URL(name)
		if err != nil {
			return err
		}
		s.Files = append(s.Files, address)
	}
	content, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode shell: %w", err)
	}
	sum := sha256.Sum256(append(content, workerScript...))
	s.Cache = "latchkey-" + hex.EncodeToString(sum[:6])
	if content, err = json.Marshal(s); err != nil {
		return fmt.Errorf("encode shell: %w", err)
	}
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Content-Security-Policy", headers.Policy+"; connect-src 'self'")
	_, err = fmt.Fprintf(w, "const shell = %s;\n%s", content, workerScript)
	return err
}

// offline is the page that says that there is no network.
func (h *Handlers) offline(w http.ResponseWriter, r *http.Request) (*page, error) {
	f := h.Frame(w, r, "")
	f.Links, f.ReportTo = nil, "" // they lead nowhere now
	var words [3]string
	for i, key := range []string{"app.offline_title", "app.offline_words", "app.offline_again"} {
		var err error
		if words[i], err = f.T(key); err != nil {
			return nil, err
		}
	}
	p := &page{header: http.Header{}, Headers: map[string]string{}}
	headers.Set(p.header, !h.Config.Local())
	if err := h.Pages.Message(p, http.StatusServiceUnavailable, pages.MessagePage{
		Frame: f, Title: words[0], Words: words[1], Action: &pages.Action{Label: words[2], Path: "/m"},
	}); err != nil {
		return nil, err
	}
	p.Body = p.body.String()
	for name := range p.header {
		p.Headers[name] = p.header.Get(name)
	}
	return p, nil
}
