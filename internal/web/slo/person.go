package slo

import (
	"errors"
	"net/http"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/slo"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// clearSite: what pages have kept in the browser goes with the session.
const clearSite = `"cache", "storage"`

// ask is the person's own sign-out page. It ends nothing: any site can cause
// this request (A37).
func (h *Handlers) ask(w http.ResponseWriter, r *http.Request) error {
	session, err := h.session(r)
	if err != nil {
		return err
	}
	if session == nil {
		return h.nothing(w, r)
	}
	return h.Pages.Logout(w, pages.LogoutPage{
		Frame: h.Frame(w, r, "/saml/slo"), State: pages.LogoutAsk, Apps: open(session.Participants, ""),
	})
}

// nothing says that nobody is signed in.
func (h *Handlers) nothing(w http.ResponseWriter, r *http.Request) error {
	f := h.Frame(w, r, "")
	return h.Pages.Message(w, http.StatusOK, pages.MessagePage{
		Frame: f, Title: f.Must("logout_page.nothing.title"), Words: f.Must("logout_page.nothing.words"),
	})
}

// open lists the applications of a session by name, each once, but not the one
// that asks.
func open(participants []idp.Participant, but string) (apps []pages.LogoutApp) {
	for _, p := range participants {
		app := pages.LogoutApp{Name: p.Name}
		if p.SP != but && !slices.Contains(apps, app) {
			apps = append(apps, app)
		}
	}
	return apps
}

// start ends the session of this browser, as its person wants.
func (h *Handlers) start(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginForm(r); err != nil {
		return err
	}
	session, err := h.session(r)
	if err != nil {
		return err
	}
	if session == nil {
		return h.nothing(w, r)
	}
	id, err := idp.NewID(h.Random)
	if err != nil {
		return err
	}
	return h.end(w, r, session, slo.Order{ID: id})
}

// end carries out an order about the session of this browser.
func (h *Handlers) end(w http.ResponseWriter, r *http.Request, session *web.SignedIn, o slo.Order) error {
	secret, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	hash := secret.Hash()
	o.By, o.Browser, o.People = "user:"+session.UserID, hash[:], []string{session.UserID}
	o.Ends = func(s *idp.SSOSession) bool { return s.SID == session.SID }
	l, err := h.Service.Start(r.Context(), o)
	if errors.Is(err, slo.ErrNothing) { // in another tab, at this moment
		return h.nothing(w, r)
	}
	if err != nil {
		return err
	}
	h.ClearCookie(w, web.CookieSSO)
	w.Header().Set("Clear-Site-Data", clearSite)
	h.tellServers(r.Context(), l)
	h.goOn(w, r, l, secret)
	return nil
}

// waitForWord keeps a request that nobody has signed until the person has seen
// it. The answer's page reads the cookies that a cross-site POST lacks.
func (h *Handlers) waitForWord(w http.ResponseWriter, r *http.Request, sp *idp.ServiceProvider, o slo.Order, secret idp.Secret) error {
	l := h.Service.New(o)
	l.Asks = true
	err := h.Store.StartLogout(r.Context(), l, nil)
	if errors.Is(err, store.ErrExists) {
		return h.seenBefore(w, r, sp, o.ID)
	}
	if err != nil {
		return err
	}
	h.goOn(w, r, l, secret)
	return nil
}

// concerned is the session of this browser, if the application that asks takes
// part in it as it says.
func (h *Handlers) concerned(r *http.Request, req *idp.LogoutRequest) (*web.SignedIn, error) {
	session, err := h.session(r)
	if err != nil || session == nil || !named(req)(session.SSOSession) {
		return nil, err
	}
	return session, nil
}

// confirm is the person's word for a request that is not signed.
func (h *Handlers) confirm(w http.ResponseWriter, r *http.Request) error {
	l, err := h.mineByForm(r)
	if err != nil {
		return err
	}
	if !l.Asks {
		h.goOn(w, r, l, nil)
		return nil
	}
	session, err := h.concerned(r, l.Request)
	if err != nil {
		return err
	}
	if session == nil {
		h.goOn(w, r, l, nil)
		return nil
	}
	return h.end(w, r, session, slo.Order{ID: l.ID, Version: l.Version, Request: l.Request})
}
