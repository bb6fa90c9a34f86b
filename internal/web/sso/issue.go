package sso

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// issue signs the Response of a consumed session and posts it to the ACS.
func (h *Handlers) issue(w http.ResponseWriter, r *http.Request, g *grant, form finishForm) error {
	ctx, s := r.Context(), g.session
	sessionIndex := indexOf(s.SID)
	life := g.session.ConsumedAt.Add(h.sessionLife(g))
	issued, err := h.assert(ctx, response.Issue{
		SP: g.sp, Login: g.login, User: g.user, Issuer: g.issuer,
		ResponseID: responseID(s.AssertionID), AssertionID: s.AssertionID, SessionIndex: sessionIndex,
		AuthnInstant: s.ApprovedAt.Time(), Now: h.Clock(), SessionNotOnOrAfter: life.Time(),
		ACR: g.acr, Pairwise: h.Pairwise, Seed: s.SID,
	})
	if err != nil {
		return h.finishRefused(w, r, s, form, err)
	}
	if err := h.startSession(ctx, w, g, issued, life, sessionIndex); err != nil {
		return h.finishRefused(w, r, s, form, err)
	}
	if err := h.remember(w, r, g); err != nil {
		return h.finishRefused(w, r, s, form, err)
	}
	if g.first {
		h.Metrics.Count(obs.SignInCompleted, nil)
	}
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditFinished, Actor: "user:" + g.user.ID, UserID: g.user.ID, SID: s.SID, Login: s.Login, SP: s.SP,
		Device: s.DeviceName, Cred: s.CredentialID, Outcome: outcome(g.first),
		Detail: map[string]string{
			"assertion_id": s.AssertionID, "acr": g.acr, "amr": web.AMR(s.ACR), "session_index": sessionIndex,
			"dropped_attributes": strings.Join(issued.Dropped, " "), "warnings": strings.Join(issued.Warnings, "; "),
		},
	})
	return h.Pages.AutoPost(w, pages.PostPage{
		Frame: h.Frame(w, r, ""),
		ACS:   g.login.ACS, SAMLResponse: response.Encode(issued.XML),
		RelayState: g.login.RelayState, HasRelayState: g.login.HasRelayState, AppName: g.sp.Name,
	})
}

func outcome(first bool) string {
	if first {
		return "issued"
	}
	return "repeated"
}

func (h *Handlers) assert(ctx context.Context, in response.Issue) (*response.Issued, error) {
	key, err := h.signing(ctx)
	if err != nil {
		return nil, err
	}
	issued, err := response.Assert(in, key)
	return issued, web.KeyError(err)
}

// startSession writes the SSO session, keyed by user and sid so that a repeat
// replaces its secret, and gives the browser a new secret.
func (h *Handlers) startSession(ctx context.Context, w http.ResponseWriter, g *grant, issued *response.Issued, life idp.Millis, index string) error {
	secret, err := idp.NewSecret(h.Random, 32)
	if err != nil {
		return err
	}
	hash := secret.Hash()
	s := g.session
	var verified idp.Millis
	if s.ACR != idp.ACRQR { // the person was checked in this very browser
		verified = s.ApprovedAt
	}
	err = h.Store.SaveSSOSession(ctx, &idp.SSOSession{
		SID: s.SID, UserID: g.user.ID, SecretHash: hash[:], CredentialID: s.CredentialID, ACR: s.ACR,
		ApprovedAt: s.ApprovedAt, CreatedAt: s.ConsumedAt, LastUsedAt: h.Now(), ExpiresAt: life, VerifiedAt: verified,
		Browser: s.Context.Browser, OS: s.Context.OS, Place: s.Context.Place,
		Participants: []idp.Participant{{
			SP: s.SP, NameID: issued.NameID, NameIDFormat: issued.NameIDFormat, SessionIndex: index, At: h.Now(),
		}},
	})
	if err != nil {
		return err
	}
	h.SetSession(w, g.user.ID, s.SID, secret, life)
	return nil
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

// indexOf is the SessionIndex that service providers see: not the sid itself,
// which screens and phones have seen.
func indexOf(sid string) string {
	sum := sha256.Sum256([]byte("latchkey-session-index/1" + sid))
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

// issuerFor chooses our entityID by the domain of the user's
// userPrincipalName, where the SP is federated by domain: the domain itself or
// the federated domain that it lies in.
func issuerFor(sp *idp.ServiceProvider, fallback string, u *idp.User) (string, error) {
	if len(sp.IssuerByDomain) == 0 {
		return fallback, nil
	}
	_, domain, _ := strings.Cut(strings.ToLower(u.PrincipalName()), "@")
	for d := domain; d != ""; {
		if issuer, ok := sp.IssuerByDomain[d]; ok {
			return issuer, nil
		}
		_, d, _ = strings.Cut(d, ".")
	}
	return "", &idp.Error{
		Code: idp.SignInRefused, Reason: idp.UserDomain, Args: map[string]string{"app": sp.Name},
		Detail: "user " + u.Email + " has userPrincipalName " + u.PrincipalName() + ", whose domain is not federated with " + sp.EntityID,
	}
}
