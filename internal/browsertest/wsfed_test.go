//go:build browser

package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestWSFed: what a browser makes of an answer that is XML, not base64, in a
// form. It sends every line break as CR LF; the signature has to hold.
func TestWSFed(t *testing.T) {
	const wctx = `ru=/a?b=c&d="<'>+%20 ✓`
	i := idptest.NewLive(t)
	dana := i.AddUser("dana@example.com", "Dana\nof the\r\nlines", `"<Novák> & 'Söhne'"`)
	phone := i.Phone(dana, "127.0.0.2")
	var mu sync.Mutex
	var posted url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost && r.ParseForm() == nil {
			posted = r.PostForm
		}
		writePage(w, "Portal", "signed in")
	}))
	t.Cleanup(server.Close)
	const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	must(t, i.Store.SaveServiceProvider(context.Background(), &idp.ServiceProvider{
		EntityID: "urn:portal", Slug: "portal", Name: "Portal", Protocol: idp.ProtocolWSFed, NameID: "emailAddress = email",
		Attributes: []string{claims + "givenname = givenName", claims + "surname = familyName"},
		ACS:        []idp.Endpoint{{Binding: idp.BindingPOST, Location: server.URL + "/_trust/"}},
	}))
	b := chrome.Open(t, host(t, i.URL), host(t, server.URL))
	b.Open(i.URL + "/wsfed?" + url.Values{"wa": {"wsignin1.0"}, "wtrealm": {"urn:portal"}, "wctx": {wctx}}.Encode())
	b.Waiting()
	req, err := phone.Claim(context.Background(), b.Camera())
	must(t, err)
	_, err = phone.Approve(context.Background(), req)
	must(t, err)
	b.Notice("Continue as "+dana.Masked()+"?", "Is this you? - Portal")
	b.Click("#notice-first")
	b.Until(`document.title === "Portal"`)
	mu.Lock()
	defer mu.Unlock()
	if len(posted) != 3 || posted.Get("wa") != "wsignin1.0" || posted.Get("wctx") != wctx {
		t.Fatalf("posted %v", posted)
	}
	wresult := posted.Get("wresult")
	if !strings.Contains(wresult, "Dana\r\nof the&#xD;\r\nlines") {
		t.Errorf("the line breaks are others than thought: %.3000s", wresult)
	}
	schematest.VerifySignature(t, []byte(wresult), schematest.PEM(i.Cert.Raw), "AssertionID:Assertion")
}
