package conformance_test

import (
	"time"

	"github.com/beevik/etree"
)

// signedIn is a person who has approved a sign-in at the first service provider
// ten minutes ago; statement is what was said about it.
func (v *visit) signedIn() (statement *etree.Element) {
	v.Helper()
	r := v.request(v.plain)
	assertion := v.success(v.approve(v.redirect(r)), r, v.plain)
	v.idp.Clock.Add(10 * time.Minute)
	return v.one(assertion, "./AuthnStatement")
}

var sessionCases = []conformanceCase{
	{"C080", "Core 3.4.1", "IsPassive, nobody is signed in", func(v *visit) {
		r := v.request(v.plain)
		r.Attributes = `IsPassive="true"`
		v.failure(v.read(v.redirect(r)), r, v.plain, "Responder", "NoPassive")
	}},
	{"C081", "Core 3.4.1", "IsPassive, somebody is signed in", func(v *visit) {
		v.signedIn()
		r := v.request(v.persistent)
		r.Attributes = `IsPassive="1"`
		a, ok := v.goesOn(v.redirect(r))
		if !ok {
			v.Fatal("asks")
		}
		v.success(a, r, v.persistent)
	}},
	{"C082", "Core 3.4.1", "IsPassive and ForceAuthn", func(v *visit) {
		v.signedIn()
		r := v.request(v.plain)
		r.Attributes = `IsPassive="true" ForceAuthn="true"`
		v.failure(v.read(v.redirect(r)), r, v.plain, "Responder", "NoPassive")
	}},
	{"C083", "Core 3.4.1", "IsPassive, the session is not strong enough", func(v *visit) {
		v.signedIn()
		r := v.request(v.plain)
		r.Attributes, r.Children = `IsPassive="true"`, requested("exact", kerberos)
		v.failure(v.read(v.redirect(r)), r, v.plain, "Responder", "")
	}},
	{"C084", "Core 3.4.1", "IsPassive is false", func(v *visit) {
		r := v.request(v.plain)
		r.Attributes = `IsPassive="false" ForceAuthn="0"`
		v.success(v.approve(v.redirect(r)), r, v.plain)
	}},
	{"C085", "Core 3.4.1", "ForceAuthn, somebody is signed in", func(v *visit) {
		v.signedIn()
		r := v.request(v.persistent)
		r.Attributes = `ForceAuthn="true"`
		started := v.now()
		page := v.redirect(r)
		if page.Request.URL.Query().Get("l") == "" {
			v.Fatal("answered at once")
		}
		statement := v.one(v.success(v.approve(page), r, v.persistent), "./AuthnStatement")
		if at := v.time(statement.SelectAttrValue("AuthnInstant", "")); at.Before(started.Truncate(time.Second)) {
			v.Errorf("AuthnInstant %s is before the request, %s", at, started)
		}
	}},
	{"P010", "Profiles 4.1.3.4", "a session answers the next service provider, and says when it was made", func(v *visit) {
		before := v.signedIn()
		r := v.request(v.persistent)
		a, ok := v.goesOn(v.redirect(r))
		if !ok {
			v.Fatal("asks again")
		}
		after := v.one(v.success(a, r, v.persistent), "./AuthnStatement")
		if was, is := before.SelectAttrValue("AuthnInstant", ""), after.SelectAttrValue("AuthnInstant", ""); was != is {
			v.Errorf("AuthnInstant %s, the approval was at %s", is, was)
		}
	}},
	{"C086", "Core 2.7.2", "two service providers cannot compare their SessionIndex", func(v *visit) {
		before := v.signedIn()
		r := v.request(v.persistent)
		a, ok := v.goesOn(v.redirect(r))
		if !ok {
			v.Fatal("asks again")
		}
		after := v.one(v.success(a, r, v.persistent), "./AuthnStatement")
		if one, two := before.SelectAttrValue("SessionIndex", ""), after.SelectAttrValue("SessionIndex", ""); one == two {
			v.Errorf("both have %s", one)
		}
	}},
	{"P011", "Profiles 4.1.3.5", "the person says no", func(v *visit) {
		r := v.request(v.plain)
		a := v.deny(v.redirect(r, "state"))
		v.failure(a, r, v.plain, "Responder", "AuthnFailed")
		if a.RelayState != "state" {
			v.Errorf("RelayState %q", a.RelayState)
		}
	}},
}
