package sso

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
	"github.com/latchkey-idp/latchkey/internal/web/start"
)

const (
	continuePath    = "/login/continue"
	maxContinueForm = 1 << 10
	continueTries   = 4 // as long as something changes meanwhile, the session in another tab
)

// continueForm is what the page posts, and whose browser it is in.
type continueForm struct {
	login   string // id
	browser idp.BrowserSecret
	consent string // the tag of what the person has agreed to
	decline string // as in finishForm
}

func (h *Handlers) readContinue(r *http.Request) (f continueForm, err error) {
	if err := h.SameOriginForm(r); err != nil {
		return f, err
	}
	body, err := web.ReadBody(r, maxContinueForm)
	if err != nil {
		return f, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["l"]) != 1 {
		return f, idp.E(idp.BadRequest, "continue form")
	}
	f = continueForm{login: form.Get("l"), consent: form.Get(fieldConsent), decline: form.Get(fieldDecline)}
	if _, err := idp.DecodeBase32(f.login, 16); err != nil {
		return f, idp.E(idp.SessionUnknown, "login id")
	}
	var ok bool
	if f.browser, ok = h.Browser(r); !ok {
		return f, idp.E(idp.NotYourBrowser, "no browser secret")
	}
	return f, nil
}

// goOn is POST /login/continue: the browser's session answers a login. It may
// be repeated, with the same assertion ID, within the time of a finish.
func (h *Handlers) goOn(w http.ResponseWriter, r *http.Request) error {
	form, err := h.readContinue(r)
	if err != nil {
		return err
	}
	for range continueTries {
		if err := h.goOnOnce(w, r, form); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return h.continueRefused(w, r, form.login, "", idp.E(idp.Busy, "login, session or consent kept changing"))
}

// goOnOnce is goOn by what is there now; store.ErrConflict if that changes
// meanwhile, with nothing answered.
func (h *Handlers) goOnOnce(w http.ResponseWriter, r *http.Request, form continueForm) error {
	ctx := r.Context()
	c, err := h.candidate(r, form.login)
	if err != nil {
		return err
	}
	if c.session == nil {
		return h.ask(w, r, form.login, c.why)
	}
	by := c.session.SID
	if form.decline == noConsent {
		by = "declined" // a no is the end: no yes comes after it
	}
	next, refusal := login.Continue(*c.login, form.browser, by, h.Now())
	switch {
	case refusal != nil:
		return refusal
	case form.decline != "":
		return h.declineContinued(w, r, &next, form.decline == noConsent)
	case c.subject == nil:
		return h.ask(w, r, form.login, c.why)
	}
	sub, first := c.subject, next.Done != c.login.Done
	sub.login = &next
	if err := h.agree(ctx, sub, c.session.SID, form.consent); err != nil {
		return h.notAgreed(w, r, c.login, form.browser, err)
	}
	a := &assertion{
		subject: *sub, id: continuedID(next.ID, c.session.SID), sid: c.session.SID,
		approved: c.session.ACR, approvedAt: c.session.ApprovedAt, life: c.session.ExpiresAt,
	}
	if err := h.continued(ctx, c.session, a, first); errors.Is(err, store.ErrConflict) {
		return err
	} else if err != nil {
		return h.continueRefused(w, r, next.ID, sub.sp.Name, err)
	}
	return h.answerContinued(w, r, a, first)
}

// ask leads to the login page, which asks the person, or says that a passive
// request must not.
func (h *Handlers) ask(w http.ResponseWriter, r *http.Request, id, why string) error {
	web.RecordFrom(r.Context()).Detail = why
	http.Redirect(w, r, start.AskPage(id), http.StatusSeeOther)
	return nil
}

// continued stores, at once and before anything is signed, that the session
// answers the login, and the application in the session: whoever ends that later
// knows whom to tell. store.ErrConflict: login or session changed, or the session
// was ended.
func (h *Handlers) continued(ctx context.Context, session *web.SignedIn, a *assertion, first bool) error {
	content, err := h.content(a)
	if err != nil {
		return err
	}
	who, err := content.Describe()
	if err != nil {
		return err
	}
	now := h.Now()
	session.LastUsedAt = now
	if !session.Join(a.participant(who.NameID, who.NameIDFormat, now)) {
		return idp.E(idp.Busy, "the session has too many applications")
	}
	if err := h.indexName(ctx, a, who.NameID); err != nil {
		return err
	}
	var line *idp.SignIn
	if first {
		line = &idp.SignIn{
			At: a.login.DoneAt, SID: session.SID, SP: a.sp.EntityID, AppName: a.sp.Name,
			Browser: session.Browser, OS: session.OS, Place: idp.ClientFrom(ctx).Place, ACR: session.ACR,
			DeviceID: session.CredentialID, DeviceName: session.Device.Name, Continued: true,
		}
	}
	return h.Store.PutContinued(ctx, a.login, session.SSOSession, line)
}

func (h *Handlers) answerContinued(w http.ResponseWriter, r *http.Request, a *assertion, first bool) error {
	issued, err := h.sign(r.Context(), a)
	if err != nil {
		return h.continueRefused(w, r, a.login.ID, a.sp.Name, err)
	}
	if first {
		h.Metrics.Count(obs.SignInCompleted, nil)
	}
	h.recordIssued(r.Context(), a, issued, first, map[string]string{"session": "reused"})
	return h.deliver(w, r, a, issued)
}

// continueRefused shows why the session could not be used, with the way back to
// the application, which is then told.
func (h *Handlers) continueRefused(w http.ResponseWriter, r *http.Request, id, app string, err error) error {
	e := idp.AsError(err)
	if e.Args == nil {
		e.Args = map[string]string{"app": app}
	}
	field := []pages.Field{{Name: "l", Value: id}}
	words := h.Frame(w, r, "").Locale
	switch e.Code {
	case idp.Busy:
		return h.ErrorForm(w, r, e, &pages.Form{Path: continuePath, Label: words.Must("message.again"), Fields: field})
	case idp.SignInRefused, idp.SAMLRefused:
		field = append(field, pages.Field{Name: fieldDecline, Value: "1"})
		return h.ErrorForm(w, r, e, &pages.Form{Path: continuePath, Label: words.Must("message.go_back", "app", app), Fields: field})
	}
	return e
}

// declineContinued tells the service provider that the person does not agree to
// the release, or cannot be signed in, after they were shown why.
func (h *Handlers) declineContinued(w http.ResponseWriter, r *http.Request, l *idp.Login, consent bool) error {
	if err := h.Store.PutLogin(r.Context(), l); err != nil && !errors.Is(err, store.ErrConflict) {
		return err
	}
	status := &saml.StatusError{Top: saml.StatusResponder, Second: saml.StatusAuthnFailed, Message: "The person cannot be signed in to this application."}
	if consent {
		status.Second, status.Message = saml.StatusRequestDenied, "The person does not agree to the release of attributes."
	}
	return h.refuseLogin(w, r, l, status, "")
}

// refuseLogin tells the service provider of a login a status, if its answer
// may still go where the request said. The seed is failure's.
func (h *Handlers) refuseLogin(w http.ResponseWriter, r *http.Request, l *idp.Login, status *saml.StatusError, seed string) error {
	sp, err := h.Store.ServiceProvider(r.Context(), l.SP)
	if err != nil {
		return appGone(err)
	}
	if err := answerable(sp, l); err != nil {
		return err
	}
	return h.fail(w, r, failure{
		protocol: l.Protocol, sp: sp, status: status, acs: l.ACS, requestID: l.RequestID, issuer: l.Issuer,
		relayState: l.RelayState, hasRelayState: l.HasRelayState, seed: seed,
	})
}

// continuedID is the assertion's ID: the same for a repeat, and as hard to
// guess as the login's id, which is a MAC.
func continuedID(loginID, sid string) string {
	sum := sha256.Sum256([]byte("latchkey-continued/1" + loginID + "\x00" + sid))
	return "_" + hex.EncodeToString(sum[:16])
}
