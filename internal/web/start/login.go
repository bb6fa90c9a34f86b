package start

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// Begin sends the browser to our own page, with the login of a request that was
// judged; what stands in the way of that is Rejected.
func (h *Starter) Begin(w http.ResponseWriter, r *http.Request, draft *idp.Login, sp *idp.ServiceProvider) error {
	l, err := h.login(r.Context(), draft, sp)
	if err != nil {
		return h.Rejected(sp, err)
	}
	http.Redirect(w, r, page(l), http.StatusSeeOther)
	return nil
}

// login puts the login of a request that was judged, in the protocol of its
// service provider. Its id is derived from entityID and request ID, so a
// request that was seen before finds its own login: while that is pending the
// person goes on with it (a reload), afterwards it is a replay.
func (h *Starter) login(ctx context.Context, draft *idp.Login, sp *idp.ServiceProvider) (*idp.Login, error) {
	now := h.Now()
	l := *draft
	l.Protocol, l.SPSlug, l.Issuer = sp.Protocol, sp.Slug, h.Issuer(sp)
	l.App = appOf(sp, l.ACS)
	l.PasskeyOnly = approver.Reaches(acr.LevelQR, sp, &l) != nil
	l.CreatedAt, l.ExpiresAt = now, now.Add(login.LoginLife)
	stored, err := h.AcceptLogin(ctx, h.Masters, &l)
	switch {
	case errors.Is(err, store.ErrExists):
		return pending(stored, now)
	case err != nil:
		return nil, err
	}
	h.Record(ctx, idp.AuditEvent{Event: idp.AuditRequestReceived, Actor: "browser", Login: l.ID, SP: l.SP})
	return stored, nil
}

func pending(l *idp.Login, now idp.Millis) (*idp.Login, error) {
	if l.Done != "" || l.ExpiresAt.Over(now) {
		return nil, web.Replayed()
	}
	return l, nil
}

// page is where a login goes on, in the browser: by the session there, if that
// can do.
func page(l *idp.Login) string {
	if l.ForceAuthn {
		return AskPage(l.ID)
	}
	return "/login?l=" + url.QueryEscape(l.ID)
}

// AskPage is where a login goes on that the browser's session cannot answer.
// Whoever leaves "ask" out is led back to it.
func AskPage(id string) string { return "/login?l=" + url.QueryEscape(id) + "&ask=1" }

// appOf is what people are shown of an SP: its configured name and the host
// that they will return to.
func appOf(sp *idp.ServiceProvider, acs string) idp.ContextApp {
	host := ""
	if u, err := url.Parse(acs); err == nil {
		host = u.Host
	}
	return idp.ContextApp{EntityID: sp.EntityID, Host: host, Name: sp.Name}
}

// Rejected records a refusal that stays with us: an error page, nothing sent
// anywhere. sp may be nil.
func (h *Starter) Rejected(sp *idp.ServiceProvider, err error) error {
	e := idp.AsError(err)
	h.Metrics.Count(obs.RequestRejected, map[string]string{obs.Reason: e.LogReason()})
	if sp != nil {
		e.SP, e.App = sp.EntityID, sp.Name
	}
	if e.Fix == "" {
		e.Fix = hint(e.Reason, sp)
	}
	return e
}
