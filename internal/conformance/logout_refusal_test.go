package conformance_test

import (
	"time"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// refusedLogout is a case of a LogoutRequest that we act upon in no way. Each is
// sent by HTTP-Redirect and by HTTP-POST.
func refusedLogout(id, section, what string, change func(*visit, *samltest.LogoutRequest)) conformanceCase {
	return conformanceCase{id, section, what, func(v *visit) {
		p := v.joins(v.plain)
		r := v.signOut(p)
		change(v, &r)
		v.rejected(v.leaves(v.plain, r))
		v.rejected(v.leavesByPost(v.plain, r))
		v.lives()
	}}
}

// unknownPrincipal is a case of a LogoutRequest about nobody who is signed in at
// the service provider (Core 3.2.2.2).
func unknownPrincipal(id, section, what string, change func(*visit, *samltest.LogoutRequest)) conformanceCase {
	return conformanceCase{id, section, what, func(v *visit) {
		p := v.joins(v.plain)
		r := v.signOut(p)
		change(v, &r)
		v.answered(v.carried(v.leaves(v.plain, r)), r, "Requester", "UnknownPrincipal")
		v.lives()
	}}
}

// lives checks that the browser's session is there.
func (v *visit) lives() {
	v.Helper()
	if !v.alive() {
		v.Error("the session is over")
	}
}

var logoutRefusals = []conformanceCase{
	{"P044", "Profiles 4.4.4.1", "unsigned LogoutRequest", func(v *visit) {
		r := v.signOut(v.joins(v.plain))
		v.rejected(v.browser.Get(v.ours.slo[bindingRedirect] + "?" + samltest.RedirectQuery(r.XML(), nil)))
		v.rejected(v.browser.PostFrom(v.plain.acs, v.ours.slo[bindingPOST], samltest.POSTBody(r.XML(), nil)))
		v.lives()
	}},
	{"P045", "Profiles 4.4.4.1", "LogoutRequest signed by another one", func(v *visit) {
		r := v.signOut(v.joins(v.plain))
		v.rejected(v.leaves(v.signing, r))
		v.rejected(v.leavesByPost(v.signing, r))
		v.lives()
	}},
	{"P046", "Profiles 4.4.4.2", "unsigned LogoutResponse", func(v *visit) {
		first, other := v.joins(v.plain), v.joins(v.persistent)
		r := v.signOut(first)
		frames, goOn := v.waits(v.leaves(v.plain, r))
		m := v.carried(v.browser.Get(frames[0]))
		answer := samltest.LogoutResponse{
			ID: "_unsigned", IssueInstant: v.now().UTC().Format(time.RFC3339), Destination: v.ours.slo[bindingRedirect],
			Issuer: other.entityID, InResponseTo: m.root.SelectAttrValue("ID", ""), Status: "Success",
		}
		v.rejected(v.browser.Get(v.ours.slo[bindingRedirect] + "?" + samltest.ResponseQuery(answer.XML(), nil)))
		v.answered(goOn(), r, "Success", "PartialLogout")
	}},
	refusedLogout("B051", "Bindings 3.4.5.2", "LogoutRequest to another Destination", func(_ *visit, r *samltest.LogoutRequest) { r.Destination = "https://other.test/saml/slo" }),
	refusedLogout("B052", "Bindings 3.4.5.2", "signed LogoutRequest without Destination", func(_ *visit, r *samltest.LogoutRequest) { r.Destination = "" }),
	refusedLogout("C120", "Core 3.7.1", "NotOnOrAfter is past", func(v *visit, r *samltest.LogoutRequest) { r.NotOnOrAfter = v.now().UTC().Format(time.RFC3339) }),
	refusedLogout("C121", "Core 3.7.1", "neither identifier nor EncryptedID", func(_ *visit, r *samltest.LogoutRequest) { r.NameID = "" }),
	refusedLogout("C122", "Core 3.2.1", "LogoutRequest of another version", func(_ *visit, r *samltest.LogoutRequest) { r.Version = "1.1" }),
	refusedLogout("C123", "Core 3.2.1", "LogoutRequest of long ago", func(v *visit, r *samltest.LogoutRequest) {
		r.IssueInstant = v.now().Add(-time.Hour).UTC().Format(time.RFC3339)
	}),
	{"C124", "Core 3.7.3.2", "a LogoutRequest counts once", func(v *visit) {
		p := v.joins(v.plain)
		r := v.signOut(p)
		r.SessionIndexes = nil
		v.answered(v.carried(v.leaves(v.plain, r)), r, "Success", "")
		_, other := v.elsewhere(v.plain)
		other.rejected(other.leaves(v.plain, r))
		other.lives()
	}},
	unknownPrincipal("C125", "Core 3.7.3.2", "a person who is not signed in", func(_ *visit, r *samltest.LogoutRequest) { r.NameID, r.SessionIndexes = "nobody@example.com", nil }),
	unknownPrincipal("C126", "Core 3.7.3.2", "SessionIndex of nobody", func(_ *visit, r *samltest.LogoutRequest) { r.SessionIndexes = []string{"_none"} }),
	unknownPrincipal("C127", "Core 3.7.3.2", "SessionIndex that another service provider was told", func(v *visit, r *samltest.LogoutRequest) {
		r.SessionIndexes = []string{v.joins(v.persistent).index}
	}),
	unknownPrincipal("C128", "Core 3.3.4", "identifier of another format", func(_ *visit, r *samltest.LogoutRequest) { r.Format = formatPersistent }),
	unknownPrincipal("C129", "Core 3.3.4", "qualifier of another service provider", func(v *visit, r *samltest.LogoutRequest) {
		r.NameIDAttributes = ` SPNameQualifier="` + v.signing.entityID + `"`
	}),
}
