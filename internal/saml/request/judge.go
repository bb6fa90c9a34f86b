package request

import (
	"cmp"
	"errors"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/message"
)

// Env is what a judgement depends on besides the request and its sender.
type Env struct {
	SSOURL   string    // public URL of the sign-in endpoint; Destination must equal it
	EntityID string    // of this deployment, where the service provider has no issuer of its own
	Binding  string    // of the answer: idp.BindingPOST (also when empty) or idp.BindingPAOS
	Now      time.Time //
	Window   message.Window
	Local    bool     // answers may go to http://localhost
	Level    int      // strongest level that sign-ins can reach; 0 means acr.LevelQR
	Refused  []string // URIs of algorithms refused in addition
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
	if sp.Protocol != idp.ProtocolSAML {
		return nil, idp.Refuse(idp.SPProtocol, "service provider does not speak SAML 2.0")
	}
	if sp.Disabled || sp.Draft {
		return nil, idp.Refuse(idp.SPDisabled, "service provider is switched off or a draft")
	}
	req, signed, err := authenticate(req, in, sp, env)
	if err != nil {
		return nil, err
	}
	if err := req.CheckDestination(env.SSOURL, sp, signed, env.Binding); err != nil {
		return nil, err
	}
	if err := req.CheckTime(env.Now, env.Window); err != nil {
		return nil, err
	}
	acs, supported, err := chooseACS(req, sp, cmp.Or(env.Binding, idp.BindingPOST))
	if err != nil {
		return nil, err
	}
	if err := CheckScheme(acs, env.Local); err != nil {
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

// authenticate verifies the signature, if there is one, and returns the
// request that it covers.
func authenticate(req *AuthnRequest, in *binding.Inbound, sp *idp.ServiceProvider, env Env) (verified *AuthnRequest, signed bool, err error) {
	root, signed, err := message.Verify(req.root, in, sp, env.Refused)
	switch {
	case err != nil:
		return nil, false, err
	case !signed && sp.RequireSignedRequests:
		return nil, false, idp.Refuse(idp.SigRequired, "request is not signed")
	case root == req.root:
		return req, signed, nil
	}
	if verified, err = read(root); err != nil {
		return nil, false, err
	}
	if verified.Issuer != sp.EntityID {
		return nil, false, idp.Refuse(idp.SigReference, "signed Issuer differs")
	}
	return verified, true, nil
}

// serve judges what is asked for.
func (env Env) serve(req *AuthnRequest, sp *idp.ServiceProvider, login *idp.Login) error {
	format, ok, err := nameIDFormat(req, sp)
	switch {
	case err != nil:
		return err
	case !ok:
		return answer(login.ACS, saml.StatusRequester, saml.StatusInvalidNameIDPolicy, "The requested name identifier cannot be provided.")
	case !env.names(req, sp):
		return answer(login.ACS, saml.StatusResponder, saml.StatusNoAvailableIDP, "None of the listed identity providers is this one.")
	case req.SubjectUnknown:
		return answer(login.ACS, saml.StatusResponder, saml.StatusUnknownPrincipal, "The requested subject cannot be recognized.")
	case req.ACRDecl || len(req.ACR) > 0 && !acr.Satisfiable(sp, req.ACR, req.ACRComparison, max(env.Level, acr.LevelQR)):
		return answer(login.ACS, saml.StatusResponder, saml.StatusNoAuthnContext, "The requested authentication context cannot be provided.")
	}
	login.NameIDFormat, login.Passive = format, req.IsPassive
	// An index that is not registered is no error (SAML Core 3.4.1: the identity
	// provider MAY use it): the default service counts.
	if s := sp.AttributeService(req.AttributeIndex); s != nil && req.AttributeIndex != nil && s.Index == *req.AttributeIndex {
		login.AttributeIndex = req.AttributeIndex
	}
	return nil
}

func answer(acs, top, second, message string) *Answer {
	return &Answer{StatusError: saml.StatusError{Top: top, Second: second, Message: message}, ACS: acs}
}
