package request

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
)

// Env is what a judgement depends on besides the request and its sender.
type Env struct {
	SSOURL  string        // public URL of the endpoint; Destination must equal it
	Binding string        // of the answer: idp.BindingPOST (also when empty) or idp.BindingPAOS
	Now     time.Time     //
	MaxAge  time.Duration // of IssueInstant in the past; 0 means 5 minutes
	MaxSkew time.Duration // of IssueInstant in the future; 0 means 1 minute
	Local   bool          // answers may go to http://localhost
	Level   int           // strongest level that sign-ins can reach; 0 means acr.LevelQR
	Refused []string      // URIs of algorithms refused in addition
}

// Answer is a judgement that the service provider is told, at ACS.
type Answer struct {
	saml.StatusError
	ACS string
}

// Unwrap makes errors.As find the *saml.StatusError.
func (a *Answer) Unwrap() error { return &a.StatusError }

// Judge decides about a request of sp that came as in. The Login that it
// returns has neither ID nor times nor Issuer.
//
// An *Answer comes together with the Login, for its RequestID, ACS and
// RelayState. All other errors stay with us: *idp.Error for a refusal (LOCAL-400),
// anything else for a broken registration.
func Judge(req *AuthnRequest, in *binding.Inbound, sp *idp.ServiceProvider, env Env) (*idp.Login, error) {
	login, err := judge(req, in, sp, env)
	if told := (*Answer)(nil); err == nil || errors.As(err, &told) {
		return login, err
	}
	var local *idp.Error
	if errors.As(err, &local) && sp != nil {
		local.SP, local.App = sp.EntityID, sp.Name
	}
	return nil, err
}

func judge(req *AuthnRequest, in *binding.Inbound, sp *idp.ServiceProvider, env Env) (*idp.Login, error) {
	if sp == nil || req.Issuer != sp.EntityID {
		return nil, idp.Refuse(idp.SPUnknown, "Issuer is not registered")
	}
	if sp.Disabled || sp.Draft {
		return nil, idp.Refuse(idp.SPDisabled, "service provider is switched off or a draft")
	}
	req, signed, err := authenticate(req, in, sp, env)
	if err != nil {
		return nil, err
	}
	if err := env.checkDestination(req, sp, signed); err != nil {
		return nil, err
	}
	if err := env.checkTime(req); err != nil {
		return nil, err
	}
	acs, supported, err := chooseACS(req, sp, cmp.Or(env.Binding, idp.BindingPOST))
	if err != nil {
		return nil, err
	}
	if err := checkScheme(acs, env.Local); err != nil {
		return nil, err
	}
	login := &idp.Login{
		SP: sp.EntityID, RequestID: req.ID, ACS: acs, Binding: env.Binding,
		RelayState: in.RelayState, HasRelayState: in.HasRelayState,
		ForceAuthn: req.ForceAuthn, Subject: req.Subject,
		ACRRequest: req.ACR, ACRComparison: req.ACRComparison,
		SPNameQualifier: req.SPNameQualifier,
	}
	if env.Binding == idp.BindingPAOS {
		login.Signed, login.ChannelBindings = signed, req.ChannelBindings
	}
	if !supported {
		return login, answer(acs, saml.StatusRequester, saml.StatusUnsupportedBinding, "The requested binding is not supported for responses.")
	}
	return login, env.serve(req, sp, login)
}

// maxSigned is the most elements that a message with an XML signature may have.
// Canonical XML costs about 5 KB per element, and whoever has seen one signed
// message can stuff it.
const maxSigned = 100

// authenticate verifies the signature, if there is one, and returns the
// request that it covers.
func authenticate(req *AuthnRequest, in *binding.Inbound, sp *idp.ServiceProvider, env Env) (verified *AuthnRequest, signed bool, err error) {
	embedded := dsig.HasSignature(req.root)
	if !embedded && in.Signature == nil {
		if sp.RequireSignedRequests {
			return nil, false, idp.Refuse(idp.SigRequired, "request is not signed")
		}
		return req, false, nil
	}
	certs, err := signingCerts(sp)
	if err != nil {
		return nil, false, err
	}
	policy := dsig.Policy{AllowSHA1: sp.AllowSHA1, Refused: env.Refused}
	if !embedded {
		err := dsig.VerifyQuery(in.Signed, in.SigAlg, in.Signature, certs, policy)
		return req, true, explainSHA1(err, sp)
	}
	if len(req.root.FindElements(".//*")) >= maxSigned {
		return nil, false, idp.Refuse(idp.XMLSize, "more than %d elements in a signed message", maxSigned)
	}
	root, err := dsig.Verify(req.root, certs, policy)
	if err != nil {
		return nil, false, explainSHA1(err, sp)
	}
	if verified, err = read(root); err != nil {
		return nil, false, err
	}
	if verified.Issuer != sp.EntityID {
		return nil, false, idp.Refuse(idp.SigReference, "signed Issuer differs")
	}
	return verified, true, nil
}

func signingCerts(sp *idp.ServiceProvider) ([]*x509.Certificate, error) {
	certs := make([]*x509.Certificate, 0, len(sp.SigningCerts))
	for _, der := range sp.SigningCerts {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("parse registered certificate of %s: %w", sp.EntityID, err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}

// explainSHA1 adds to a refusal of SHA-1 what an administrator can do.
func explainSHA1(err error, sp *idp.ServiceProvider) error {
	var sha1 *dsig.SHA1Error
	if refusal := (*idp.Error)(nil); errors.As(err, &sha1) && errors.As(err, &refusal) {
		refusal.Fix = fmt.Sprintf("%s signs its requests with %s, which is refused because it is broken. "+
			"Let it sign with RSA-SHA256. If it cannot, an administrator can accept the risk: latchkey sp update %s --allow-sha1",
			sp.EntityID, sha1.Algorithm, shellQuote(sp.EntityID))
	}
	return err
}

// shellQuote makes s one word of a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// checkDestination compares with our own URL, never with the Host header. A
// signed request must name where it was meant for (SAML Bindings 3.4.5.2 and
// 3.5.5.2), or it could be sent to another identity provider. One that a program
// brings need not: its service provider does not know to whom (Profiles 4.2.2).
func (env Env) checkDestination(req *AuthnRequest, sp *idp.ServiceProvider, signed bool) error {
	switch {
	case req.Destination == env.SSOURL && env.SSOURL != "":
		return nil
	case req.Destination != "":
		return idp.Refuse(idp.ReasonDestination, "Destination is another address")
	case signed && !sp.AllowMissingDestination && env.Binding != idp.BindingPAOS:
		return idp.Refuse(idp.ReasonDestination, "signed request without Destination")
	}
	return nil
}

func (env Env) checkTime(req *AuthnRequest) error {
	age, skew := 5*time.Minute, time.Minute
	if env.MaxAge > 0 {
		age = env.MaxAge
	}
	if env.MaxSkew > 0 {
		skew = env.MaxSkew
	}
	if d := env.Now.Sub(req.IssueInstant); d > age || d < -skew {
		return idp.Refuse(idp.TimeWindow, "IssueInstant is %s old", d.Round(time.Second))
	}
	return nil
}

// serve judges what is asked for.
func (env Env) serve(req *AuthnRequest, sp *idp.ServiceProvider, login *idp.Login) error {
	format, ok, err := nameIDFormat(req, sp)
	switch {
	case err != nil:
		return err
	case !ok:
		return answer(login.ACS, saml.StatusRequester, saml.StatusInvalidNameIDPolicy, "The requested name identifier cannot be provided.")
	case req.SubjectUnknown:
		return answer(login.ACS, saml.StatusResponder, saml.StatusUnknownPrincipal, "The requested subject cannot be recognized.")
	case req.ACRDecl || len(req.ACR) > 0 && !acr.Satisfiable(sp, req.ACR, req.ACRComparison, max(env.Level, acr.LevelQR)):
		return answer(login.ACS, saml.StatusResponder, saml.StatusNoAuthnContext, "The requested authentication context cannot be provided.")
	}
	login.NameIDFormat, login.Passive = format, req.IsPassive
	return nil
}

func answer(acs, top, second, message string) *Answer {
	return &Answer{StatusError: saml.StatusError{Top: top, Second: second, Message: message}, ACS: acs}
}
