package conformance_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"
	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// participant is what a service provider knows of a session of the visit's
// person.
type participant struct {
	*party
	nameID *etree.Element
	index  string
}

// joins signs the person in at a service provider: with the phone, or by the
// session of the browser.
func (v *visit) joins(p *party) participant {
	v.Helper()
	v.idp.Clock.Add(pause)
	page := v.query(v.signedQuery(p, v.request(p), samltest.RSASHA256))
	a, ok := v.goesOn(page)
	if !ok {
		a = v.approve(page)
	}
	root := a.root
	if p == v.encrypting {
		root = parse(v, schematest.Decrypt(v, a.SAMLResponse, p.keyPEM(v)))
	}
	index := v.attribute(root, ".//AuthnStatement", "SessionIndex")
	if index == "" {
		v.Fatal("no SessionIndex")
	}
	return participant{p, v.one(root, ".//Subject/NameID"), index}
}

// keyPEM is the private key.
func (p *party) keyPEM(v *visit) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	must(v, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// signOut makes the LogoutRequest of a participant.
func (v *visit) signOut(p participant) samltest.LogoutRequest {
	qualifiers := ""
	for _, name := range []string{"NameQualifier", "SPNameQualifier"} {
		if a := p.nameID.SelectAttr(name); a != nil {
			qualifiers += " " + name + `="` + a.Value + `"`
		}
	}
	return samltest.LogoutRequest{
		ID: "_" + idptest.RandomKey(), Version: "2.0", IssueInstant: v.now().UTC().Format(time.RFC3339),
		NotOnOrAfter: v.now().Add(time.Minute).UTC().Format(time.RFC3339),
		Destination:  v.ours.slo[bindingRedirect], Issuer: p.entityID,
		NameID: p.nameID.Text(), Format: p.nameID.SelectAttrValue("Format", ""), NameIDAttributes: qualifiers,
		SessionIndexes: []string{p.index},
	}
}

// leaves sends a signed LogoutRequest by HTTP-Redirect.
func (v *visit) leaves(p *party, r samltest.LogoutRequest, relay ...string) *http.Response {
	v.Helper()
	return v.browser.Get(v.ours.slo[bindingRedirect] + "?" + p.SignQuery(samltest.RedirectQuery(r.XML(), first(relay)), samltest.RSASHA256))
}

// leavesByPost sends a signed LogoutRequest by HTTP-POST.
func (v *visit) leavesByPost(p *party, r samltest.LogoutRequest, relay ...string) *http.Response {
	v.Helper()
	return v.browser.PostFrom(p.acs, v.ours.slo[bindingPOST], samltest.POSTBody(p.SignXML(r.XML(), samltest.Signing{}), first(relay)))
}

// alive reports whether the browser's session signs in without a question.
func (v *visit) alive() bool {
	v.Helper()
	r := v.request(v.plain)
	r.Attributes = `IsPassive="true"`
	_, yes := v.goesOn(v.redirect(r))
	return yes
}

// sent is a logout message for a service provider.
type sent struct {
	root          *etree.Element
	xml           []byte
	binding, to   string // to is the address without the message
	relayState    string
	hasRelayState bool
}

// carried reads the logout message that a page or a redirect carries, and checks
// what all of them have in common: schema, signature in the form of the binding,
// Destination, and what common checks.
func (v *visit) carried(resp *http.Response) (m sent) {
	v.Helper()
	if resp.StatusCode == http.StatusSeeOther {
		m = v.byRedirect(resp.Header.Get("Location"))
	} else {
		m = v.byForm(resp)
	}
	schematest.Validate(v, m.xml)
	m.root = parse(v, m.xml)
	v.message(m)
	return m
}

// message checks a logout message without the schema.
func (v *visit) message(m sent) {
	v.Helper()
	v.common(m.root)
	if got := m.root.SelectAttrValue("Destination", ""); got != m.to {
		v.Errorf("Destination %q of a message to %q", got, m.to)
	}
	if m.root.NamespaceURI() != nsProtocol || m.root.SelectAttrValue("Version", "") != "2.0" {
		v.Errorf("message %s", m.xml)
	}
	if m.root.Tag == "LogoutRequest" {
		v.window("NotOnOrAfter", "", m.root.SelectAttrValue("NotOnOrAfter", ""))
	}
}

// byRedirect verifies the signature of a query (Bindings 3.4.4.1).
func (v *visit) byRedirect(location string) sent {
	v.Helper()
	at, end := strings.Index(location, "SAMLRe"), strings.Index(location, "&Signature=")
	if at < 1 || end < at {
		v.Fatalf("no signed message in %q", location)
	}
	q, err := url.ParseQuery(location[at:])
	must(v, err)
	signature, err := base64.StdEncoding.DecodeString(q.Get("Signature"))
	must(v, err)
	digest := sha256.Sum256([]byte(location[at:end]))
	must(v, rsa.VerifyPKCS1v15(v.ours.certs[0].PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], signature))
	deflated, err := base64.StdEncoding.DecodeString(q.Get("SAMLRequest") + q.Get("SAMLResponse"))
	must(v, err)
	xml, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	must(v, err)
	if q.Get("SigAlg") != samltest.RSASHA256 || bytes.Contains(xml, []byte("Signature")) {
		v.Errorf("signed by %s; %s", q.Get("SigAlg"), xml)
	}
	return sent{xml: xml, binding: bindingRedirect, to: location[:at-1], relayState: q.Get("RelayState"), hasRelayState: q.Has("RelayState")}
}

// byForm verifies the signature of a message of HTTP-POST (Bindings 3.5.5.2).
func (v *visit) byForm(page *http.Response) sent {
	v.Helper()
	v.notStored(page)
	p := idptest.ReadPost(v, page)
	xml := append(p.SAMLRequest, p.SAMLResponse...)
	schematest.VerifySignature(v, xml, schematest.PEM(v.ours.certs[0].Raw), "LogoutRequest", "LogoutResponse")
	return sent{xml: xml, binding: bindingPOST, to: p.ACS, relayState: p.RelayState, hasRelayState: p.HasRelayState}
}

// answered checks the answer to a LogoutRequest: a status of the first level and
// of the second, which may be empty (Core 3.7.2).
func (v *visit) answered(m sent, r samltest.LogoutRequest, top, second string) {
	v.Helper()
	if m.root.Tag != "LogoutResponse" || m.root.SelectAttrValue("InResponseTo", "") != r.ID {
		v.Fatalf("no answer to %s: %s", r.ID, m.xml)
	}
	if second != "" {
		second = statusPrefix + second
	}
	if one, two := v.attribute(m.root, "./Status/StatusCode", "Value"), v.attribute(m.root, "./Status/StatusCode/StatusCode", "Value"); one != statusPrefix+top || two != second {
		v.Errorf("status %q, %q, want %s, %s", one, two, top, second)
	}
}

// waits reads the page on which the others are told, and returns the frames of
// it, and what goes on to the answer.
func (v *visit) waits(resp *http.Response) (frames []string, goOn func() sent) {
	v.Helper()
	address := resp.Header.Get("Location")
	id, found := strings.CutPrefix(address, "/logout?l=")
	if resp.StatusCode != http.StatusSeeOther || !found {
		v.Fatalf("%d to %q: %s", resp.StatusCode, address, idptest.Body(v, resp))
	}
	doc, err := html.Parse(strings.NewReader(idptest.Body(v, v.browser.Get(address))))
	must(v, err)
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if n.Data == "iframe" && a.Key == "src" {
				frames = append(frames, a.Val)
			}
		}
	}
	return frames, func() sent {
		v.Helper()
		return v.carried(v.browser.PostForm("/logout/finish", url.Values{"l": {id}}))
	}
}

// replies lets a service provider answer a request of ours with a status, by
// HTTP-Redirect.
func (v *visit) replies(p *party, to sent, status string) *http.Response {
	v.Helper()
	r := samltest.LogoutResponse{
		ID: "_" + idptest.RandomKey(), IssueInstant: v.now().UTC().Format(time.RFC3339), Destination: v.ours.slo[bindingRedirect],
		Issuer: p.entityID, InResponseTo: to.root.SelectAttrValue("ID", ""), Status: status,
	}
	return v.browser.Get(v.ours.slo[bindingRedirect] + "?" + p.SignQuery(samltest.ResponseQuery(r.XML(), nil), samltest.RSASHA256))
}
