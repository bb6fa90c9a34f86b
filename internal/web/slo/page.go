package slo

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/latchkey-idp/latchkey/internal/headers"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/slo"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// page shows what becomes of each application, and tells those that are told
// through the browser, each in a frame of its own: one that is dead holds
// nobody up.
func (h *Handlers) page(w http.ResponseWriter, r *http.Request) error {
	l, err := h.mine(r, r.URL.Query().Get("l"))
	if err != nil {
		return err
	}
	page := pages.LogoutPage{
		Frame: h.Frame(w, r, pagePath(l.ID)), LogoutID: l.ID, Back: answerable(l), Insecure: h.Config.Local(),
	}
	if l.Request != nil {
		page.AppName = l.Request.Name
	}
	if l.Asks {
		session, err := h.concerned(r, l.Request)
		if err != nil {
			return err
		}
		page.State = pages.LogoutOver // nobody is signed in by what the application says
		if session != nil {
			page.State, page.Apps = pages.LogoutConfirm, open(session.Participants, l.Request.SP)
		}
		return h.Pages.Logout(w, page)
	}
	st, err := h.Service.State(r.Context(), l)
	if err != nil {
		return err
	}
	page.State = stateOf(st)
	for i, t := range l.Targets {
		page.Apps = append(page.Apps, pages.LogoutApp{Name: t.Name, Outcome: st.Outcomes[i]})
		if st.Outcomes[i] == idp.LogoutPending && t.Binding != idp.BindingSOAP {
			page.Tell = append(page.Tell, "/logout/tell?l="+l.ID+"&n="+strconv.Itoa(i))
		}
	}
	return h.Pages.Logout(w, page)
}

func stateOf(st slo.State) string {
	switch {
	case st.Pending:
		return pages.LogoutUnder
	case st.Partial:
		return pages.LogoutPartial
	}
	return pages.LogoutOver
}

// answerable: there is an application that waits for an answer.
func answerable(l *idp.Logout) bool {
	return l.Request != nil && l.Request.Location != "" && !l.Request.Async
}

// stateView is the answer of GET /v1/logout.
type stateView struct {
	Outcomes []idp.LogoutOutcome `json:"outcomes"` // in the order of the page's list
	Pending  bool                `json:"pending"`  // somebody may still answer
	Partial  bool                `json:"partial"`  // somebody is not signed out, or not yet
}

// state is how far a logout has come. It reads, and writes nothing.
func (h *Handlers) state(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginAPI(r); err != nil {
		return err
	}
	l, err := h.mine(r, r.URL.Query().Get("l"))
	if err != nil {
		return err
	}
	st, err := h.Service.State(r.Context(), l)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, stateView(st))
}

// tell is a frame of the page: it takes the LogoutRequest to one application.
// It costs a signature, so it is there for the page's browser only, as long as
// the answer can still count.
func (h *Handlers) tell(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	headers.AllowFrame(w.Header())
	q := r.URL.Query()
	l, err := h.mine(r, q.Get("l"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(q.Get("n"))
	if err != nil || n < 0 || n >= len(l.Targets) || l.Targets[n].Binding == idp.BindingSOAP || l.Deadline.Over(h.Now()) {
		return idp.E(idp.NotFound, "no such frame")
	}
	if t := l.Targets[n]; t.Binding == idp.BindingVisit {
		if err := h.Service.Visited(ctx, l, n); err != nil {
			return err
		}
		return leave(w, t.Address)
	}
	m, sp, err := h.Service.Message(ctx, l, n)
	if errors.Is(err, store.ErrNotFound) {
		return idp.E(idp.AppDisabled, "application or endpoint is gone")
	}
	if err != nil {
		return err
	}
	key, err := h.Signing(ctx, h.Keys, sp)
	if err != nil {
		return err
	}
	if l.Targets[n].Binding == idp.BindingRedirect {
		to, err := m.Redirect("", false, key)
		if err != nil {
			return err
		}
		return leave(w, to)
	}
	out, err := m.POST("", false, key)
	if err != nil {
		return err
	}
	return h.sendForm(w, r, sp, out)
}

// leave redirects to a registered address. The address was signed: it is not to
// be cleaned up on its way.
func leave(w http.ResponseWriter, to string) error {
	if _, err := url.Parse(to); err != nil {
		return idp.E(idp.AppDisabled, "registered address is no URL")
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (h *Handlers) sendForm(w http.ResponseWriter, r *http.Request, sp *idp.ServiceProvider, out *binding.Outbound) error {
	return h.Pages.AutoPost(w, pages.PostPage{
		Frame: h.Frame(w, r, ""), Action: out.Location, AppName: sp.Name,
		Fields: pages.Message(out.Name(), out.Base64(), out.RelayState, out.HasRelayState),
	})
}

// told ends a frame.
func (h *Handlers) told(w http.ResponseWriter, r *http.Request, sp *idp.ServiceProvider) error {
	headers.AllowFrame(w.Header())
	f := h.Frame(w, r, "")
	return h.Pages.Message(w, http.StatusOK, pages.MessagePage{
		Frame: f, Title: f.Must("logout_page.told.title"), Words: f.Must("logout_page.told.words", "app", sp.Name),
	})
}
