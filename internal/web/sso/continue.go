package sso

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// insufficient is why a session does not answer a login: the person is asked.
type insufficient string

func (i insufficient) Error() string { return string(i) }

// reuse judges whether the SSO session of a browser answers a login without
// another approval. Errors: insufficient; anything else is a failure of ours.
func (h *Handlers) reuse(ctx context.Context, session *web.SignedIn, l *idp.Login) (*subject, error) {
	sp, err := h.Store.ServiceProvider(ctx, l.SP)
	if errors.Is(err, store.ErrNotFound) {
		return nil, insufficient("the service provider is gone")
	}
	if err != nil {
		return nil, err
	}
	if why := h.stale(session, sp, l); why != "" {
		return nil, insufficient(why)
	}
	user, err := h.Directory.User(ctx, session.UserID)
	switch {
	case err != nil && approver.Ours(err):
		return nil, err
	case err != nil:
		return nil, insufficient("the person is not there: " + err.Error())
	case user.Disabled:
		return nil, insufficient("the person is not active")
	}
	sub := &subject{login: l, sp: sp, user: user, device: session.Device}
	if err := h.checkApp(sub, session.SID, session.ACR); err != nil {
		return nil, insufficient(err.Error())
	}
	return sub, nil
}

// stale is why an approval cannot be used again for an application.
func (h *Handlers) stale(session *web.SignedIn, sp *idp.ServiceProvider, l *idp.Login) string {
	now := h.Now()
	switch {
	case l.ForceAuthn:
		return "the request wants a fresh approval"
	case sp.AlwaysAsk:
		return "the application asks always"
	case older(session, l.MaxAgeMinutes, now):
		return "the approval is older than the request accepts"
	case older(session, sp.MaxSessionMinutes, now):
		return "the approval is older than the application accepts"
	case sp.QRNumber && session.ACR == idp.ACRQR && !session.Numbered:
		return "the approval was made without a number"
	case sp.RefuseProbation && approver.OnProbation(session.Device, now):
		return "the device is on probation"
	case approver.Reaches(acr.LevelOf(session.ACR), sp, l) != nil:
		return "the approval's level is not enough"
	case len(session.Participants) >= idp.MaxParticipants:
		return "the session has too many applications"
	}
	return ""
}

// older reports whether an approval was made more than some minutes ago; 0 is
// no limit.
func older(session *web.SignedIn, minutes int, now idp.Millis) bool {
	return minutes > 0 && session.ApprovedAt.Add(time.Duration(minutes)*time.Minute).Over(now)
}

// session is that of the browser, nil where there is none that holds.
func (h *Handlers) session(r *http.Request) (*web.SignedIn, error) {
	found, err := h.Session(r)
	if idp.CodeOf(err) == idp.StepupRequired {
		return nil, nil //nolint:nilnil // nobody is signed in, which is no error here
	}
	return found, err
}

// proceed answers the login page's request where nobody has to be asked: the
// session's person goes on by a post of our own page, and a passive request
// that no session satisfies is told so. done says that it has answered.
func (h *Handlers) proceed(w http.ResponseWriter, r *http.Request, l *idp.Login, bh idp.BrowserSecret) (done bool, err error) {
	why := insufficient("nobody is signed in")
	var session *web.SignedIn
	if !l.ForceAuthn { // else no session can do
		if session, err = h.session(r); err != nil {
			return true, err
		}
	}
	if session != nil {
		sub, err := h.reuse(r.Context(), session, l)
		if err == nil && l.Passive {
			err = h.agreed(r.Context(), sub, session.SID)
		}
		if err == nil {
			return true, h.Pages.AutoPost(w, pages.PostPage{
				Frame: h.Frame(w, r, ""), Action: "/login/continue", AppName: l.App.Name,
				Fields: []pages.Field{{Name: "l", Value: l.ID}},
			})
		}
		if !errors.As(err, &why) {
			return true, err
		}
	}
	if !l.Passive {
		return false, nil
	}
	return true, h.noPassive(w, r, l, bh, why)
}

// noPassive ends a login that may not ask, and tells the service provider
// (SAML Core 3.4.1: IsPassive).
func (h *Handlers) noPassive(w http.ResponseWriter, r *http.Request, l *idp.Login, bh idp.BrowserSecret, why insufficient) error {
	ended, err := login.Continue(*l, bh, "none", h.Now())
	if err != nil {
		return err
	}
	if err := h.Store.PutLogin(r.Context(), &ended); err != nil && !errors.Is(err, store.ErrConflict) {
		return err
	}
	web.RecordFrom(r.Context()).Detail = why.Error()
	return h.refuseLogin(w, r, l, &saml.StatusError{
		Top: saml.StatusResponder, Second: saml.StatusNoPassive, Message: "The user cannot be signed in without interaction.",
	})
}

// refuseLogin tells the service provider of a login a status, if its answer
// may still go where the request said.
func (h *Handlers) refuseLogin(w http.ResponseWriter, r *http.Request, l *idp.Login, status *saml.StatusError) error {
	sp, err := h.Store.ServiceProvider(r.Context(), l.SP)
	if err != nil {
		return appGone(err)
	}
	if err := answerable(sp, l); err != nil {
		return err
	}
	return h.fail(w, r, failure{
		protocol: l.Protocol, sp: sp, status: status, acs: l.ACS, requestID: l.RequestID, issuer: l.Issuer,
		relayState: l.RelayState, hasRelayState: l.HasRelayState,
	})
}

const maxContinueForm = 1 << 10

// goOn is POST /login/continue: the browser's session answers a login. It may
// be repeated, with the same assertion ID, within the time of a finish.
func (h *Handlers) goOn(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if err := h.SameOriginForm(r); err != nil {
		return err
	}
	body, err := web.ReadBody(r, maxContinueForm)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["l"]) != 1 {
		return idp.E(idp.BadRequest, "continue form")
	}
	id := form.Get("l")
	if _, err := idp.DecodeBase32(id, 16); err != nil {
		return idp.E(idp.SessionUnknown, "login id")
	}
	bh, ok := h.Browser(r)
	if !ok {
		return idp.E(idp.NotYourBrowser, "no browser secret")
	}
	session, err := h.session(r)
	if err != nil {
		return err
	}
	back := "/login?l=" + url.QueryEscape(id)
	if session == nil { // it ended a moment ago; the page asks for an approval
		http.Redirect(w, r, back, http.StatusSeeOther)
		return nil
	}
	l, err := h.Store.Login(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return idp.E(idp.SessionUnknown, "no login")
	}
	if err != nil {
		return err
	}
	rec := web.RecordFrom(ctx)
	rec.SP, rec.SID = l.SP, session.SID
	sub, err := h.reuse(ctx, session, l)
	var why insufficient
	if err != nil && !errors.As(err, &why) {
		return err
	}
	by := session.SID
	if form.Get(fieldDecline) == noConsent {
		by = "declined" // a no is the end: no yes comes after it
	}
	next, refusal := login.Continue(*l, bh, by, h.Now())
	switch {
	case refusal != nil:
		return refusal
	case form.Get(fieldDecline) != "":
		return h.declineContinued(w, r, &next, form.Get(fieldDecline) == noConsent)
	case sub == nil:
		rec.Detail = why.Error()
		http.Redirect(w, r, back, http.StatusSeeOther)
		return nil
	}
	sub.login = &next
	if err := h.agree(ctx, sub, session.SID, form.Get(fieldConsent)); err != nil {
		return h.notAgreed(w, r, l, bh, sub, err)
	}
	first := next.Done != l.Done
	if first {
		if err := h.Store.PutLogin(ctx, &next); errors.Is(err, store.ErrConflict) {
			return idp.E(idp.Busy, "login changed meanwhile")
		} else if err != nil {
			return err
		}
	}
	return h.answerContinued(w, r, session, sub, first)
}

// answerContinued signs and notes the application in the session before the
// answer leaves: whoever ends the session later knows whom to tell.
func (h *Handlers) answerContinued(w http.ResponseWriter, r *http.Request, session *web.SignedIn, sub *subject, first bool) error {
	ctx := r.Context()
	a := assertion{
		subject: *sub, id: continuedID(sub.login.ID, session.SID), sid: session.SID,
		approved: session.ACR, approvedAt: session.ApprovedAt, life: session.ExpiresAt,
	}
	issued, err := h.sign(ctx, &a)
	if err != nil {
		return h.continueRefused(w, r, sub, err)
	}
	if err := h.join(ctx, session.SSOSession, &a, issued); err != nil {
		if errors.Is(err, store.ErrNotFound) { // signed out meanwhile: nothing was sent
			err = idp.E(idp.SessionExpired, "the session was ended meanwhile")
		}
		return h.continueRefused(w, r, sub, err)
	}
	if first {
		err := h.Store.AddSignIn(ctx, sub.user.ID, &idp.SignIn{
			At: sub.login.DoneAt, SID: session.SID, SP: sub.sp.EntityID, AppName: sub.sp.Name,
			Browser: session.Browser, OS: session.OS, Place: idp.ClientFrom(ctx).Place, ACR: session.ACR,
			DeviceID: session.CredentialID, DeviceName: session.Device.Name, Continued: true,
		})
		if err != nil {
			return h.continueRefused(w, r, sub, err)
		}
		h.Metrics.Count(obs.SignInCompleted, nil)
	}
	h.recordIssued(ctx, &a, issued, first, map[string]string{"session": "reused"})
	return h.deliver(w, r, &a, issued)
}

// continueRefused shows why the session could not be used, with the way back to
// the application, which is then told.
func (h *Handlers) continueRefused(w http.ResponseWriter, r *http.Request, sub *subject, err error) error {
	e := idp.AsError(err)
	if e.Args == nil {
		e.Args = map[string]string{"app": sub.sp.Name}
	}
	field := []pages.Field{{Name: "l", Value: sub.login.ID}}
	words := h.Frame(w, r, "").Locale
	switch e.Code {
	case idp.Busy:
		return h.ErrorForm(w, r, e, &pages.Form{Path: "/login/continue", Label: words.Must("message.again"), Fields: field})
	case idp.SignInRefused, idp.SAMLRefused:
		field = append(field, pages.Field{Name: "decline", Value: "1"})
		return h.ErrorForm(w, r, e, &pages.Form{Path: "/login/continue", Label: words.Must("message.go_back", "app", sub.sp.Name), Fields: field})
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
	return h.refuseLogin(w, r, l, status)
}

// continuedID is the assertion's ID: the same for a repeat, and as hard to
// guess as the login's id, which is a MAC.
func continuedID(loginID, sid string) string {
	sum := sha256.Sum256([]byte("latchkey-continued/1" + loginID + "\x00" + sid))
	return "_" + hex.EncodeToString(sum[:16])
}
