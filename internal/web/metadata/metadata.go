// Package metadata is the function that tells others about us:
//
//	GET /saml/metadata        our signed metadata
//	GET /saml/metadata/{sp}   the same, made for one service provider
//	GET (of an Extra)         the same in another protocol's terms
//	GET /v1/config/public     names and languages
//	GET /v1/openapi.json      the description of the API
//	GET /v1/healthz           whether the store answers
//
// Invariants: nothing here depends on who asks. A document is signed at most
// once an hour by each instance, however often it is asked for.
package metadata

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey-idp/latchkey/docs"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const (
	validFor  = 14 * 24 * time.Hour
	cacheFor  = 24 * time.Hour // what we ask service providers to do
	signAgain = time.Hour
	maxCached = 1000
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Keys *keys.Ring

	extras  []Extra
	signing sync.Mutex // one document is signed at a time

	mu     sync.Mutex
	signed map[string]document
}

type document struct {
	xml  []byte
	at   time.Time
	cert string // of the keys it publishes
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
	return &Handlers{Site: site, Keys: ring, extras: extras, signed: map[string]document{}}
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

func (h *Handlers) extra(e Extra) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m := metadata.IdP{EntityID: h.Config.EntityID, SSOURL: e.Endpoint, DisplayName: h.Config.DisplayName}
		return h.write(w, r, e.Path, m, e.Form)
	}
}

func (h *Handlers) ours(w http.ResponseWriter, r *http.Request) error {
	return h.write(w, r, "", metadata.IdP{
		EntityID: h.Config.EntityID, SSOURL: h.Config.SSOURL(), DisplayName: h.Config.DisplayName,
		NameIDFormats: []string{idp.NameIDPersistent, idp.NameIDTransient, idp.NameIDEmail, idp.NameIDUnspecified},
	}, metadata.IdP.Sign)
}

func (h *Handlers) forSP(w http.ResponseWriter, r *http.Request) error {
	sp, err := h.Store.ServiceProviderBySlug(r.Context(), r.PathValue("sp"))
	if errors.Is(err, store.ErrNotFound) {
		return &idp.Error{Code: idp.NotFound}
	}
	if err != nil {
		return err
	}
	issuer, domain := sp.Issuer, r.URL.Query().Get("domain")
	if domain != "" { // an SP that is federated by domain has an issuer for each
		if issuer = sp.IssuerByDomain[domain]; issuer == "" {
			return &idp.Error{Code: idp.NotFound}
		}
	}
	if issuer == "" {
		issuer = h.Config.EntityID
	}
	m := metadata.IdP{
		EntityID: issuer, SSOURL: h.Config.SSOURL(), DisplayName: h.Config.DisplayName,
		WantAuthnRequestsSigned: sp.RequireSignedRequests,
	}
	if rule, err := mapping.NameIDOf(sp); err == nil && rule.Format != "" {
		m.NameIDFormats = []string{rule.Format}
	}
	return h.write(w, r, sp.Slug+"?"+domain, m, metadata.IdP.Sign)
}

// write answers the document, signed now or within the last hour.
func (h *Handlers) write(w http.ResponseWriter, r *http.Request, name string, m metadata.IdP, form Form) error {
	certs, err := h.Keys.Published(r.Context())
	if err != nil {
		return web.KeyError(err)
	}
	m.Certificates = certs
	fingerprint := name + m.EntityID
	for _, c := range certs {
		fingerprint += string(c.Raw)
	}
	xml, err := h.document(r.Context(), name, fingerprint, m, form)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", metadata.ContentType)
	w.Header().Set("Content-Disposition", `inline; filename="idp-metadata.xml"`)
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, err = w.Write(xml)
	return err
}

// document is the kept one, or a new one. Those who ask for it at once wait
// for the first of them, so that it is signed once.
func (h *Handlers) document(ctx context.Context, name, fingerprint string, m metadata.IdP, form Form) ([]byte, error) {
	if xml, ok := h.cached(name, fingerprint); ok {
		return xml, nil
	}
	h.signing.Lock()
	defer h.signing.Unlock()
	if xml, ok := h.cached(name, fingerprint); ok {
		return xml, nil
	}
	xml, err := h.sign(ctx, m, form)
	if err != nil {
		return nil, err
	}
	h.keep(name, document{xml, h.Clock(), fingerprint})
	return xml, nil
}

func (h *Handlers) sign(ctx context.Context, m metadata.IdP, form Form) ([]byte, error) {
	pair, err := h.Keys.Active(ctx)
	if err != nil {
		return nil, web.KeyError(err)
	}
	id, err := idp.NewSecret(h.Random, 16)
	if err != nil {
		return nil, err
	}
	m.ID = "_" + hex.EncodeToString(id)
	m.ValidUntil, m.CacheDuration = h.Clock().Add(validFor).Truncate(time.Second), cacheFor
	xml, err := form(m, pair.Signer(ctx), pair.Certificate)
	return xml, web.KeyError(err)
}

func (h *Handlers) cached(name, fingerprint string) ([]byte, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.signed[name]
	return d.xml, ok && d.cert == fingerprint && h.Clock().Sub(d.at) < signAgain
}

func (h *Handlers) keep(name string, d document) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.signed) >= maxCached {
		clear(h.signed)
	}
	h.signed[name] = d
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

// health answers 200 if the store does.
func (h *Handlers) health(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.Store.ServiceProviderBySlug(r.Context(), "health-check"); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return web.JSON(w, http.StatusOK, map[string]string{"status": "ok"})
}
