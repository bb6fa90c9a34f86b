// Package launch is where sign-ins begin here instead of at an application
// (SAML Profiles 4.1.5):
//
//	GET /apps               the person's applications
//	GET /saml/launch/{sp}   sign in to one of them; RelayState optional
//
// Function sso serves it. Anybody can send a browser to /saml/launch, so that a
// person could be signed in to an application, at a page of somebody else's
// choice, without having wanted to. Hence: it is off for each application until
// an administrator switches it on; the browser's session answers only a start
// from a page of ours; every other start wants a fresh approval, which shows
// what it is for. Nothing is told to the application but a sign-in.
package launch

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/directory"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/start"
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Start     *start.Starter
	Directory directory.Directory
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("GET /apps", h.Page(h.apps))
	mux.Handle("GET /saml/launch/{sp}", h.Page(h.launch))
}

func (h *Handlers) launch(w http.ResponseWriter, r *http.Request) error {
	sp, err := h.Store.ServiceProviderBySlug(r.Context(), r.PathValue("sp"))
	if errors.Is(err, store.ErrNotFound) {
		return &idp.Error{Code: idp.NotFound}
	}
	if err != nil {
		return err
	}
	web.RecordFrom(r.Context()).SP = sp.EntityID
	draft, err := h.judge(r, sp)
	if err != nil {
		return h.Start.Rejected(sp, err)
	}
	return h.Start.Begin(w, r, draft, sp)
}

// judge makes the login that nobody has sent a request for: without an ID, so
// that the answer has no InResponseTo.
func (h *Handlers) judge(r *http.Request, sp *idp.ServiceProvider) (*idp.Login, error) {
	switch {
	case !sp.IdPInitiated || sp.Protocol != idp.ProtocolSAML: // as if it were not there
		return nil, &idp.Error{Code: idp.NotFound}
	case sp.Disabled || sp.Draft:
		return nil, idp.Refuse(idp.SPDisabled, "service provider is switched off or a draft")
	}
	to := sp.DefaultACS()
	if to == nil {
		return nil, idp.Refuse(idp.ACSUnregistered, "no POST endpoint is registered")
	}
	if err := request.CheckScheme(to.Location, h.Config.Local()); err != nil {
		return nil, err
	}
	p, err := binding.Split(r.URL.RawQuery, []string{"RelayState"})
	if err != nil {
		return nil, err
	}
	relayState, has, err := p.Echo("RelayState")
	if err != nil {
		return nil, err
	}
	relayState = cmp.Or(relayState, sp.DefaultRelayState)
	return &idp.Login{
		SP: sp.EntityID, ACS: to.Location, RelayState: relayState, HasRelayState: has || relayState != "",
		ForceAuthn: !fromHere(r),
	}, nil
}

// fromHere: a page of ours has led here. Only browsers can say so, and a page
// cannot make them say it (Fetch Metadata 2.2); what a person typed, or opened in
// a mail, is "none".
func fromHere(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Site") == "same-origin" }
