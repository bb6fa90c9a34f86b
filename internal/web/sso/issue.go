package sso

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// assertion is what one answer says and where it rests.
type assertion struct {
	subject
	id         string     // of the Assertion
	sid        string     // of the SSO session
	approved   string     // class of the approval
	approvedAt idp.Millis // AuthnInstant
	life       idp.Millis // end of the SSO session
}

func (a *assertion) index() string { return indexOf(a.sid, a.sp.EntityID) }

// issue signs the Response of a consumed session and posts it to the ACS.
func (h *Handlers) issue(w http.ResponseWriter, r *http.Request, g *grant, form finishForm) error {
	ctx, s := r.Context(), g.session
	a := assertion{
		subject: g.subject, id: s.AssertionID, sid: s.SID,
		approved: s.ACR, approvedAt: s.ApprovedAt, life: s.ConsumedAt.Add(h.sessionLife(g)),
	}
	issued, err := h.sign(ctx, &a)
	if err != nil {
		return h.finishRefused(w, r, s, form, err)
	}
	if err := h.startSession(w, r, g, &a, issued); err != nil {
		return h.finishRefused(w, r, s, form, err)
	}
	if err := h.remember(w, r, g); err != nil {
		return h.finishRefused(w, r, s, form, err)
	}
	if g.first {
		h.Metrics.Count(obs.SignInCompleted, nil)
	}
	h.recordIssued(ctx, &a, issued, g.first, nil)
	return h.deliver(w, r, &a, issued)
}

// content is what the Response will say, of a subject that agree has let
// through.
func (h *Handlers) content(a *assertion) (response.Issue, error) {
	switch {
	case a.unfit != nil:
		return response.Issue{}, a.unfit
	case !a.agreed: // a mistake of ours: every way here leads through agree
		return response.Issue{}, errors.New("nobody has agreed to the release")
	}
	return response.Issue{
		SP: a.sp, Login: a.login, User: a.user, Rules: a.rules, Issuer: a.issuer,
		ResponseID: responseID(a.id), AssertionID: a.id, SessionIndex: a.index(),
		AuthnInstant: a.approvedAt.Time(), Now: h.Clock(), SessionNotOnOrAfter: a.life.Time(),
		ACR: a.acr, Pairwise: h.Pairwise, Seed: a.sid,
	}, nil
}

// sign makes the Response.
func (h *Handlers) sign(ctx context.Context, a *assertion) (*response.Issued, error) {
	content, err := h.content(a)
	if err != nil {
		return nil, err
	}
	key, err := h.Signing(ctx, h.Keys, a.sp)
	if err != nil {
		return nil, err
	}
	protocol, err := h.protocol(a.login.Protocol)
	if err != nil {
		return nil, err
	}
	issued, err := protocol.Assert(content, key)
	return issued, web.KeyError(err)
}

// deliver sends the person to the application with the answer.
func (h *Handlers) deliver(w http.ResponseWriter, r *http.Request, a *assertion, issued *response.Issued) error {
	l := a.login
	protocol, err := h.protocol(l.Protocol)
	if err != nil {
		return err
	}
	return h.Pages.AutoPost(w, pages.PostPage{
		Frame: h.Frame(w, r, ""), Action: l.ACS, AppName: a.sp.Name,
		Fields: protocol.Fields(issued.XML, l.RelayState, l.HasRelayState),
	})
}

// recordIssued writes the audit event of an answer.
func (h *Handlers) recordIssued(ctx context.Context, a *assertion, issued *response.Issued, first bool, more map[string]string) {
	detail := map[string]string{
		"assertion_id": a.id, "acr": a.acr, "amr": web.AMR(a.approved), "session_index": a.index(),
		"dropped_attributes": strings.Join(issued.Dropped, " "), "warnings": strings.Join(issued.Warnings, "; "),
	}
	maps.Copy(detail, more)
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditFinished, Actor: "user:" + a.user.ID, UserID: a.user.ID, SID: a.sid, Login: a.login.ID, SP: a.sp.EntityID,
		Device: a.device.Name, Cred: a.device.ID, Outcome: outcome(first), Detail: detail,
	})
}

func outcome(first bool) string {
	if first {
		return "issued"
	}
	return "repeated"
}

// participant is what the SSO session keeps of an answer with this NameID.
func (a *assertion) participant(nameID, format string, now idp.Millis) idp.Participant {
	return idp.Participant{
		SP: a.sp.EntityID, Name: a.sp.Name, Issuer: a.issuer, NameID: nameID, NameIDFormat: format,
		Qualified: a.sp.QualifyNameID && nameID != "", SessionIndex: a.index(), At: now,
	}
}

// indexName lets a LogoutRequest of an application that takes part in single
// logout find the person by the identifier that it is given.
func (h *Handlers) indexName(ctx context.Context, a *assertion, nameID string) error {
	if len(a.sp.SLO) == 0 || nameID == "" {
		return nil
	}
	return h.Store.IndexName(ctx, a.sp.EntityID, nameID, a.user.ID, a.life)
}

// startSession writes the SSO session, keyed by user and sid so that a repeat
// replaces its secret, and gives the browser a new secret. A repeat brings no
// session back that was ended meanwhile.
func (h *Handlers) startSession(w http.ResponseWriter, r *http.Request, g *grant, a *assertion, issued *response.Issued) error {
	ctx, s := r.Context(), g.session
	secret, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	hash := secret.Hash()
	var verified idp.Millis
	if s.ACR != idp.ACRQR { // the person was checked in this very browser
		verified = s.ApprovedAt
	}
	session := &idp.SSOSession{
		SID: s.SID, UserID: g.user.ID, SecretHash: hash[:], CredentialID: s.CredentialID, ACR: s.ACR,
		ApprovedAt: s.ApprovedAt, CreatedAt: s.ConsumedAt, LastUsedAt: h.Now(), ExpiresAt: a.life, VerifiedAt: verified,
		Browser: s.Context.Browser, OS: s.Context.OS, Place: s.Context.Place, Numbered: s.Number != "",
	}
	before, err := h.takeOver(r, session)
	if err != nil {
		return err
	}
	session.Join(a.participant(issued.NameID, issued.NameIDFormat, h.Now()))
	if !g.first {
		ended, err := h.Store.SignedInBefore(ctx, g.user.ID, s.ConsumedAt, s.SID)
		if err != nil {
			return err
		}
		if ended {
			return idp.E(idp.WrongState, "the session was ended meanwhile")
		}
	}
	if err := h.Store.SaveSSOSession(ctx, session); err != nil {
		return err
	}
	if before != nil {
		if err := h.Store.EndSSOSession(ctx, before.UserID, before.SID); err != nil {
			return err
		}
	}
	if err := h.indexName(ctx, a, issued.NameID); err != nil {
		return err
	}
	h.SetSession(w, g.user.ID, s.SID, secret, a.life)
	return nil
}

// takeOver hands the applications of the session that the same person had in
// this browser to the new one, whose cookie replaces the old one's, so that
// they hear of its end. It returns the old session, nil if there was none.
func (h *Handlers) takeOver(r *http.Request, fresh *idp.SSOSession) (*idp.SSOSession, error) {
	before, err := h.Session(r)
	switch {
	case idp.CodeOf(err) == idp.StepupRequired:
		return nil, nil //nolint:nilnil // nobody was signed in
	case err != nil || before.UserID != fresh.UserID || before.SID == fresh.SID:
		return nil, err
	}
	for _, p := range before.Participants {
		if len(fresh.Participants) < idp.MaxParticipants-1 {
			fresh.Join(p)
		}
	}
	return before.SSOSession, nil
}

// probationLife is the longest session that a device on probation can approve
// (approval-protocol.md 11.1).
const probationLife = time.Hour

func (h *Handlers) sessionLife(g *grant) time.Duration {
	if approver.OnProbation(g.device, h.Now()) {
		return min(h.Config.SessionLife, probationLife)
	}
	return h.Config.SessionLife
}

// remember writes the sign-in into the person's own list, and knows them in
// this browser from now on, under a new secret.
func (h *Handlers) remember(w http.ResponseWriter, r *http.Request, g *grant) error {
	ctx, s := r.Context(), g.session
	err := h.Store.AddSignIn(ctx, g.user.ID, &idp.SignIn{
		At: s.ConsumedAt, SID: s.SID, SP: s.SP, AppName: s.Context.App.Name,
		Browser: s.Context.Browser, OS: s.Context.OS, Place: s.Context.Place, IP: s.Context.IP,
		ACR: s.ACR, DeviceID: s.CredentialID, DeviceName: s.DeviceName, NewBrowser: !s.Knows(g.user.ID),
	})
	if err != nil {
		return err
	}
	known, old, version := idp.KnownBrowser{Users: s.Known}, []byte(nil), int64(0)
	if secret := h.SecretCookie(r, web.CookieKnown, 32); secret != nil {
		hash := secret.Hash()
		found, v, err := h.Store.KnownBrowser(ctx, hash[:])
		if err != nil {
			return err
		}
		if v > 0 {
			known, old, version = found, hash[:], v
		}
	}
	secret, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	hash := secret.Hash()
	now := h.Now()
	known = known.Add(idp.KnownUser{ID: g.user.ID, Shown: g.user.Masked(), First: now, Last: now})
	if err := h.Store.RememberBrowser(ctx, hash[:], known, old, version); err != nil {
		return err
	}
	h.SetCookie(w, web.CookieKnown, secret.Reveal(), web.KnownBrowserLife)
	return nil
}

// indexOf is the SessionIndex that a service provider sees: not the sid itself,
// which screens and phones have seen, and another one for each, so that they
// cannot tell by it whose session they share (SAML Core 2.7.2).
func indexOf(sid, entityID string) string {
	sum := sha256.Sum256([]byte("latchkey-session-index/2" + sid + "\x00" + entityID))
	return "_" + hex.EncodeToString(sum[:16])
}

// responseID derives the Response's ID from the assertion's, so that a repeat
// is the same message.
func responseID(assertionID string) string {
	sum := sha256.Sum256([]byte("latchkey-response/1" + assertionID))
	return "_" + hex.EncodeToString(sum[:16])
}

// classFor is the AuthnContextClassRef that is true for the approval and
// answers the request.
func classFor(sp *idp.ServiceProvider, l *idp.Login, approved string) (string, error) {
	level := acr.LevelOf(approved)
	class, ok := acr.Resolve(sp, l.ACRRequest, l.ACRComparison, level)
	if !ok || level < acr.Demanded(sp) {
		return "", idp.E(idp.PolicyPasskeyRequired, "the approval's level %d is not enough", level)
	}
	return class, nil
}
