package adminclient_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/adminclient/awsauth"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

func client(t *testing.T, auth adminclient.Authorizer, h http.HandlerFunc) *adminclient.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := adminclient.New(srv.URL, srv.Client(), auth)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com/": true, "http://localhost:8080": true, "http://127.0.0.1:8080": true,
		"http://id.example.com": false, "id.example.com": false, "https://id.example.com/v1": false, "https://user@id.example.com": false, "": false,
	} {
		if _, err := adminclient.New(address, http.DefaultClient, adminclient.Bearer(idp.Secret("t"))); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestCredentialsStayAtTheirServer(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer other.Close()
	c := client(t, adminclient.Bearer(idp.Secret("secret")), func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("Authorization %q", r.Header.Get("Authorization"))
		}
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	if _, err := c.Status(t.Context()); err == nil {
		t.Error("no error")
	}
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	c := client(t, adminclient.Bearer(idp.Secret("t")), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") == "" {
			_, _ = io.WriteString(w, `{"items":[{"email":"ana@example.com"}],"after":"a b&c"}`)
			return
		}
		if got := r.URL.Query().Get("after"); got != "a b&c" {
			t.Errorf("cursor %q", got)
		}
		_, _ = io.WriteString(w, `{"items":[{"email":"bor@example.com"}]}`)
	})
	users, err := c.Users(t.Context())
	if err != nil || len(users) != 2 {
		t.Errorf("%d users, %v", len(users), err)
	}
}

func TestProblems(t *testing.T) {
	for name, tt := range map[string]struct {
		status     int
		body, want string
	}{
		"input":          {422, `{"code":"invalid","detail":"row 3: no","trace":"T"}`, "row 3: no"},
		"outage":         {503, `{"code":"busy","detail":"Please try again in a moment.","trace":"T1"}`, "Please try again in a moment. (503 busy, reference T1)"},
		"credentials":    {401, `{"code":"unauthorized"}`, "the server does not accept these credentials; check LATCHKEY_URL and LATCHKEY_ADMIN_TOKEN"},
		"not of our own": {502, `<html>Bad gateway</html>`, "the server answered Bad Gateway (502)"},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, adminclient.Bearer(idp.Secret("t")), func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := c.Status(t.Context())
			var p *adminclient.Problem
			if !errors.As(err, &p) || err.Error() != tt.want || p.Status != tt.status {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestAWSSignature(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	auth := awsauth.Sign(credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "TEST ONLY", "token"), "eu-central-1", func() time.Time { return now })
	c := client(t, auth, func(w http.ResponseWriter, r *http.Request) {
		got := r.Header.Get("Authorization")
		if !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-central-1/execute-api/aws4_request, SignedHeaders=") ||
			r.Header.Get("X-Amz-Date") != "20261122T120000Z" || r.Header.Get("X-Amz-Security-Token") != "token" {
			t.Errorf("Authorization %q, headers %v", got, r.Header)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	if _, err := c.SignOut(t.Context(), "ABC", ""); err != nil {
		t.Error(err)
	}
}
