package functions_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/apigw"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
)

// deployment is all functions behind a gateway.
type deployment map[string]*lambdaruntime.Function

// RoundTrip sends a request to the function that has its route.
func (d deployment) RoundTrip(r *http.Request) (*http.Response, error) {
	name, gateway := functionOf(r.URL.Path), apigw.Gateway{}
	if name == "admin" {
		gateway.Caller = "arn:aws:iam::111122223333:user/ops"
	}
	return apigw.Transport{Gateway: gateway, Invoke: func(_ context.Context, event json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
		return d[name].Invoke(event)
	}}.RoundTrip(r)
}

func functionOf(path string) string {
	for _, route := range []struct{ prefix, function string }{
		{"/v1/login/", "qrsession"}, {"/v1/approvals/", "approval"}, {"/v1/enroll/", "enroll"},
		{"/v1/admin/", "admin"}, {"/saml/metadata", "metadata"},
	} {
		if strings.HasPrefix(path, route.prefix) {
			return route.function
		}
	}
	return "sso"
}

// TestSignInThroughTheFunctions administers, enrolls and signs in with nothing
// but the six deployed programs.
func TestSignInThroughTheFunctions(t *testing.T) {
	bin := build(t)
	cloud := newCloud(t)
	env := append(cloud.env(), "LATCHKEY_PUBLIC_URL="+idptest.Base)
	d := deployment{}
	for _, name := range names {
		d[name] = lambdaruntime.Start(t, filepath.Join(bin, name), env...)
	}
	client := &http.Client{Transport: d}

	link := administer(t, client)
	ana, err := phone.Enroll(t.Context(), phone.Deps{HTTP: client, Random: rand.Reader, Clock: time.Now}, link, "Ana's phone")
	if err != nil {
		t.Fatal(err)
	}
	b := (&idptest.IdP{T: t}).Browser("")
	b.Server = d
	// The first request makes the signing key's certificate and the secrets.
	if resp := b.Get("/saml/metadata"); resp.StatusCode != http.StatusOK {
		t.Fatalf("metadata: %d %s", resp.StatusCode, idptest.Body(t, resp))
	}
	before := cloud.kms.Signatures()

	relay := "where=/payroll"
	view := b.Login(b.Start(samltest.RedirectQuery(samltest.B().Request(time.Now()).XML(), &relay)))
	req, err := ana.Claim(t.Context(), view.Frames[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ana.Approve(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if view = b.Poll(view.SID); view.Hint != "confirm_user" {
		t.Fatalf("view after the approval: %+v", view)
	}
	posted := idptest.ReadPost(t, b.Finish(view.SID, idptest.RandomKey()))
	if posted.ACS != samltest.B().ACS[0].Location || posted.RelayState != relay || !strings.Contains(string(posted.SAMLResponse), "ana@example.com") {
		t.Errorf("posted to %s with RelayState %q: %s", posted.ACS, posted.RelayState, posted.SAMLResponse)
	}
	if n := cloud.kms.Signatures() - before; n != 1 {
		t.Errorf("%d signatures for one sign-in, want 1", n)
	}
}

// administer registers an application and a person through the admin API, and
// returns an invite.
func administer(t *testing.T, client *http.Client) (link string) {
	t.Helper()
	api, err := adminclient.New(idptest.Base, client, func(*http.Request, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	name, nameID := "Payroll", "emailAddress = email"
	_, err = api.AddServiceProvider(t.Context(), adminapi.NewServiceProvider{
		Settings: adminapi.Settings{Name: &name, NameID: &nameID},
		EntityID: samltest.B().EntityID, ACSURL: samltest.B().ACS[0].Location, Preset: "generic",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.AddUser(t.Context(), adminapi.NewUser{Email: "ana@example.com", GivenName: "Ana", FamilyName: "Kovač"}); err != nil {
		t.Fatal(err)
	}
	invite, err := api.Invite(t.Context(), adminapi.NewInvite{User: "ana@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return invite.URL
}
