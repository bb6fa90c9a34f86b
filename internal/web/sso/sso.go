// Package sso is the function that a service provider sends people to, and
// that sends them back (saml-profile.md; approval-protocol.md 5):
//
//	GET, POST /saml/sso        an AuthnRequest by HTTP-Redirect or HTTP-POST
//	GET       /login           the login page
//	POST      /login/finish    the signed Response, as a form to the ACS
//	POST      /login/continue  the same, by the SSO session of the browser
//	POST, GET /login/plain     the sign-in for browsers without script
//	GET       /login/return    the way back from an app on the same phone
//	GET       /login/logo/{x}  a monogram for an application
//	GET       /assets/{file}   styles and scripts of the pages
//	POST      /v1/reports      browsers' reports of violations of our policy
//
// Invariants: a request is judged once, on arrival, and stored as a Login;
// nothing of it comes back from the browser. /saml/sso reads no cookie. An
// assertion is issued only by finish and continue, only to the browser that is
// bound to the login, and only once: its ID is fixed by compare-and-swap before anything is
// signed. Nothing is signed for a request that is not authentic.
package sso

import (
	"context"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/directory"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/start"
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Masters   *login.MasterKeys
	Start     *start.Starter
	Passkeys  bool   // this address can have passkeys
	Pairwise  []byte // 32-byte key of generated NameIDs; never changes
	Keys      *keys.Ring
	Directory directory.Directory
	Assets    http.Handler

	failures *ratelimit.Buckets // signed refusals per address
	audits   *ratelimit.Buckets // audit events of refused finishes per address
	reports  *ratelimit.Buckets // of browsers about our policy, per address
}

// New completes the handlers.
func New(h Handlers) *Handlers {
	h.failures = ratelimit.NewBuckets(time.Second, 30, h.Clock)
	h.audits = ratelimit.NewBuckets(10*time.Second, 20, h.Clock)
	h.reports = ratelimit.NewBuckets(time.Minute, 5, h.Clock)
	return &h
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("GET /saml/sso", h.Page(h.redirect))
	mux.Handle("POST /saml/sso", h.Page(h.post))
	mux.Handle("/saml/sso", h.MethodNotAllowed("GET", "POST"))
	mux.Handle("GET /login", h.Page(h.page))
	mux.Handle("POST /login/finish", h.Page(h.finish))
	mux.Handle("POST /login/continue", h.Page(h.goOn))
	mux.Handle("POST /login/plain", h.Page(h.plainStart))
	mux.Handle("GET /login/plain", h.Page(h.plain))
	mux.Handle("GET /login/return", h.Page(h.returned))
	mux.Handle("GET /login/logo/{letter}", h.Page(h.logo))
	mux.Handle("GET /assets/{file}", h.Assets)
	mux.Handle("POST "+web.ReportsPath, h.API(h.report))
}

// signing is the key for this request.
func (h *Handlers) signing(ctx context.Context) (response.Signing, error) {
	return h.Signing(ctx, h.Keys)
}
