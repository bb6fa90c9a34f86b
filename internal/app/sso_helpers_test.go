package app_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const statusPrefix = "urn:oasis:names:tc:SAML:2.0:status:"

var lastAddress atomic.Int32

// address is one that nobody called from before, so that limits per address
// do not couple tests.
func address() string {
	n := lastAddress.Add(1)
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
}

// query is a request for the HTTP-Redirect binding, with a RelayState if one
// is given.
func query(r samltest.Request, relay ...string) string {
	if len(relay) > 0 {
		return samltest.RedirectQuery(r.XML(), &relay[0])
	}
	return samltest.RedirectQuery(r.XML(), nil)
}

// person is somebody with a browser and a phone.
type person struct {
	*idptest.Browser
	phone *phone.Phone
}

func newPerson(i *idptest.IdP, u *idp.User) *person {
	i.T.Helper()
	return &person{i.Browser(address()), i.Phone(u, address())}
}

// scan opens the login page, shows a code and scans it.
func (p *person) scan(location string) (idptest.View, *phone.Request) {
	t := p.IdP.T
	t.Helper()
	view := p.Login(location)
	req, err := p.phone.Claim(t.Context(), view.Frames[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	return view, req
}

// approve is scan and the yes on the phone; what is left is to finish.
func (p *person) approve(location string) idptest.View {
	p.IdP.T.Helper()
	view, req := p.scan(location)
	if _, err := p.phone.Approve(p.IdP.T.Context(), req); err != nil {
		p.IdP.T.Fatal(err)
	}
	return view
}

// message is what a test reads of a Response.
type message struct {
	ID           string `xml:"ID,attr"`
	InResponseTo string `xml:"InResponseTo,attr"`
	Destination  string `xml:"Destination,attr"`
	Top          struct {
		Value  string `xml:"Value,attr"`
		Second struct {
			Value string `xml:"Value,attr"`
		} `xml:"StatusCode"`
	} `xml:"Status>StatusCode"`
	Signature  *struct{} `xml:"http://www.w3.org/2000/09/xmldsig# Signature"`
	Assertions []struct {
		ID     string `xml:"ID,attr"`
		NameID struct {
			Format string `xml:"Format,attr"`
			Value  string `xml:",chardata"`
		} `xml:"Subject>NameID"`
		Audience []string `xml:"Conditions>AudienceRestriction>Audience"`
	} `xml:"Assertion"`
}

func read(t testing.TB, p idptest.Posted) message {
	t.Helper()
	var m message
	if err := xml.Unmarshal(p.SAMLResponse, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// told asserts SAML-ERR(top, second): a signed Response without an assertion,
// to the ACS and in response to the request.
func told(t testing.TB, resp *http.Response, r samltest.Request, top, second string) idptest.Posted {
	t.Helper()
	p := idptest.ReadPost(t, resp)
	m := read(t, p)
	if m.Top.Value != statusPrefix+top || m.Top.Second.Value != statusPrefix+second {
		t.Errorf("status %s, %s, want %s, %s", m.Top.Value, m.Top.Second.Value, top, second)
	}
	if len(m.Assertions) != 0 || m.Signature == nil {
		t.Errorf("%d assertions, signature %v in %s", len(m.Assertions), m.Signature, p.SAMLResponse)
	}
	if m.InResponseTo != r.ID || p.ACS != "https://sp-b.test/acs" || m.Destination != p.ACS {
		t.Errorf("InResponseTo %q, Destination %q, posted to %q", m.InResponseTo, m.Destination, p.ACS)
	}
	return p
}

// assertion asserts that a page takes one assertion to a service provider and
// returns its ID.
func assertion(t testing.TB, resp *http.Response) string {
	t.Helper()
	m := read(t, idptest.ReadPost(t, resp))
	if len(m.Assertions) != 1 || m.Top.Value != statusPrefix+"Success" {
		t.Fatalf("%d assertions with status %s", len(m.Assertions), m.Top.Value)
	}
	return m.Assertions[0].ID
}

// refusedPage asserts an error page of a status whose log line has a reason.
func refusedPage(t testing.TB, i *idptest.IdP, resp *http.Response, status int, reason idp.Code) string {
	t.Helper()
	body := idptest.Body(t, resp)
	if resp.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", resp.StatusCode, status, body)
	}
	if strings.Contains(body, "SAMLResponse") {
		t.Errorf("an answer to the service provider in %s", body)
	}
	reasons := i.Log.Reasons()
	if len(reasons) == 0 || reasons[len(reasons)-1] != string(reason) {
		t.Errorf("reasons %v, want %s last", reasons, reason)
	}
	return body
}

// pageForm is the form of an error page: the way on.
func pageForm(t testing.TB, body string) (action string, fields url.Values) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	fields = url.Values{}
	for n := range doc.Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		switch {
		case n.Type == html.ElementNode && n.Data == "form":
			action = attr["action"]
		case n.Type == html.ElementNode && n.Data == "input":
			fields.Set(attr["name"], attr["value"])
		}
	}
	if action == "" {
		t.Fatalf("no form in %s", body)
	}
	return action, fields
}

// phoneRefused asserts that a phone's call failed with a status and a code.
func phoneRefused(t testing.TB, err error, status int, code idp.Code) {
	t.Helper()
	p := asProblem(err)
	if p == nil || p.Status != status || p.Code != code {
		t.Errorf("phone got %v, want %d %s", err, status, code)
	}
}
