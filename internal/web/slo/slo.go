// Package slo is the function that signs people out (saml-profile.md;
// internal/slo does the work):
//
//	GET, POST /saml/slo        LogoutRequest and LogoutResponse by HTTP-Redirect
//	                           and HTTP-POST; a plain GET asks the person
//	POST      /saml/slo/soap   LogoutRequest by SOAP
//	POST      /logout/start    the person wants to
//	POST      /logout/confirm  the person agrees with a request that proves nothing
//	GET       /logout          what becomes of each application
//	GET       /logout/tell     a frame of that page: the LogoutRequest to one of them
//	POST      /logout/finish   the answer to the application that wanted it
//	GET       /v1/logout       the state, for the page
//
// Invariants: a GET that no application has signed ends nothing. A request
// that is not signed ends nothing without the person, and then their own
// session in this browser only. What the pages show and do is for the browser
// that a logout is bound to; a LogoutResponse needs no cookie, since it comes
// from another site's frame, and is bound by signature and InResponseTo.
package slo

import (
	"context"
	"crypto"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/saml/logout"
	"github.com/latchkey-idp/latchkey/internal/slo"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Keys    *keys.Ring
	Service *slo.Service
}

// New makes the handlers.
func New(site *web.Site, ring *keys.Ring, service *slo.Service) *Handlers {
	return &Handlers{Site: site, Keys: ring, Service: service}
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("GET /saml/slo", h.Page(h.get))
	mux.Handle("POST /saml/slo", h.Page(h.post))
	mux.Handle("/saml/slo", h.MethodNotAllowed(http.MethodGet, http.MethodPost))
	mux.Handle("POST /saml/slo/soap", http.HandlerFunc(h.soap))
	mux.Handle("POST /logout/start", h.Page(h.start))
	mux.Handle("POST /logout/confirm", h.Page(h.confirm))
	mux.Handle("GET /logout", h.Page(h.page))
	mux.Handle("GET /logout/tell", h.Page(h.tell))
	mux.Handle("POST /logout/finish", h.Page(h.finish))
	mux.Handle("GET /v1/logout", h.API(h.state))
}

// tellServers tells the applications that are told by SOAP. Our session is over
// already: where a result cannot be written down, that application counts as
// not having answered, and the rest goes on.
func (h *Handlers) tellServers(ctx context.Context, l *idp.Logout) {
	if err := h.Service.TellServers(ctx, l); err != nil {
		web.RecordFrom(ctx).Err = err.Error()
	}
}

// env is what messages that come to url are judged by.
func (h *Handlers) env(ctx context.Context, url string) logout.Env {
	return logout.Env{
		URL: url, Now: h.Clock(), Refused: h.Config.RefusedAlgorithms,
		Keys: func() ([]crypto.Decrypter, error) {
			keys, err := h.Keys.Decrypters(ctx)
			return keys, web.KeyError(err)
		},
		Window: h.Window(),
	}
}
