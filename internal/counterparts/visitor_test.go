package counterparts_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// visitor is a person with a browser and a phone.
type visitor struct {
	t     *testing.T
	idp   *idptest.Live
	http  *http.Client
	phone *phone.Phone

	// key is the service provider's (PEM), where it wants encrypted answers:
	// one in plain then fails the test.
	key []byte
}

func newVisitor(t *testing.T, i *idptest.Live, p *phone.Phone) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := i.Client("127.0.0.1")
	client.Jar = jar
	v := &visitor{t: t, idp: i, http: client, phone: p}
	client.CheckRedirect = v.judgeRedirect
	return v
}

// page is what a browser shows.
type page struct {
	status int
	url    *url.URL
	body   string
}

// open goes to an address of a service provider, and from there to the
// identity provider, by redirect or by the form that it sends.
func (v *visitor) open(address string) page {
	v.t.Helper()
	p := v.get(address)
	if f, ok := readForm(v.t, p.body); ok && f.fields.Has("SAMLRequest") {
		p = v.submit(p, f)
	}
	return p
}

func (v *visitor) get(address string) page {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	must(v.t, err)
	return v.do(r)
}

// submit sends a form as it stands.
func (v *visitor) submit(from page, f form) page {
	v.t.Helper()
	to, err := from.url.Parse(f.action)
	must(v.t, err)
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, to.String(), strings.NewReader(f.fields.Encode()))
	must(v.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", from.url.Scheme+"://"+from.url.Host)
	return v.do(r)
}

func (v *visitor) do(r *http.Request) page {
	v.t.Helper()
	resp, err := v.http.Do(r)
	must(v.t, err)
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	must(v.t, err)
	return page{resp.StatusCode, resp.Request.URL, string(body)}
}

// session is what the login page knows of its code.
type session struct {
	SID    string
	Frames []struct{ URL string }
}

// scan does what the login page and then the phone do.
func (v *visitor) scan(p page) (session, *phone.Request) {
	v.t.Helper()
	id := p.url.Query().Get("l")
	if p.status != http.StatusOK || p.url.Path != "/login" || id == "" {
		v.t.Fatalf("not the login page: %d %s\n%.2000s\n%s", p.status, p.url, p.body, v.idp.Log)
	}
	body, err := json.Marshal(map[string]string{"login": id, "mode": "qr"})
	must(v.t, err)
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.idp.URL+"/v1/login/sessions", bytes.NewReader(body))
	must(v.t, err)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-Requested-By": "latchkey", "Origin": v.idp.URL,
		"Sec-Fetch-Site": "same-origin", "Idempotency-Key": idptest.RandomKey(),
	} {
		r.Header.Set(name, value)
	}
	answer := v.do(r)
	var s session
	if err := json.Unmarshal([]byte(answer.body), &s); err != nil || len(s.Frames) == 0 {
		v.t.Fatalf("no code: %d %s", answer.status, answer.body)
	}
	req, err := v.phone.Claim(context.Background(), s.Frames[0].URL)
	must(v.t, err)
	return s, req
}

// approve says yes on the phone and returns the answer that the identity
// provider sends to the application.
func (v *visitor) approve(p page) answer {
	v.t.Helper()
	s, req := v.scan(p)
	_, err := v.phone.Approve(context.Background(), req)
	must(v.t, err)
	return v.finish(p, s)
}

// deny says no on the phone and goes back to the application.
func (v *visitor) deny(p page) answer {
	v.t.Helper()
	s, req := v.scan(p)
	must(v.t, v.phone.Deny(context.Background(), req, "not_me"))
	return v.finish(p, s)
}

// goesOn does what the login page does by itself where a session may do; false: it
// asks the person, or that leads back to it.
func (v *visitor) goesOn(p page) (answer, bool) {
	v.t.Helper()
	f, ok := readForm(v.t, p.body)
	if !ok || f.action != "/login/continue" {
		return answer{}, false
	}
	next := v.submit(p, f)
	if next.url.Path == "/login" {
		return answer{}, false
	}
	return v.answerOn(next), true
}

// answer is a message on its way to a service provider.
type answer struct {
	page // of the identity provider
	form
	xml []byte
}

func (v *visitor) finish(p page, s session) answer {
	v.t.Helper()
	return v.answerOn(v.finished(p, s))
}

// finished is the page that takes the person on to the application.
func (v *visitor) finished(p page, s session) page {
	v.t.Helper()
	return v.submit(p, form{action: "/login/finish", fields: url.Values{"sid": {s.SID}, "finish_key": {idptest.RandomKey()}}})
}

// answerOn reads the message on a page of the identity provider, and has it
// judged by xmllint and xmlsec1.
func (v *visitor) answerOn(p page) answer {
	v.t.Helper()
	out, ok := readForm(v.t, p.body)
	if !ok || !out.fields.Has("SAMLResponse") {
		v.t.Fatalf("no answer: %d %s\n%s\n%s", p.status, p.url, p.body, v.idp.Log)
	}
	xml, err := base64.StdEncoding.DecodeString(out.fields.Get("SAMLResponse"))
	must(v.t, err)
	schematest.Validate(v.t, xml)
	v.verify(xml)
	exercised.message()
	return answer{p, out, xml}
}

// verify has xmlsec1 judge all signatures, of an encrypted answer after it has
// decrypted it.
func (v *visitor) verify(xml []byte) {
	v.t.Helper()
	cert := schematest.PEM(v.idp.Cert.Raw)
	if v.key == nil {
		schematest.VerifySignature(v.t, xml, cert)
		return
	}
	plain := string(schematest.Decrypt(v.t, xml, v.key))
	_, assertion, _ := strings.Cut(plain, "<saml:Assertion")
	schematest.VerifyEncrypted(v.t, [][]byte{xml}, v.key, cert, strings.Contains(assertion, "<ds:Signature "))
}

// deliver sends the answer to the service provider.
func (v *visitor) deliver(a answer) page {
	v.t.Helper()
	return v.submit(a.page, a.form)
}

// form is a form of a page.
type form struct {
	action string
	fields url.Values
}

// readForm reads the first form that is sent by POST.
func readForm(t *testing.T, body string) (form, bool) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	must(t, err)
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" && strings.EqualFold(attribute(n, "method"), "post") {
			return form{attribute(n, "action"), fields(n)}, true
		}
	}
	return form{}, false
}

func fields(of *html.Node) url.Values {
	out := url.Values{}
	for n := range of.Descendants() {
		if n.Type != html.ElementNode || attribute(n, "name") == "" {
			continue
		}
		switch n.Data {
		case "input", "button":
			out.Add(attribute(n, "name"), attribute(n, "value"))
		case "textarea":
			value := ""
			if n.FirstChild != nil {
				value = n.FirstChild.Data
			}
			out.Add(attribute(n, "name"), value)
		}
	}
	return out
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func encode(xml string) string { return base64.StdEncoding.EncodeToString([]byte(xml)) }
