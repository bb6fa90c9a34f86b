package app_test

import (
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func TestSignInFromRequestToResponse(t *testing.T) {
	i := idptest.New(t)
	phone := i.Phone(i.Alice, "203.0.113.7")
	b := i.Browser("203.0.113.8")
	relay := "state=1&x=\"<>"

	location := b.Start(samltest.RedirectQuery(samltest.B().Request(i.Clock.Now()).XML(), &relay))
	view := b.Login(location)
	if view.Status != idp.StateCreated || len(view.Frames) != 4 {
		t.Fatalf("view after create: %+v", view)
	}
	req, err := phone.Claim(t.Context(), view.Frames[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := phone.Approve(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	view = b.Poll(view.SID)
	if view.Hint != "confirm_user" || view.ContinueAs == nil || *view.ContinueAs != "A...e A..." {
		t.Fatalf("view after approval: %+v", view)
	}
	posted := idptest.ReadPost(t, b.Finish(view.SID, idptest.RandomKey()))
	if posted.ACS != "https://sp-b.test/acs" || posted.RelayState != relay {
		t.Errorf("posted to %q with RelayState %q", posted.ACS, posted.RelayState)
	}
	if !strings.Contains(string(posted.SAMLResponse), "alice@example.com") {
		t.Errorf("no NameID in %s", posted.SAMLResponse)
	}
	if n := i.Key.Signs(); n != 1 {
		t.Errorf("%d signatures for one sign-in, want 1", n)
	}
}
