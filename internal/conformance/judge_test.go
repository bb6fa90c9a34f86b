package conformance_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	goxmldsig "github.com/russellhaering/goxmldsig"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
)

const statusPrefix = "urn:oasis:names:tc:SAML:2.0:status:"

// ncName is what a xs:ID may be, of those characters that we use (Core 1.3.4
// leaves the rest open).
var ncName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// success checks an answer with an assertion (Profiles 4.1.4.2) and returns the
// assertion.
func (v *visit) success(a answer, r samltest.Request, p *party) *etree.Element {
	v.Helper()
	v.envelope(a, r, p)
	schematest.VerifySignature(v, a.SAMLResponse, schematest.PEM(v.ours.certs[0].Raw))
	if got := v.attribute(a.root, "./Status/StatusCode", "Value"); got != statusPrefix+"Success" {
		v.Fatalf("status %s in %s", got, a.SAMLResponse)
	}
	assertion := v.one(a.root, "./Assertion")
	v.assertion(assertion, r, p, a.ACS)
	v.indexed(assertion)
	v.byCrewjam(a, r, p)
	return assertion
}

// failure checks an answer without one: a status of the first level and, where
// second is not empty, of the second (Core 3.2.2.2).
func (v *visit) failure(a answer, r samltest.Request, p *party, top, second string) {
	v.Helper()
	v.envelope(a, r, p)
	schematest.VerifySignature(v, a.SAMLResponse, schematest.PEM(v.ours.certs[0].Raw))
	if a.root.FindElement(".//Assertion") != nil || a.root.FindElement(".//EncryptedAssertion") != nil {
		v.Errorf("an assertion in %s", a.SAMLResponse)
	}
	if got := v.attribute(a.root, "./Status/StatusCode", "Value"); got != statusPrefix+top {
		v.Errorf("status %s, want %s", got, top)
	}
	if got := v.attribute(a.root, "./Status/StatusCode/StatusCode", "Value"); second != "" && got != statusPrefix+second {
		v.Errorf("status of the second level %s, want %s", got, second)
	}
}

// envelope checks a Response whatever it says (Core 3.2.2; Bindings 3.5).
func (v *visit) envelope(a answer, r samltest.Request, p *party) {
	v.Helper()
	schematest.Validate(v, a.SAMLResponse)
	v.response(a, r, p)
}

// response is envelope without the schema.
func (v *visit) response(a answer, r samltest.Request, p *party) {
	v.Helper()
	if bytes.Contains(a.SAMLResponse, []byte("<!")) {
		v.Errorf("a DTD or a comment in %s", a.SAMLResponse)
	}
	if a.root.Tag != "Response" || a.root.NamespaceURI() != nsProtocol {
		v.Fatalf("root %s of %s", a.root.Tag, a.root.NamespaceURI())
	}
	if a.ACS != p.acs && a.ACS != p.second {
		v.Errorf("posted to %s", a.ACS)
	}
	for name, want := range map[string]string{"Version": "2.0", "Destination": a.ACS, "InResponseTo": r.ID} {
		if got := a.root.SelectAttrValue(name, ""); got != want {
			v.Errorf("%s %q, want %q", name, got, want)
		}
	}
	v.common(a.root)
}

// common checks what Response and Assertion have in common: an ID of their own,
// the time, and the issuer (Core 1.3.3, 1.3.4, 8.3.6).
func (v *visit) common(e *etree.Element) {
	v.Helper()
	id := e.SelectAttrValue("ID", "")
	if !ncName.MatchString(id) || v.ids[id] || len(id) < 22 { // 128 bits
		v.Errorf("ID %q is none, short, or was there before", id)
	}
	v.ids[id] = true
	if d := v.now().Sub(v.time(e.SelectAttrValue("IssueInstant", ""))); d < -time.Second || d > time.Minute {
		v.Errorf("IssueInstant is %s ago", d)
	}
	issuer := v.one(e, "./Issuer")
	format := issuer.SelectAttrValue("Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:entity")
	if issuer.Text() != v.ours.entityID || format != "urn:oasis:names:tc:SAML:2.0:nameid-format:entity" {
		v.Errorf("Issuer %q of format %s, our metadata says %q", issuer.Text(), format, v.ours.entityID)
	}
	if s := e.SelectElement("Signature"); s != nil {
		v.signature(s, id)
	}
}

// signature checks the profile of signatures (Core 5.4).
func (v *visit) signature(s *etree.Element, id string) {
	v.Helper()
	if got := v.attribute(s, "./SignedInfo/Reference", "URI"); got != "#"+id {
		v.Errorf("the signature is about %q, not #%s", got, id)
	}
	for _, t := range s.FindElements(".//Transform") {
		if got := t.SelectAttrValue("Algorithm", ""); got != samltest.Enveloped && got != samltest.ExcC14N {
			v.Errorf("transform %s", got)
		}
	}
	if got := v.attribute(s, "./SignedInfo/CanonicalizationMethod", "Algorithm"); got != samltest.ExcC14N {
		v.Errorf("canonicalization %s", got)
	}
}

// assertion checks an assertion for a service provider (Profiles 4.1.4.2).
func (v *visit) assertion(e *etree.Element, r samltest.Request, p *party, acs string) {
	v.Helper()
	if e.NamespaceURI() != nsAssertion || e.SelectAttrValue("Version", "") != "2.0" {
		v.Errorf("Assertion of %s", e.NamespaceURI())
	}
	v.common(e)
	confirmation := v.one(e, "./Subject/SubjectConfirmation")
	if got := confirmation.SelectAttrValue("Method", ""); got != "urn:oasis:names:tc:SAML:2.0:cm:bearer" {
		v.Errorf("confirmation method %s", got)
	}
	data := v.one(confirmation, "./SubjectConfirmationData")
	if data.SelectAttrValue("Recipient", "") != acs || data.SelectAttrValue("InResponseTo", "") != r.ID || data.SelectAttr("NotBefore") != nil {
		v.Errorf("confirmation %v, want Recipient %s and InResponseTo %s without NotBefore", data.Attr, acs, r.ID)
	}
	v.window("SubjectConfirmationData", "", data.SelectAttrValue("NotOnOrAfter", ""))
	conditions := v.one(e, "./Conditions")
	v.window("Conditions", conditions.SelectAttrValue("NotBefore", ""), conditions.SelectAttrValue("NotOnOrAfter", ""))
	if got := v.one(conditions, "./AudienceRestriction/Audience").Text(); got != p.entityID {
		v.Errorf("audience %q", got)
	}
	statement := v.one(e, "./AuthnStatement")
	if v.time(statement.SelectAttrValue("AuthnInstant", "")).After(v.now()) {
		v.Errorf("AuthnStatement %v", statement.Attr)
	}
	if _, err := url.ParseRequestURI(v.one(statement, "./AuthnContext/AuthnContextClassRef").Text()); err != nil {
		v.Errorf("class: %v", err)
	}
}

// indexed checks that an assertion can be named in a LogoutRequest (Profiles
// 4.1.4.2). One for a program cannot: there is no session behind it.
func (v *visit) indexed(assertion *etree.Element) {
	v.Helper()
	if v.one(assertion, "./AuthnStatement").SelectAttrValue("SessionIndex", "") == "" {
		v.Error("no SessionIndex")
	}
}

// window checks that now lies between two instants, and that the later one is
// within ten minutes.
func (v *visit) window(what, from, until string) {
	v.Helper()
	if from != "" && v.time(from).After(v.now()) {
		v.Errorf("%s is not valid yet: %s", what, from)
	}
	if d := v.time(until).Sub(v.now()); d <= 0 || d > 10*time.Minute {
		v.Errorf("%s is valid for another %s", what, d)
	}
}

// byCrewjam lets crewjam/saml judge an answer as a service provider.
func (v *visit) byCrewjam(a answer, r samltest.Request, p *party) {
	v.Helper()
	saml.TimeNow, saml.Clock = v.now, goxmldsig.NewFakeClockAt(v.now())
	acs, err := url.Parse(a.ACS)
	must(v, err)
	var us saml.EntityDescriptor
	us.EntityID = v.ours.entityID
	var role saml.IDPSSODescriptor
	for _, cert := range v.ours.certs {
		role.KeyDescriptors = append(role.KeyDescriptors, saml.KeyDescriptor{Use: "signing", KeyInfo: saml.KeyInfo{
			X509Data: saml.X509Data{X509Certificates: []saml.X509Certificate{{Data: encode(cert.Raw)}}},
		}})
	}
	us.IDPSSODescriptors = []saml.IDPSSODescriptor{role}
	sp := saml.ServiceProvider{EntityID: p.entityID, AcsURL: *acs, IDPMetadata: &us}
	if _, err := sp.ParseXMLResponse(a.SAMLResponse, []string{r.ID}, *acs); err != nil {
		if invalid := (*saml.InvalidResponseError)(nil); errors.As(err, &invalid) {
			err = invalid.PrivateErr
		}
		v.Errorf("crewjam/saml refuses it: %v", err)
	}
}

// notStored checks that nobody between us and the browser keeps a page
// (Bindings 3.4.5.1, 3.5.5.1).
func (v *visit) notStored(page *http.Response) {
	v.Helper()
	control := page.Header.Get("Cache-Control")
	if !strings.Contains(control, "no-store") && !strings.Contains(control, "no-cache") {
		v.Errorf("Cache-Control %q", control)
	}
}

// one is the only element at a path.
func (v *visit) one(e *etree.Element, path string) *etree.Element {
	v.Helper()
	found := e.FindElements(path)
	if len(found) != 1 {
		v.Fatalf("%d elements at %s of %s", len(found), path, e.Tag)
	}
	return found[0]
}

// attribute is one of the first element at a path; empty if there is none.
func (v *visit) attribute(e *etree.Element, path, name string) string {
	v.Helper()
	found := e.FindElement(path)
	if found == nil {
		return ""
	}
	return found.SelectAttrValue(name, "")
}

// time reads an instant, which has to be UTC with a Z (Core 1.3.3).
func (v *visit) time(s string) time.Time {
	v.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || !strings.HasSuffix(s, "Z") {
		v.Errorf("instant %q", s)
	}
	return at
}

// oneOf checks a value against several that are right.
func (v *visit) oneOf(what, got string, right ...string) {
	v.Helper()
	if !slices.Contains(right, got) {
		v.Errorf("%s %q, want one of %q", what, got, right)
	}
}
