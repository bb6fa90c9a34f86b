package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestWSFedIsToldOfASignOut: by a visit of the browser, which nobody answers, so
// that nobody claims that it has worked.
func TestWSFedIsToldOfASignOut(t *testing.T) {
	i := withWSFed(idptest.New(t))
	alice := newPerson(i, i.Alice)
	location := startWSFed(alice.Browser, portal, "wctx=x")
	readToken(t, alice.Finish(alice.approve(location).SID, idptest.RandomKey()), portalReply)
	page := alice.PostForm("/logout/start", nil).Header.Get("Location")
	id := logoutOf(page)
	v := &visit{person: alice}
	if s := v.state(id); !s.Pending || len(s.Outcomes) != 1 {
		t.Fatalf("state %+v", s)
	}
	signs := i.Key.Signs()
	resp := v.frame(id, "0")
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, portalReply) || !strings.HasSuffix(to, "wa=wsignoutcleanup1.0") || i.Key.Signs() != signs {
		t.Errorf("%d to %s", resp.StatusCode, to)
	}
	if s := v.state(id); s.Pending || !s.Partial || s.Outcomes[0] != "asked" {
		t.Errorf("state %+v", s)
	}
	if body := idptest.Body(t, alice.Get(page)); !strings.Contains(body, "Was told; it does not answer") || strings.Contains(body, "<iframe") {
		t.Errorf("page: %s", body)
	}
}
