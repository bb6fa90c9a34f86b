package conformance_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// calls sends an envelope to a SOAP endpoint of ours and returns the element in
// the Body of the answer.
func (v *visit) calls(address, envelope string, change func(*http.Request)) (e *etree.Element, status int) {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), http.MethodPost, address, strings.NewReader(envelope))
	must(v, err)
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	if change != nil {
		change(r)
	}
	resp := v.idp.Serve(r, v.browser.IP)
	body := idptest.Body(v, resp)
	if resp.StatusCode == http.StatusUnauthorized {
		return nil, resp.StatusCode
	}
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/xml") {
		v.Errorf("content type %q", got)
	}
	root := parse(v, []byte(body))
	if root.NamespaceURI() != "http://schemas.xmlsoap.org/soap/envelope/" {
		v.Fatalf("no envelope: %s", body)
	}
	content := v.one(root, "./Body").ChildElements()
	if len(content) != 1 {
		v.Fatalf("%d elements in %s", len(content), body)
	}
	return content[0], resp.StatusCode
}

// alone is an element as a document of its own.
func (v *visit) alone(e *etree.Element) []byte {
	v.Helper()
	doc := etree.NewDocument()
	doc.SetRoot(e.Copy())
	xml, err := doc.WriteToBytes()
	must(v, err)
	return xml
}

// letter checks a message from the Body of an envelope, whose signature is in
// the XML (Bindings 3.2).
func (v *visit) letter(e *etree.Element) sent {
	v.Helper()
	m := sent{root: e, xml: v.alone(e), binding: bindingSOAP, to: e.SelectAttrValue("Destination", "")}
	schematest.VerifySignature(v, m.xml, schematest.PEM(v.ours.certs[0].Raw), e.Tag)
	schematest.Validate(v, m.xml)
	v.message(m)
	return m
}

// fault checks that a call was answered with a SOAP fault (Bindings 3.2.3.3).
func (v *visit) fault(e *etree.Element, status int) {
	v.Helper()
	if status != http.StatusInternalServerError || e.Tag != "Fault" || e.SelectElement("faultcode") == nil {
		v.Errorf("%d %s", status, v.alone(e))
	}
}

// server gives a service provider a SOAP endpoint, which says Success, during
// the case, and returns what it was sent.
func (v *visit) server(p *party) func() []*etree.Element {
	v.Helper()
	var mu sync.Mutex
	var got []*etree.Element
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(body); err != nil || r.Header.Get("Cookie") != "" {
			v.Errorf("called with %s: %v", body, err)
		}
		e := doc.FindElement("/Envelope/Body/LogoutRequest")
		mu.Lock()
		got = append(got, e)
		mu.Unlock()
		answer := samltest.LogoutResponse{
			ID: "_" + idptest.RandomKey(), IssueInstant: v.now().UTC().Format(time.RFC3339),
			Issuer: p.entityID, InResponseTo: e.SelectAttrValue("ID", ""), Status: "Success",
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, samltest.Soap(p.SignXML(answer.XML(), samltest.Signing{})))
	}))
	var before []idp.Endpoint
	// No https, so not by metadata.
	v.idp.UpdateSP(p.entityID, func(sp *idp.ServiceProvider) {
		before, sp.SLO = sp.SLO, []idp.Endpoint{{Binding: bindingSOAP, Location: s.URL}}
	})
	v.Cleanup(func() {
		v.idp.UpdateSP(p.entityID, func(sp *idp.ServiceProvider) { sp.SLO = before })
		s.Close()
	})
	return func() []*etree.Element {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

var soapCases = []conformanceCase{
	{"B053", "Bindings 3.2", "logout by SOAP", func(v *visit) {
		r := v.signOut(v.joins(v.plain))
		r.Destination = v.ours.slo[bindingSOAP]
		e, status := v.calls(r.Destination, samltest.Soap(v.plain.SignXML(r.XML(), samltest.Signing{})), nil)
		if status != http.StatusOK {
			v.Fatalf("%d %s", status, v.alone(e))
		}
		v.answered(v.letter(e), r, "Success", "")
		v.over()
	}},
	{"B054", "Bindings 3.2", "logout by SOAP, somebody can be told through the browser only", func(v *visit) {
		first, _ := v.joins(v.plain), v.joins(v.persistent)
		r := v.signOut(first)
		r.Destination = v.ours.slo[bindingSOAP]
		e, _ := v.calls(r.Destination, samltest.Soap(v.plain.SignXML(r.XML(), samltest.Signing{})), nil)
		v.answered(v.letter(e), r, "Success", "PartialLogout")
		v.over()
	}},
	{"B055", "Bindings 3.2.3.3", "what is no request of a service provider is a SOAP fault", func(v *visit) {
		r := v.signOut(v.joins(v.plain))
		r.Destination = v.ours.slo[bindingSOAP]
		for _, envelope := range []string{"", "<x/>", r.XML(), samltest.Soap(""), samltest.Soap(r.XML()), samltest.Soap(v.signing.SignXML(r.XML(), samltest.Signing{}))} {
			v.fault(v.calls(r.Destination, envelope, nil))
		}
		v.lives()
	}},
	{"B056", "Bindings 3.2.2", "a participant with a SOAP endpoint is told by a call", func(v *visit) {
		got := v.server(v.opaque)
		first, other := v.joins(v.plain), v.joins(v.opaque)
		r := v.signOut(first)
		v.answered(v.carried(v.leaves(v.plain, r)), r, "Success", "")
		if calls := got(); len(calls) != 1 || bytes.Contains(v.alone(calls[0]), []byte(first.index)) {
			v.Fatalf("%d calls", len(calls))
		}
		v.isAbout(v.letter(got()[0]), other)
	}},
}
