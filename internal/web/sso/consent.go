package sso

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// Members of a form that answers the question.
const (
	fieldConsent = "consent" // the tag of what was shown
	fieldDecline = "decline" // 1: the way back after an error; noConsent: the person's no
	noConsent    = "consent"
)

// released is what an answer says about a person: the attributes and how the
// application recognizes them.
type released struct {
	SP, User   string
	NameID     string // empty: none, or generated
	Format     string // of the NameID; empty: none
	Attributes []response.Attribute
}

// unagreed is why nothing is issued yet: the person has to be asked.
type unagreed struct {
	what *released
	tag  string
}

func (*unagreed) Error() string { return "the person has not agreed to the release yet" }

// agree lets a subject through whose person has agreed to what will be
// released, or need not: sign refuses every other one. tag is that of the page
// that the person has answered with yes; empty: none.
//
// It is called when it is certain that this browser may finish this sign-in:
// what it returns in an *unagreed is shown there. store.ErrConflict: another
// answer came at the same moment.
func (h *Handlers) agree(ctx context.Context, sub *subject, sid, tag string) error {
	if sub.sp.ReleasesByMetadata() {
		rules, err := h.Store.ReleaseRules(ctx)
		if err != nil {
			return err
		}
		sub.rules = rules.Rules
	}
	if sub.sp.Consent == idp.ConsentOff {
		sub.agreed = true
		return nil
	}
	what, err := h.released(sub, sid)
	if err != nil {
		sub.unfit = err
		return nil //nolint:nilerr // nothing to ask about; sign says it
	}
	want, err := h.consentTag(sub.login, what)
	if err != nil {
		return err
	}
	known := &idp.Consent{SP: sub.sp.EntityID}
	if sub.sp.Consent == idp.ConsentOnce {
		found, err := h.Store.Consent(ctx, sub.user.ID, sub.sp.EntityID)
		switch {
		case err == nil:
			known = found
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		sub.agreed = known.Version != 0 && idp.Equal(known.Set, what.set())
	}
	switch {
	case sub.agreed:
		return nil
	case !idp.Equal([]byte(tag), []byte(want)):
		return &unagreed{what, want}
	}
	sub.agreed = true
	return h.consented(ctx, sub, known, what, sid)
}

// consented records a yes, and remembers it where it is asked for once.
func (h *Handlers) consented(ctx context.Context, sub *subject, known *idp.Consent, what *released, sid string) error {
	names := what.names()
	if sub.sp.Consent == idp.ConsentOnce {
		known.AppName, known.Set, known.Names, known.At = sub.sp.Name, what.set(), names, h.Now()
		if err := h.Store.SaveConsent(ctx, sub.user.ID, known); err != nil {
			return err
		}
	}
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditConsentGiven, Actor: "user:" + sub.user.ID, UserID: sub.user.ID, SID: sid, Login: sub.login.ID, SP: sub.sp.EntityID,
		Detail: map[string]string{"attributes": strings.Join(names, " "), "remembered": sub.sp.Consent},
	})
	return nil
}

func (h *Handlers) released(sub *subject, sid string) (*released, error) {
	list, _, err := response.Attributes(sub.sp, sub.rules, sub.login.AttributeIndex, sub.user)
	if err != nil {
		return nil, err
	}
	value, format, err := response.NameIDFor(sub.sp, sub.login.NameIDFormat, sub.user, h.Pairwise, sid)
	if err != nil {
		return nil, err
	}
	rule, err := mapping.NameIDOf(sub.sp)
	if err != nil {
		return nil, err
	}
	if rule.Generated() || format == idp.NameIDTransient {
		value = ""
	}
	return &released{SP: sub.sp.EntityID, User: sub.user.ID, NameID: value, Format: format, Attributes: list}, nil
}

// consentTag binds an answer to the sign-in, the person and all that was shown,
// values too: who agreed to one address has not agreed to the next.
func (h *Handlers) consentTag(l *idp.Login, what *released) (string, error) {
	shown, err := json.Marshal(what)
	if err != nil {
		return "", err
	}
	return h.Masters.ConsentTag(l.ID, shown)
}

// set is what is remembered: which attributes, in whatever order, and which kind
// of NameID.
func (r *released) set() []byte {
	kinds := []string{"NameID\x00" + r.Format}
	for _, a := range r.Attributes {
		kinds = append(kinds, a.Name+"\x00"+a.NameFormat)
	}
	slices.Sort(kinds)
	sum := sha256.Sum256([]byte(strings.Join(kinds, "\n")))
	return sum[:]
}

func (r *released) names() []string {
	names := []string{}
	for _, a := range r.Attributes {
		names = append(names, cmp.Or(a.FriendlyName, a.Name))
	}
	return names
}

// askFinish shows what a finish would release. The first time it gives the
// person time to read.
func (h *Handlers) askFinish(w http.ResponseWriter, r *http.Request, s idp.QRSession, form finishForm, ask *unagreed) error {
	next, err := login.Apply(s, login.AskConsent{Browser: s.Browser}, h.Now())
	switch {
	case err == nil:
		if err := h.Store.PutSession(r.Context(), &next); err != nil {
			return err
		}
	case idp.CodeOf(err) != idp.WrongState: // asked before, or finished a moment ago
		return err
	}
	return h.consentPage(w, r, s.Context.App, ask, "/login/finish",
		pages.Field{Name: "sid", Value: s.SID}, pages.Field{Name: "finish_key", Value: form.key.Reveal()})
}

// notAgreed asks, where the request lets us. Every other error of agree is
// returned as it is, store.ErrConflict too.
func (h *Handlers) notAgreed(w http.ResponseWriter, r *http.Request, l *idp.Login, bh idp.BrowserSecret, err error) error {
	ask := (*unagreed)(nil)
	switch {
	case !errors.As(err, &ask):
		return err
	case l.Passive:
		return h.ask(w, r, l.ID, ask.Error())
	}
	return h.askContinue(w, r, l, bh, ask)
}

// askContinue shows what a session's answer would release. From then on the
// login is this browser's.
func (h *Handlers) askContinue(w http.ResponseWriter, r *http.Request, l *idp.Login, bh idp.BrowserSecret, ask *unagreed) error {
	if l.Browser == nil {
		bound, err := login.Bind(*l, bh, h.Now())
		if err != nil {
			return err
		}
		if err := h.Store.PutLogin(r.Context(), &bound); err != nil {
			return err
		}
	}
	return h.consentPage(w, r, l.App, ask, continuePath, pages.Field{Name: "l", Value: l.ID})
}

func (h *Handlers) consentPage(w http.ResponseWriter, r *http.Request, app idp.ContextApp, ask *unagreed, action string, fields ...pages.Field) error {
	f := h.Frame(w, r, "")
	items, err := ask.what.items(f.Locale, app.Name)
	if err != nil {
		return err
	}
	return h.Pages.Consent(w, pages.ConsentPage{
		Frame: f, AppName: app.Name, AppHost: app.Host, AppLogo: logoOf(app), Items: items, Action: action,
		Yes: append(slices.Clip(fields), pages.Field{Name: fieldConsent, Value: ask.tag}),
		No:  append(slices.Clip(fields), pages.Field{Name: fieldDecline, Value: noConsent}),
	})
}
