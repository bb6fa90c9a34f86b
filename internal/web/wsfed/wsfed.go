// Package wsfed is the function that applications send people to which speak
// WS-Federation (package internal/wsfed has the protocol):
//
//	GET /wsfed   wa=wsignin1.0          a request to sign somebody in
//	             wa=wsignout1.0         on to the sign-out page
//	             wa=wsignoutcleanup1.0  a page that says that nothing happens
//
// Invariants: a request is judged once, on arrival, and stored as a Login, as
// an AuthnRequest is; everything after that is of the functions that it leads
// to, which sign the answer. This one cannot sign, reads no cookie and ends
// nothing: any page can send a browser here.
package wsfed

import (
	"encoding/hex"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
	"github.com/latchkey-idp/latchkey/internal/web/start"
	"github.com/latchkey-idp/latchkey/internal/wsfed"
)

const (
	path    = "/wsfed"
	signOut = "/saml/slo" // the person's own sign-out page
)

// Handlers serve the routes.
type Handlers struct {
	*web.Site
	Start *start.Starter
	Level int // strongest level that sign-ins can reach
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	mux.Handle("GET "+path, h.Page(h.receive))
	mux.Handle(path, h.MethodNotAllowed(http.MethodGet))
}

func (h *Handlers) receive(w http.ResponseWriter, r *http.Request) error {
	req, err := wsfed.Parse(r.URL.RawQuery)
	if err != nil {
		return h.Start.Rejected(nil, err)
	}
	switch req.Action {
	case wsfed.SignOut:
		http.Redirect(w, r, signOut, http.StatusSeeOther)
		return nil
	case wsfed.Cleanup:
		return h.cleanup(w, r)
	}
	return h.signIn(w, r, req)
}

// signIn judges a request, stores it as a Login and sends the browser to our
// own page.
func (h *Handlers) signIn(w http.ResponseWriter, r *http.Request, req *wsfed.Request) error {
	sp, err := h.Sender(r.Context(), req.Realm)
	if err != nil {
		return h.Start.Rejected(nil, err)
	}
	draft, err := wsfed.Judge(req, sp, request.Env{
		Level: h.Level, Now: h.Clock(), Window: h.Window(), Local: h.Config.Local(),
	})
	if err != nil {
		return h.Start.Rejected(sp, err)
	}
	// Requests have no ID, so that each is one of its own.
	id, err := idp.NewSecret(h.Random, 16)
	if err != nil {
		return err
	}
	draft.RequestID = "_" + hex.EncodeToString(id)
	return h.Start.Begin(w, r, draft, sp)
}

// cleanup answers what identity providers tell applications. We are nobody's
// application, and a GET ends no session.
func (h *Handlers) cleanup(w http.ResponseWriter, r *http.Request) error {
	f := h.Frame(w, r, "")
	page := pages.MessagePage{Frame: f, Action: &pages.Action{Path: signOut}}
	for key, text := range map[string]*string{"title": &page.Title, "words": &page.Words, "action": &page.Action.Label} {
		var err error
		if *text, err = f.T("wsfed.cleanup." + key); err != nil {
			return err
		}
	}
	return h.Pages.Message(w, http.StatusOK, page)
}

// Fields are the form that carries an answer (WS-Federation 1.2, 13.2.3).
func Fields(xml []byte, context string, hasContext bool) []pages.Field {
	fields := []pages.Field{{Name: "wa", Value: wsfed.SignIn}, {Name: "wresult", Value: string(xml)}}
	if hasContext {
		fields = append(fields, pages.Field{Name: "wctx", Value: context})
	}
	return fields
}
