package conformance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// visit is one case: a person with a new browser and a phone.
type visit struct {
	testing.TB
	*world
	browser *idptest.Browser
	user    *idp.User
	phone   *phone.Phone
}

func (w *world) visit(t testing.TB) *visit {
	t.Helper()
	user := w.person()
	address := func(kind int) string { return fmt.Sprintf("10.%d.%d.%d", kind, w.people/250, w.people%250) }
	return &visit{t, w, w.idp.Browser(address(1)), user, w.idp.Phone(user, address(2))}
}

// redirect sends a request by HTTP-Redirect and returns the page that it leads
// to: of the login, with an answer, or of an error.
func (v *visit) redirect(r samltest.Request, relay ...string) *http.Response {
	v.Helper()
	return v.query(samltest.RedirectQuery(r.XML(), first(relay)))
}

// query is redirect with a query of which every byte is chosen.
func (v *visit) query(query string) *http.Response {
	v.Helper()
	return v.follow(v.browser.Get(v.ours.sso[bindingRedirect] + "?" + query))
}

// post sends a message by HTTP-POST and returns the page that it leads to.
func (v *visit) post(p *party, message string, relay ...string) *http.Response {
	v.Helper()
	return v.form(p, samltest.POSTBody(message, first(relay)))
}

// form is post with a body of which every byte is chosen.
func (v *visit) form(p *party, body []byte) *http.Response {
	v.Helper()
	return v.follow(v.browser.PostFrom(p.acs, v.ours.sso[bindingPOST], body))
}

func first(list []string) *string {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

func (v *visit) follow(resp *http.Response) *http.Response {
	v.Helper()
	if resp.StatusCode == http.StatusSeeOther {
		resp = v.browser.Get(resp.Header.Get("Location"))
	}
	return resp
}

// scan shows a code on the login page and claims it with the phone.
func (v *visit) scan(page *http.Response) (sid string, req *phone.Request) {
	v.Helper()
	id := page.Request.URL.Query().Get("l")
	if page.StatusCode != http.StatusOK || id == "" {
		v.Fatalf("not the login page: %d %s\n%s", page.StatusCode, page.Request.URL, idptest.Body(v, page))
	}
	view := v.browser.NewCode(id)
	req, err := v.phone.Claim(v.Context(), view.Frames[0].URL)
	must(v, err)
	return view.SID, req
}

// approve is the yes on the phone, and the answer.
func (v *visit) approve(page *http.Response) answer {
	v.Helper()
	sid, req := v.scan(page)
	_, err := v.phone.Approve(v.Context(), req)
	must(v, err)
	return v.read(v.browser.Finish(sid, idptest.RandomKey()))
}

// deny is the no on the phone, and the answer.
func (v *visit) deny(page *http.Response) answer {
	v.Helper()
	sid, req := v.scan(page)
	must(v, v.phone.Deny(v.Context(), req, "not_me"))
	return v.read(v.browser.Finish(sid, idptest.RandomKey()))
}

// goesOn is what the login page does by itself where a session may do; false: it
// asks, or that leads back to it.
func (v *visit) goesOn(page *http.Response) (answer, bool) {
	v.Helper()
	body := idptest.Body(v, page)
	_, after, found := strings.Cut(body, `action="/login/continue"`)
	if !found {
		return answer{}, false
	}
	_, after, _ = strings.Cut(after, `name="l" value="`)
	id, _, _ := strings.Cut(after, `"`)
	resp := v.browser.PostForm("/login/continue", url.Values{"l": {id}})
	if resp.StatusCode == http.StatusSeeOther {
		return answer{}, false
	}
	return v.read(resp), true
}

// answer is what a service provider is sent.
type answer struct {
	idptest.Posted
	root *etree.Element
	page *http.Response
}

// read reads the page that carries an answer.
func (v *visit) read(page *http.Response) answer {
	v.Helper()
	p := idptest.ReadPost(v, page)
	return answer{p, parse(v, p.SAMLResponse), page}
}

// rejected checks that a request was refused by us alone: an error of HTTP, no
// message, and no way to anywhere else.
func (v *visit) rejected(page *http.Response) {
	v.Helper()
	body := idptest.Body(v, page)
	if page.StatusCode < 400 || page.StatusCode > 499 || page.Header.Get("Location") != "" {
		v.Fatalf("status %d, Location %q: %.2000s", page.StatusCode, page.Header.Get("Location"), body)
	}
	doc, err := html.Parse(strings.NewReader(body))
	must(v, err)
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if a.Val == "SAMLResponse" {
				v.Error("a message to a service provider")
			}
			to, err := url.Parse(a.Val)
			leads := a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "content"
			if leads && (err != nil || to.Host != "" && "https://"+to.Host != idptest.Base) {
				v.Errorf("<%s %s=%q> leads elsewhere", n.Data, a.Key, a.Val)
			}
		}
	}
}
