// Package ecp signs programs in that have no browser, such as mail clients and
// scripts: the Enhanced Client or Proxy profile (SAML Profiles 4.2, ECP 2.0).
//
//	POST /saml/ecp    an AuthnRequest by SOAP, with HTTP Basic
//
// Function sso serves it. It is a way around the phone, and therefore narrow
// (docs/adr/0024): off for each application until an administrator lets it in;
// by an app password only, which is for one person and one application and
// expires; the assertion says that it was a password, which is not enough for
// an application that demands more.
//
// Invariants: nothing is signed for whoever does not know an app password, and
// once only for a request; no directory is asked before the password was found;
// who guesses learns neither which people exist nor which have app passwords; a
// limit that strangers can reach locks no person out; no cookie is read or set,
// no SSO session begins, so that there is nothing for a logout to end.
package ecp

import (
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/directory"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// Wrong app passwords that are answered as such, of an address and for a name.
const (
	guesses      = 10
	guessesEvery = 5 * time.Minute
)

// Handlers serve the route.
type Handlers struct {
	*web.Site
	Masters   *login.MasterKeys
	Pairwise  []byte // 32-byte key of generated NameIDs; never changes
	Keys      *keys.Ring
	Directory directory.Directory

	addresses *ratelimit.Window
	names     *ratelimit.Window
}

// New completes the handlers.
func New(h Handlers) *Handlers {
	h.addresses = ratelimit.NewWindow("ecp-address", guesses, guessesEvery, h.Store, h.Clock)
	h.names = ratelimit.NewWindow("ecp-name", guesses, guessesEvery, h.Store, h.Clock)
	return &h
}

// Mount adds the route.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("POST /saml/ecp", http.HandlerFunc(h.serve))
}

func (h *Handlers) serve(w http.ResponseWriter, r *http.Request) {
	if err := h.signIn(w, r); err != nil {
		h.fault(w, r, err)
	}
}
