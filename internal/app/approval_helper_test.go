package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// Addresses of the tests: two networks for phones, one for the screen.
const (
	screenIP = "203.0.113.8"
	phoneIP  = "198.51.100.7"
	otherIP  = "192.0.2.99"
)

// refused fails the test unless the answer is a problem with this status and code.
func refused(t testing.TB, r *http.Response, status int, code idp.Code) idptest.Problem {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("%d %s, want %d %s", r.StatusCode, idptest.Body(t, r), status, code)
	}
	p := idptest.ReadProblem(t, r)
	if p.Code != code {
		t.Fatalf("code %q, want %q", p.Code, code)
	}
	return p
}

// accepted fails the test unless the answer has this status.
func accepted(t testing.TB, r *http.Response, status int) {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("%d %s, want %d", r.StatusCode, idptest.Body(t, r), status)
	}
}

// lastReason is the log's reason of the last request.
func lastReason(i *idptest.IdP) string {
	reasons := i.Log.Reasons()
	return reasons[len(reasons)-1]
}

// pageRefused fails the test unless the answer is a page with this status, the
// log has this reason, and no SAML message is in it.
func pageRefused(t testing.TB, i *idptest.IdP, r *http.Response, status int, code idp.Code) string {
	t.Helper()
	body := idptest.Body(t, r)
	if r.StatusCode != status || lastReason(i) != string(code) {
		t.Fatalf("%d with reason %q, want %d %s: %s", r.StatusCode, lastReason(i), status, code, body)
	}
	if strings.Contains(body, "SAMLResponse") {
		t.Fatalf("a refusal with a SAML message: %s", body)
	}
	return body
}

func loginOf(t testing.TB, i *idptest.IdP, sid string) *idp.Login {
	t.Helper()
	l, err := i.Store.Login(t.Context(), i.Session(sid).Login)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
