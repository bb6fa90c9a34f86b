package sso

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const maxFinishForm = 4 << 10

// finishForm is what the login page posts. Decline asks for the answer that
// tells the service provider that nobody was signed in; consent is the tag of
// what the person has agreed to.
type finishForm struct {
	sid     string
	key     idp.Secret // 16 bytes, made by the page
	decline bool
	consent string
}

func (h *Handlers) readFinish(r *http.Request) (finishForm, error) {
	if err := h.SameOriginForm(r); err != nil {
		return finishForm{}, err
	}
	body, err := web.ReadBody(r, maxFinishForm)
	if err != nil {
		return finishForm{}, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["sid"]) != 1 || len(form["finish_key"]) != 1 {
		return finishForm{}, idp.E(idp.BadRequest, "finish form")
	}
	key, err := idp.DecodeBase64(form.Get("finish_key"), 16)
	if err != nil {
		return finishForm{}, idp.E(idp.BadRequest, "finish_key")
	}
	if _, err := idp.DecodeBase32(form.Get("sid"), 16); err != nil {
		return finishForm{}, idp.E(idp.SessionUnknown, "sid")
	}
	return finishForm{sid: form.Get("sid"), key: key, decline: form.Get(fieldDecline) != "", consent: form.Get(fieldConsent)}, nil
}

// finish is approval-protocol.md 5.4. It may be repeated: after a crash between
// its writes, after a lost answer, after a failure of the signing key.
func (h *Handlers) finish(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	form, err := h.readFinish(r)
	if err != nil {
		return err
	}
	bh, ok := h.Browser(r)
	if !ok {
		return idp.E(idp.NotYourBrowser, "no browser secret")
	}
	for range 4 {
		s, err := h.Store.Session(ctx, form.sid)
		if errors.Is(err, store.ErrNotFound) {
			return idp.E(idp.SessionUnknown, "no session")
		}
		if err != nil {
			return err
		}
		rec := web.RecordFrom(ctx)
		rec.SID, rec.SP, rec.User = s.SID, s.SP, s.UserID
		if s.Browser == bh && (form.decline || declined(login.Observe(s, h.Now()))) {
			return h.decline(w, r, s)
		}
		done, err := h.consume(ctx, s, bh, form)
		if ask := (*unagreed)(nil); errors.As(err, &ask) {
			if err = h.askFinish(w, r, s, form, ask); err == nil {
				return nil
			}
		}
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return h.finishRefused(w, r, s, form, err)
		}
		return h.issue(w, r, done, form)
	}
	return idp.E(idp.Busy, "session kept changing")
}

// grant is a finished session with what its assertion is made of.
type grant struct {
	session idp.QRSession
	subject
	first bool // not a repeat
}

// consume fixes the assertion: the login is marked as done by this session and
// the session as consumed with its assertion ID, before anything is signed.
func (h *Handlers) consume(ctx context.Context, s idp.QRSession, bh idp.BrowserSecret, form finishForm) (*grant, error) {
	now := h.Now()
	id, err := idp.NewSecret(h.Random, 16)
	if err != nil {
		return nil, err
	}
	hash := form.key.Hash()
	event := login.Finish{Browser: bh, FinishHash: hash[:], AssertionID: "_" + hex.EncodeToString(id)}
	var sub subject
	if observed := login.Observe(s, now); s.Browser == bh && (observed.State == idp.StateApproved || observed.State == idp.StateConsumed) {
		if sub, err = h.subjectOf(ctx, s); err != nil {
			if approver.Ours(err) {
				return nil, err
			}
			event.Refused = err
		}
	}
	next, err := login.Apply(s, event, now)
	if !login.Same(s, next) && err != nil && h.Store.PutSession(ctx, &next) == nil {
		h.RecordTransition(ctx, "browser", s, next) // expiry holds with or without this write
	}
	if err != nil {
		return nil, err
	}
	if event.Refused != nil { // a repeat: Apply has no guard for it, we have
		return nil, event.Refused
	}
	if err := h.agree(ctx, &sub, s.SID, form.consent); err != nil {
		return nil, err
	}
	g := &grant{session: next, subject: sub, first: !login.Same(s, next)}
	if !g.first {
		return g, nil
	}
	if l, err := login.Complete(*sub.login, s.SID); err != nil {
		return nil, err
	} else if l.Done != sub.login.Done {
		if err := h.Store.PutLogin(ctx, &l); err != nil {
			return nil, err
		}
	}
	return g, h.Store.PutSession(ctx, &g.session)
}

// subject is who an assertion is about and for whom.
type subject struct {
	login  *idp.Login
	sp     *idp.ServiceProvider
	user   *idp.User
	device *idp.Device
	issuer string
	acr    string

	rules  []idp.ReleaseRule // of the deployment, as far as they can apply
	agreed bool              // the person agrees to what is released, or need not (consent.go)
	unfit  error             // why nothing can be released at all
}

// subjectOf reads login, SP, user and credential again and makes the checks of
// 5.4; a pending sign-in stops when any of them was switched off meanwhile.
func (h *Handlers) subjectOf(ctx context.Context, s idp.QRSession) (subject, error) {
	facts, err := h.Store.Facts(ctx, store.Wanted{SP: s.SP, Credential: s.CredentialID, User: s.UserID, Login: s.Login})
	if err != nil {
		return subject{}, err
	}
	sub := subject{login: facts.Login, sp: facts.SP}
	if sub.login == nil {
		return sub, idp.E(idp.LoginExpired, "login is gone")
	}
	if _, err := login.Complete(*sub.login, s.SID); err != nil {
		return sub, err
	}
	if sub.user, err = h.Directory.Complete(ctx, facts.User); err != nil {
		return sub, err
	}
	if sub.user.Disabled {
		return sub, idp.E(idp.UserInactive, "user %s is disabled", sub.user.ID)
	}
	if err := h.checkApp(&sub, s.SID, s.ACR); err != nil {
		return sub, err
	}
	if facts.Device == nil || !facts.Device.Usable() || facts.Device.UserID != s.UserID {
		return sub, idp.E(idp.CredentialRevoked, "credential was revoked")
	}
	if facts.SP.RefuseProbation && approver.OnProbation(facts.Device, h.Now()) {
		return sub, approver.ProbationError(facts.Device, facts.SP.Name)
	}
	sub.device = facts.Device
	return sub, nil
}

func (h *Handlers) checkApp(sub *subject, sid, approved string) (err error) {
	sp := sub.sp
	switch {
	case sp == nil:
		return idp.E(idp.AppDisabled, "service provider is gone")
	case sp.Disabled || sp.Draft:
		return idp.E(idp.AppDisabled, "service provider is switched off")
	case sp.Protocol != sub.login.Protocol:
		return idp.E(idp.AppDisabled, "protocol of the service provider was changed")
	case !sp.HasACS(sub.login.ACS):
		return idp.E(idp.AppDisabled, "ACS %s is no longer registered", sub.login.ACS)
	case !sp.Admits(sub.user):
		return &idp.Error{Code: idp.AppNotAssigned, Args: map[string]string{"app": sp.Name}, Detail: "user " + sub.user.ID}
	case !response.SubjectMatches(sp, sub.login, sub.user, h.Pairwise, sid):
		return idp.E(idp.UserMismatch, "user %s is not the Subject of the request", sub.user.ID)
	}
	if sub.issuer, err = response.IssuerFor(sp, sub.login.Issuer, sub.user); err != nil {
		return err
	}
	if err := approver.Reaches(acr.LevelOf(approved), sp, sub.login); err != nil {
		return err
	}
	sub.acr, err = classFor(sp, sub.login, approved)
	return err
}
