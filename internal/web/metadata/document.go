package metadata

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const (
	validFor  = 14 * 24 * time.Hour
	signAgain = time.Hour
	listAgain = 10 * time.Minute
	maxCached = 1000
)

// document is one that was signed.
type document struct {
	xml  []byte
	at   time.Time
	cert string // of the keys it publishes
}

func (h *Handlers) ours(w http.ResponseWriter, r *http.Request) error {
	m := h.base()
	m.EntityID = h.Config.EntityID
	m.NameIDFormats = []string{idp.NameIDPersistent, idp.NameIDTransient, idp.NameIDEmail, idp.NameIDUnspecified}
	programs, err := h.programs(r.Context())
	if err != nil {
		return err
	}
	if programs {
		m.ECPURL = h.Config.ECPURL()
	}
	return h.write(w, r, "", "", m, metadata.IdP.Sign)
}

// programs reports whether any service provider lets programs sign in, as of a
// moment ago: it takes the list of them all.
func (h *Handlers) programs(ctx context.Context) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.Clock(); now.Sub(h.listed) >= listAgain {
		all, err := h.Store.ServiceProviders(ctx)
		if err != nil {
			return false, err
		}
		h.ecp = slices.ContainsFunc(all, func(sp store.SPSummary) bool { return sp.ECP && !sp.Disabled })
		h.listed = now
	}
	return h.ecp, nil
}

func (h *Handlers) extra(e Extra) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m := metadata.IdP{EntityID: h.Config.EntityID, SSOURL: e.Endpoint, DisplayName: h.Config.DisplayName}
		return h.write(w, r, e.Path, "", m, e.Form)
	}
}

// base is what every document says.
func (h *Handlers) base() metadata.IdP {
	c := h.Config
	return metadata.IdP{
		SSOURL: c.SSOURL(), SLOURL: c.SLOURL(), SLOSOAPURL: c.SLOSOAPURL(), RefusedAlgorithms: c.RefusedAlgorithms,
		DisplayName: c.DisplayName, LogoURL: c.LogoURL, InformationURL: c.InformationURL, PrivacyURL: c.PrivacyURL,
	}
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
	m := h.base()
	m.EntityID, m.WantAuthnRequestsSigned = issuer, sp.RequireSignedRequests
	if sp.ECP {
		m.ECPURL = h.Config.ECPURL()
	}
	if rule, err := mapping.NameIDOf(sp); err == nil && rule.Format != "" {
		m.NameIDFormats = []string{rule.Format}
	}
	if err := h.write(w, r, sp.Slug+"?"+domain, sp.SigningKey, m, metadata.IdP.Sign); err != nil {
		return err
	}
	h.fetched(r.Context(), sp)
	return nil
}

// write answers the document, signed now or within the last hour.
func (h *Handlers) write(w http.ResponseWriter, r *http.Request, name, signingKey string, m metadata.IdP, form Form) error {
	ctx := r.Context()
	h.complete(ctx)
	var err error
	if m.Certificates, err = h.Keys.PublishedFor(ctx, signingKey); err != nil {
		return web.KeyError(err)
	}
	if m.Encryption, err = h.Keys.EncryptionCertificate(ctx); err != nil {
		return web.KeyError(err)
	}
	fingerprint := name + m.EntityID + m.ECPURL
	for _, c := range append(m.Certificates, m.Encryption) {
		if c != nil {
			fingerprint += string(c.Raw)
		}
	}
	xml, err := h.document(ctx, name, fingerprint, signingKey, m, form)
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
func (h *Handlers) document(ctx context.Context, name, fingerprint, signingKey string, m metadata.IdP, form Form) ([]byte, error) {
	if xml, ok := h.cached(name, fingerprint); ok {
		return xml, nil
	}
	h.signing.Lock()
	defer h.signing.Unlock()
	if xml, ok := h.cached(name, fingerprint); ok {
		return xml, nil
	}
	xml, err := h.sign(ctx, signingKey, m, form)
	if err != nil {
		return nil, err
	}
	h.keep(name, document{xml, h.Clock(), fingerprint})
	return xml, nil
}

func (h *Handlers) sign(ctx context.Context, signingKey string, m metadata.IdP, form Form) ([]byte, error) {
	pair, err := h.Keys.For(ctx, signingKey)
	if err != nil {
		return nil, web.KeyError(err)
	}
	id, err := idp.NewSecret(h.Random, 16)
	if err != nil {
		return nil, err
	}
	m.ID = "_" + hex.EncodeToString(id)
	m.ValidUntil, m.CacheDuration = h.Clock().Add(validFor).Truncate(time.Second), metadata.CacheFor
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
