package demo

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/crewjam/saml"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/logout"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
)

// sloPath is the application's SingleLogoutService, by HTTP-Redirect. crewjam/saml
// has none that verifies a LogoutRequest, so the messages are read and made by the
// packages of the identity provider, from the other side.
const sloPath = "/saml/slo"

func (a *application) sloURL() string { return a.demo.App + sloPath }

// provider is the identity provider as its peer sees it.
func (a *application) provider() *idp.ServiceProvider {
	us := &idp.ServiceProvider{
		EntityID: a.saml.ServiceProvider.IDPMetadata.EntityID, Name: "Latchkey",
		SLO: []idp.Endpoint{{Binding: idp.BindingRedirect, Location: a.demo.IDP + "/saml/slo"}},
	}
	for _, cert := range a.signers {
		us.SigningCerts = append(us.SigningCerts, cert.Raw)
	}
	return us
}

func (a *application) signing() response.Signing {
	return response.Signing{Signer: a.saml.ServiceProvider.Key, Certificate: a.saml.ServiceProvider.Certificate}
}

// signOut ends the application's session and asks the identity provider to end
// its own, and those of all other applications.
func (a *application) signOut(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != a.demo.App {
		http.Error(w, "This form belongs to another site.", http.StatusForbidden)
		return
	}
	assertion := a.sessions.of(r)
	if err := a.sessions.DeleteSession(w, r); err != nil {
		a.refused(w, r, err)
		return
	}
	if assertion == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	to, err := a.logoutRequest(assertion)
	if err != nil {
		a.refused(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// logoutRequest is the address that takes a LogoutRequest to the identity
// provider (SAML Core 3.7.1).
func (a *application) logoutRequest(assertion *saml.Assertion) (string, error) {
	if assertion.Subject == nil || assertion.Subject.NameID == nil {
		return "", errors.New("the assertion names nobody")
	}
	id, err := idp.NewID(a.demo.opt.Random)
	if err != nil {
		return "", err
	}
	name, us := assertion.Subject.NameID, a.provider()
	about := &idp.LogoutTarget{Participant: idp.Participant{
		SP: us.EntityID, Issuer: a.saml.ServiceProvider.EntityID, NameID: name.Value, NameIDFormat: name.Format,
	}}
	for _, statement := range assertion.AuthnStatements {
		about.SessionIndexes = append(about.SessionIndexes, statement.SessionIndex)
	}
	m, err := logout.NewRequest(us, about, &us.SLO[0], "_"+id, a.demo.opt.Clock())
	if err != nil {
		return "", fmt.Errorf("make logout request: %w", err)
	}
	return m.Redirect("", false, a.signing())
}

// singleLogout takes what the identity provider sends: its answer to a request of
// ours, or a request to end a session here.
func (a *application) singleLogout(w http.ResponseWriter, r *http.Request) {
	in, err := binding.Redirect(r.URL.RawQuery)
	if err != nil {
		a.refused(w, r, err)
		return
	}
	env := logout.Env{URL: a.sloURL(), Now: a.demo.opt.Clock()}
	if in.Response {
		if err := a.answered(in, env); err != nil {
			a.refused(w, r, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	to, err := a.asked(in, env)
	if err != nil {
		a.refused(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// answered reads a LogoutResponse. Our own session has ended before; what is left
// to know is whether the message is true.
func (a *application) answered(in *binding.Inbound, env logout.Env) error {
	res, err := logout.ParseResponse(in)
	if err != nil {
		return err
	}
	_, err = logout.JudgeResponse(res, in, a.provider(), env)
	return err
}

// asked ends the sessions that a LogoutRequest names, and returns the address
// that takes the answer back. It comes in a frame of another site, so the
// sessions are found by what it names, not by a cookie.
func (a *application) asked(in *binding.Inbound, env logout.Env) (string, error) {
	req, err := logout.ParseRequest(in)
	if err != nil {
		return "", err
	}
	us := a.provider()
	if req, _, err = logout.JudgeRequest(req, in, us, env); err != nil {
		return "", err
	}
	a.sessions.end(req.NameID.Value, req.SessionIndexes)
	id, err := idp.NewID(a.demo.opt.Random)
	if err != nil {
		return "", err
	}
	m := logout.NewResponse(us, logout.Answer{InResponseTo: req.ID, Issuer: a.saml.ServiceProvider.EntityID}, us.SLO[0].Location, "_"+id, env.Now)
	return m.Redirect(in.RelayState, in.HasRelayState, a.signing())
}
