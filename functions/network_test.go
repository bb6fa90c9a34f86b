package functions_test

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/adminclient/awsauth"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// administrator calls the admin API with signed requests.
func administrator(t *testing.T, c *cloud.Cloud) *adminclient.Client {
	t.Helper()
	key := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "TESTONLY", SecretAccessKey: "TEST ONLY"}, nil
	})
	api, err := adminclient.New(cloud.URL, &http.Client{Transport: c.Transport("127.0.0.1")}, awsauth.Sign(key, sam.Region, time.Now))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// invited registers an application and a person, and returns the person's invite.
func invited(t *testing.T, api *adminclient.Client) (link string) {
	t.Helper()
	name, nameID := "Payroll", "emailAddress = email"
	_, err := api.AddServiceProvider(t.Context(), adminapi.NewServiceProvider{
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

// enrolled registers an application and a person, who sets up a phone.
func enrolled(t *testing.T, c *cloud.Cloud) *phone.Phone {
	t.Helper()
	return enrolledBy(t, c, c.Transport("127.0.0.2"))
}

// enrolledBy is enrolled with a phone that calls by way of a transport.
func enrolledBy(t *testing.T, c *cloud.Cloud, calls http.RoundTripper) *phone.Phone {
	t.Helper()
	deps := phone.Deps{HTTP: &http.Client{Transport: calls}, Random: rand.Reader, Clock: time.Now}
	ana, err := phone.Enroll(t.Context(), deps, invited(t, administrator(t, c)), "Ana's phone")
	if err != nil {
		t.Fatal(err)
	}
	return ana
}

// browser is one that reaches the deployment through the network.
func browser(t *testing.T, c *cloud.Cloud) *idptest.Browser {
	b := (&idptest.IdP{T: t}).Browser("")
	b.Server = c.Transport("127.0.0.3")
	return b
}

// approved begins a sign-in and lets the phone approve it; finishing is left.
func approved(t *testing.T, b *idptest.Browser, ana *phone.Phone, relay *string) (sid string) {
	t.Helper()
	r := samltest.B().Request(time.Now())
	r.ID = "_" + idptest.RandomKey()
	view := b.Login(b.Start(samltest.RedirectQuery(r.XML(), relay)))
	req, err := ana.Claim(t.Context(), view.Frames[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ana.Approve(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	return view.SID
}

// TestSignInThroughTheNetwork administers, enrolls and signs in with nothing
// but the deployed programs behind HTTPS. One sign-in is one signature.
func TestSignInThroughTheNetwork(t *testing.T) {
	c := cloud.Start(t, cloud.Options{})
	ana, b := enrolled(t, c), browser(t, c)
	// The first request makes the signing key's certificate and the secrets.
	if resp := b.Get("/saml/metadata"); resp.StatusCode != http.StatusOK {
		t.Fatalf("metadata: %d %s", resp.StatusCode, idptest.Body(t, resp))
	}
	before, relay := c.KMS.Signatures(), "where=/payroll"
	sid := approved(t, b, ana, &relay)
	if view := b.Poll(sid); view.Hint != "confirm_user" {
		t.Fatalf("view after the approval: %+v", view)
	}
	posted := idptest.ReadPost(t, b.Finish(sid, idptest.RandomKey()))
	if posted.ACS != samltest.B().ACS[0].Location || posted.RelayState != relay || !strings.Contains(string(posted.SAMLResponse), "ana@example.com") {
		t.Errorf("posted to %s with RelayState %q: %s", posted.ACS, posted.RelayState, posted.SAMLResponse)
	}
	if n := c.KMS.Signatures() - before; n != 1 {
		t.Errorf("%d signatures for one sign-in, want 1", n)
	}
	if _, ok := b.Cookies["__Host-ss"]; !ok {
		t.Errorf("cookies %v", b.Cookies)
	}
}

// get fetches a path exactly as it is written.
func get(t *testing.T, c *cloud.Cloud, path string, header ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cloud.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = path
	if strings.HasPrefix(path, "//") { // else taken for a host
		r.URL.Opaque = cloud.URL + path
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	resp, err := c.Transport("127.0.0.4").RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// TestPaths: no way of writing a path leads to administration, or to anything
// that the plain path does not lead to.
func TestPaths(t *testing.T) {
	c := cloud.Start(t, cloud.Options{})
	_, plain := get(t, c, "/v1/config/public")
	for path, same := range map[string]bool{
		"/v1/config/public": true, "/v1/config/publi%63": true, "/v1%2fconfig%2fpublic": false,
		"/prod/v1/config/public": false, "/$default/v1/config/public": false, "//v1/config/public": false, "/v1//config/public": false,
		"/v1/config/public/": false, "/v1/./config/public": false, "/saml/%2e%2e/v1/config/public": false, "/saml/../v1/config/public": false,
		"/V1/config/public": false, "/v1/config/public;x": false, "/v1/config/public%00": false, "/v1/config\\public": false,
	} {
		t.Run("L2 "+path, func(t *testing.T) {
			if status, body := get(t, c, path); (body == plain && status == http.StatusOK) != same || !same && status != http.StatusNotFound {
				t.Errorf("%d %.200s", status, body)
			}
		})
	}
	for _, path := range []string{
		"/v1/admin/status", "/v1/%61dmin/status", "/v1/admin%2fstatus", "/v1/admin//status", "//v1/admin/status", "/prod/v1/admin/status",
		"/saml/metadata/%2e%2e%2f%2e%2e%2fv1%2fadmin%2fstatus", "/saml/metadata/../../v1/admin/status", "/saml/launch/..%2f..%2fv1%2fadmin%2fstatus",
		"/assets/..%2fv1%2fadmin%2fstatus", "/v1/admin/", "/v1/admin", "/v1/admin/users/x/signout", "/v1/admin/signout", "/v1/login/sessions/..%2f..%2fadmin%2fstatus",
	} {
		t.Run("L2 not administration "+path, func(t *testing.T) {
			status, body := get(t, c, path)
			if status != http.StatusForbidden && status != http.StatusNotFound || strings.Contains(body, "service_providers") || strings.Contains(body, "issuers") {
				t.Errorf("%d %.200s", status, body)
			}
		})
	}
}

// TestAddressOfTheClient: the log has the address that the gateway saw.
func TestAddressOfTheClient(t *testing.T) {
	t.Run("L3 A50 spoofed headers", func(t *testing.T) {
		c := cloud.Start(t, cloud.Options{})
		status, _ := get(t, c, "/v1/config/public",
			"X-Forwarded-For", "1.2.3.4", "Forwarded", "for=1.2.3.4", "X-Real-IP", "1.2.3.4", "True-Client-IP", "1.2.3.4",
			"CloudFront-Viewer-Address", "1.2.3.4:5", "X-Forwarded-Host", "evil.test", "Via", "1.2.3.4")
		if log := c.Output("metadata"); status != http.StatusOK || !strings.Contains(log, `"ip":"127.0.0.4"`) || strings.Contains(log, "1.2.3.4") || strings.Contains(log, "evil.test") {
			t.Errorf("%d\n%s", status, log)
		}
	})
}
