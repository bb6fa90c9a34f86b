// Package metadata is the function that tells others about us:
//
//	GET /saml/metadata        our signed metadata
//	GET /saml/metadata/{sp}   the same, made for one service provider
//	GET (of an Extra)         the same in another protocol's terms
//	GET /v1/config/public     names and languages
//	GET /v1/openapi.json      the description of the API
//	GET /v1/healthz           whether the store answers, and which program this is
//
// Invariants: nothing here depends on who asks. A document is signed at most
// once an hour by each instance, however often it is asked for. What is stored
// because of a call is bounded by what administrators did: a certificate for
// each key that they requested, and a mark for each service provider and
// announced key.
package metadata

import (
	"crypto"
	"crypto/x509"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey-idp/latchkey/docs"
	"github.com/latchkey-idp/latchkey/internal/build"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Keys *keys.Ring

	extras  []Extra
	hash    func() (string, error) // of this program
	signing sync.Mutex             // one document is signed at a time

	mu     sync.Mutex
	signed map[string]document
	ecp    bool           // some service provider lets programs in
	listed time.Time      // when that was looked up
	seen   map[fetch]bool // that are recorded
}

// Form writes and signs a document of what there is to say about us.
type Form func(metadata.IdP, crypto.Signer, *x509.Certificate) ([]byte, error)

// Extra is a further document about us, in the terms of another protocol.
type Extra struct {
	Path     string
	Endpoint string // where that protocol's sign-ins begin
	Form     Form
}

// New makes the handlers.
func New(site *web.Site, ring *keys.Ring, extras ...Extra) *Handlers {
	return &Handlers{
		Site: site, Keys: ring, extras: extras, hash: sync.OnceValues(build.Hash),
		signed: map[string]document{}, seen: map[fetch]bool{},
	}
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	for _, e := range h.extras {
		mux.Handle(e.Path, h.onlyGET(h.Page(h.extra(e))))
	}
	for pattern, handler := range map[string]http.Handler{
		"/saml/metadata":      h.Page(h.ours),
		"/saml/metadata/{sp}": h.Page(h.forSP),
		"/v1/config/public":   h.API(h.public),
		"/v1/openapi.json":    h.API(h.openapi),
		"/v1/healthz":         h.API(h.health),
	} {
		// Not "GET pattern": that would answer HEAD, too, and ours say 405.
		mux.Handle(pattern, h.onlyGET(handler))
	}
}

func (h *Handlers) onlyGET(next http.Handler) http.Handler {
	refuse := h.MethodNotAllowed(http.MethodGet)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.ContentLength != 0 {
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (h *Handlers) public(w http.ResponseWriter, _ *http.Request) error {
	return web.JSON(w, http.StatusOK, map[string]any{
		"name": h.Config.DisplayName, "languages": []string{"en"}, "features": []string{"qr", "device-key"},
		"entity_id": h.Config.EntityID, "metadata_url": h.Config.MetadataURL(), "support_url": h.Config.SupportURL,
	})
}

func (h *Handlers) openapi(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, err := w.Write(docs.OpenAPI())
	return err
}

// health answers 200 if the store does. It names the program by version and
// hash, so that anybody can compare it with the release (SECURITY.md).
func (h *Handlers) health(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.Store.ServiceProviderBySlug(r.Context(), "health-check"); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	ok := map[string]string{"status": "ok", "version": build.Version()}
	if hash, err := h.hash(); err == nil {
		ok["build"] = hash
	}
	return web.JSON(w, http.StatusOK, ok)
}
