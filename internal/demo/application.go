package demo

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlsp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/latchkey-idp/latchkey/internal/login"
)

// application is the demo's service provider. All of its SAML is crewjam's;
// the demo adds the pages and keeps the sessions.
type application struct {
	demo     *Demo
	saml     *samlsp.Middleware
	sessions *sessions
	pages    *pages

	signers []*x509.Certificate // of the identity provider
}

// newApplication makes the service provider from the identity provider's
// metadata, which it fetches as any service provider does.
func newApplication(ctx context.Context, d *Demo) (*application, error) {
	own, err := url.Parse(d.App)
	if err != nil {
		return nil, fmt.Errorf("parse own address: %w", err)
	}
	theirs, err := url.Parse(d.IDP + "/saml/metadata")
	if err != nil {
		return nil, fmt.Errorf("parse identity provider's address: %w", err)
	}
	metadata, err := samlsp.FetchMetadata(ctx, d.http, *theirs)
	if err != nil {
		return nil, fmt.Errorf("fetch the identity provider's metadata: %w", err)
	}
	key, cert, err := applicationKey(d.opt.Clock())
	if err != nil {
		return nil, err
	}
	opts := samlsp.Options{
		EntityID: d.App + "/saml/metadata", URL: *own, Key: key, Certificate: cert,
		IDPMetadata: metadata, SignRequest: true, CookieSameSite: http.SameSiteLaxMode,
	}
	m, err := samlsp.New(opts)
	if err != nil {
		return nil, fmt.Errorf("make service provider: %w", err)
	}
	a := &application{demo: d, saml: m, sessions: newSessions(d.opt.Random)}
	if a.signers, err = signersOf(metadata); err != nil {
		return nil, err
	}
	m.Session = a.sessions
	m.OnError = a.refused
	m.ServiceProvider.SignatureMethod = dsig.RSASHA256SignatureMethod // samlsp's own choice is SHA-1
	m.ServiceProvider.AuthnNameIDFormat = saml.EmailAddressNameIDFormat
	// samlsp forgets a request after 90 seconds; people may take the whole
	// life of a sign-in.
	codec := samlsp.DefaultTrackedRequestCodec(opts)
	codec.MaxAge = login.LoginLife
	tracker := samlsp.DefaultRequestTracker(opts, &m.ServiceProvider)
	tracker.Codec, tracker.MaxAge = codec, login.LoginLife
	m.RequestTracker = tracker
	return a, nil
}

// applicationKey makes the key that signs the application's requests, new at
// each start. The standard library reads its own randomness for RSA keys.
func applicationKey(now time.Time) (*rsa.PrivateKey, *x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, fmt.Errorf("make the application's key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: appName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, fmt.Errorf("make the application's certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("make the application's certificate: %w", err)
	}
	return key, cert, nil
}

// signersOf are the certificates that an identity provider's metadata publishes.
func signersOf(m *saml.EntityDescriptor) (certs []*x509.Certificate, err error) {
	for _, role := range m.IDPSSODescriptors {
		for _, key := range role.KeyDescriptors {
			for _, c := range key.KeyInfo.X509Data.X509Certificates {
				der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c.Data), ""))
				if err != nil {
					return nil, fmt.Errorf("read the identity provider's certificate: %w", err)
				}
				cert, err := x509.ParseCertificate(der)
				if err != nil {
					return nil, fmt.Errorf("read the identity provider's certificate: %w", err)
				}
				if key.Use != "encryption" {
					certs = append(certs, cert)
				}
			}
		}
	}
	return certs, nil
}

// metadata is what an administrator gives to `latchkey sp add`.
func (a *application) metadata() ([]byte, error) {
	m := a.saml.ServiceProvider.Metadata()
	for i := range m.SPSSODescriptors {
		signed := true
		m.SPSSODescriptors[i].AuthnRequestsSigned = &signed
		m.SPSSODescriptors[i].SingleLogoutServices = []saml.Endpoint{{Binding: saml.HTTPRedirectBinding, Location: a.sloURL()}}
	}
	doc, err := xml.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the application's metadata: %w", err)
	}
	return doc, nil
}

func (a *application) handler(p *pages) http.Handler {
	a.pages = p
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.Handle("GET /sign-in", a.saml.RequireAccount(http.RedirectHandler("/", http.StatusSeeOther)))
	mux.HandleFunc("POST /sign-out", a.signOut)
	mux.HandleFunc("GET /saml/metadata", a.saml.ServeMetadata)
	mux.HandleFunc("POST /saml/acs", a.saml.ServeACS)
	mux.HandleFunc("GET "+sloPath, a.singleLogout)
	mux.Handle("/assets/", p.assets)
	return p.guard(a.demo.App, mux, a.demo.IDP)
}

type homePage struct {
	App     string
	Command string // that approves
	Phone   string // address of the demo phone
	Session *sessionView
}

// sessionView is what the application has learned from the assertion.
type sessionView struct {
	Greeting, NameID, Format string
	Attributes               []attributeView
	Issuer, Class, Index     string
	SignedInAt               string
}

type attributeView struct {
	Name, FriendlyName string
	Values             []string
}

func (a *application) home(w http.ResponseWriter, r *http.Request) {
	page := homePage{App: appName, Command: a.demo.Command("approve"), Phone: a.demo.Phone}
	if assertion := a.sessions.of(r); assertion != nil {
		page.Session = describe(assertion)
	}
	a.pages.show(w, http.StatusOK, "home.html", page)
}

// describe reads the assertion that samlsp has verified.
func describe(assertion *saml.Assertion) *sessionView {
	v := &sessionView{Issuer: assertion.Issuer.Value}
	if assertion.Subject != nil && assertion.Subject.NameID != nil {
		v.NameID, v.Format = assertion.Subject.NameID.Value, last(assertion.Subject.NameID.Format)
	}
	for _, statement := range assertion.AttributeStatements {
		for _, attribute := range statement.Attributes {
			view := attributeView{Name: attribute.Name, FriendlyName: attribute.FriendlyName}
			for _, value := range attribute.Values {
				view.Values = append(view.Values, value.Value)
			}
			if view.FriendlyName == "givenName" && len(view.Values) > 0 {
				v.Greeting = view.Values[0]
			}
			v.Attributes = append(v.Attributes, view)
		}
	}
	for _, statement := range assertion.AuthnStatements {
		v.Index, v.SignedInAt = statement.SessionIndex, statement.AuthnInstant.UTC().Format("2 January 2006, 15:04:05 UTC")
		if class := statement.AuthnContext.AuthnContextClassRef; class != nil {
			v.Class = class.Value
		}
	}
	return v
}

func last(urn string) string { return urn[strings.LastIndex(urn, ":")+1:] }

type refusedPage struct {
	App, Title, Words string
	Codes             []string // SAML status codes, short; empty: not an answer of the identity provider
}

// refused shows why nobody was signed in: an answer of the identity provider
// without an assertion, or one that samlsp does not accept.
func (a *application) refused(w http.ResponseWriter, r *http.Request, err error) {
	page := refusedPage{App: appName, Title: "You could not be signed in", Words: "The answer of the identity provider was not accepted. Sign in once more."}
	status := http.StatusForbidden
	var invalid *saml.InvalidResponseError
	var bad saml.ErrBadStatus
	switch {
	case errors.As(err, &invalid) && errors.As(invalid.PrivateErr, &bad):
		page.Codes = statusCodes(invalid.Response)
		page.Title, page.Words = wordsOf(page.Codes)
		status = http.StatusOK
	case errors.As(err, &invalid):
		a.demo.log.WarnContext(r.Context(), "demo application refused a response", "err", invalid.PrivateErr)
	default:
		a.demo.log.WarnContext(r.Context(), "demo application failed", "err", err)
		page.Words = "This answer belongs to no sign-in of this browser, or it took too long. Sign in once more."
	}
	a.pages.show(w, status, "refused.html", page)
}

// statusCodes are the top-level and the second-level status code of a
// Response, without the namespace they share (saml-core-2.0-os 3.2.2.2).
func statusCodes(response string) []string {
	type code struct {
		Value string `xml:"Value,attr"`
		Sub   *struct {
			Value string `xml:"Value,attr"`
		} `xml:"StatusCode"`
	}
	var doc struct {
		Status struct {
			Code code `xml:"StatusCode"`
		} `xml:"Status"`
	}
	if xml.Unmarshal([]byte(response), &doc) != nil || doc.Status.Code.Value == "" {
		return nil
	}
	codes := []string{last(doc.Status.Code.Value)}
	if doc.Status.Code.Sub != nil {
		codes = append(codes, last(doc.Status.Code.Sub.Value))
	}
	return codes
}

// wordsOf tells a status in plain words.
func wordsOf(codes []string) (title, words string) {
	reason := ""
	if len(codes) > 0 {
		reason = codes[len(codes)-1]
	}
	switch reason {
	case "AuthnFailed":
		return "You were not signed in", "The sign-in was denied on the phone, or it could not be completed. If that was not you, nothing happened: nobody got in."
	case "RequestDenied":
		return "You cancelled the sign-in", "Nobody was signed in. Start again whenever you like."
	case "NoPassive":
		return "You have to sign in", "The application asked for a sign-in without a question, and there was no session."
	}
	return "You were not signed in", "The identity provider answered without signing anybody in."
}
