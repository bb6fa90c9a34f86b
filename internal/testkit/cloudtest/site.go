package cloudtest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/kmssigner"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

// Site stands in for what API Gateway and the functions of a stack answer.
type Site struct {
	*httptest.Server

	mu    sync.Mutex
	looks Looks
}

// Looks is how a site answers.
type Looks struct {
	Metadata               []byte // empty: 500
	Health, Admin, Unknown int    // status without credentials
	Around                 int    // status of who goes around CloudFront
	UnknownBody            string
	Status                 adminapi.Status // for those with credentials
	Ahead                  time.Duration   // of its clock
}

// NewSite starts one, on 127.0.0.1 with TLS, that answers as it should but has no
// metadata yet.
func NewSite(t testing.TB) *Site {
	t.Helper()
	s := &Site{looks: Looks{
		Around: http.StatusForbidden, Health: http.StatusOK, Admin: http.StatusForbidden, Unknown: http.StatusNotFound,
		UnknownBody: `{"message":"Not Found"}`,
	}}
	s.Server = httptest.NewTLSServer(s)
	s.looks.Status.PublicURL = s.URL
	t.Cleanup(s.Close)
	return s
}

// Set changes how it answers.
func (s *Site) Set(change func(*Looks)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.looks)
}

// With answers otherwise while f runs.
func (s *Site) With(change func(*Looks), f func()) {
	s.mu.Lock()
	before := s.looks
	change(&s.looks)
	s.mu.Unlock()
	f()
	s.mu.Lock()
	s.looks = before
	s.mu.Unlock()
}

func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	looks := s.looks
	s.mu.Unlock()
	now := time.Now().Add(looks.Ahead)
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	switch r.URL.Path {
	case "/saml/metadata":
		if len(looks.Metadata) == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write(looks.Metadata)
	case "/v1/config/public":
		w.WriteHeader(looks.Around)
	case "/v1/healthz":
		w.WriteHeader(looks.Health)
	case "/v1/admin/status":
		if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
			w.WriteHeader(looks.Admin)
			return
		}
		looks.Status.ServerTime = idp.At(now)
		_ = json.NewEncoder(w).Encode(looks.Status)
	default:
		w.WriteHeader(looks.Unknown)
		_, _ = w.Write([]byte(looks.UnknownBody))
	}
}

// Identity is what metadata is made of.
type Identity struct {
	EntityID   string
	Signer     crypto.Signer
	NotAfter   time.Time // of the certificate
	ValidUntil time.Time // of the metadata
}

// Identity is one of the site with a key in KMS.
func (s *Site) Identity(t testing.TB, client *kms.Client, arn string) Identity {
	t.Helper()
	key, err := kmssigner.Open(t.Context(), client, arn, nil)
	must(t, err)
	return Identity{
		EntityID: s.URL + "/saml/metadata", Signer: keys.Bind(t.Context(), key),
		NotAfter: time.Now().AddDate(10, 0, 0), ValidUntil: time.Now().Add(14 * 24 * time.Hour),
	}
}

// Certificate makes one.
func (i Identity) Certificate(t testing.TB) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "id"}, NotBefore: time.Now().AddDate(-20, 0, 0), NotAfter: i.NotAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, i.Signer.Public(), i.Signer)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return cert
}

// Metadata is the document, with more certificates after the identity's own.
func (i Identity) Metadata(t testing.TB, more ...*x509.Certificate) []byte {
	t.Helper()
	cert := i.Certificate(t)
	out, err := metadata.IdP{
		ID: fmt.Sprintf("_%d", time.Now().UnixNano()), EntityID: i.EntityID, SSOURL: "https://id.example.com/saml/sso",
		Certificates: append([]*x509.Certificate{cert}, more...), ValidUntil: i.ValidUntil.Truncate(time.Second),
	}.Sign(i.Signer, cert)
	must(t, err)
	return out
}
