package counterparts_test

import (
	"crypto/rsa"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlsp"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// newCrewjam starts a service provider and registers it from its metadata.
// method is the URI of the algorithm it signs with; empty: it does not sign.
// "default" leaves the choice to samlsp, which takes RSA-SHA1.
// It asks for a transient NameID unless format is another.
func newCrewjam(t *testing.T, i *idptest.Live, binding, method string, format saml.NameIDFormat) (address, entityID string) {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	root, err := url.Parse(server.URL)
	must(t, err)
	their := samltest.A() // a key and a certificate
	metadata := newVisitor(t, i, nil).get(i.URL + "/saml/metadata")
	us, err := samlsp.ParseMetadata([]byte(metadata.body))
	must(t, err)
	sp, err := samlsp.New(samlsp.Options{
		EntityID: server.URL + "/saml/metadata", URL: *root, Key: their.Key.(*rsa.PrivateKey), Certificate: their.Cert,
		IDPMetadata: us, SignRequest: method != "", CookieName: "token-" + root.Port(),
	})
	must(t, err)
	sp.Binding = binding
	sp.ServiceProvider.AuthnNameIDFormat = format
	if method != "" && method != "default" {
		sp.ServiceProvider.SignatureMethod = method
	}
	sp.OnError = func(w http.ResponseWriter, _ *http.Request, err error) {
		if invalid := (*saml.InvalidResponseError)(nil); errors.As(err, &invalid) {
			err = invalid.PrivateErr
		}
		http.Error(w, err.Error(), http.StatusForbidden)
	}
	mux.Handle("/saml/", sp)
	mux.Handle("/saml/slo", crewjamLeft(sp))
	mux.Handle("/leave", leaveCrewjam(t, sp))
	mux.Handle("/ask", askCrewjam(t, sp))
	mux.Handle("/", sp.RequireAccount(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims := samlsp.SessionFromContext(r.Context()).(samlsp.JWTSessionClaims)
		_ = json.NewEncoder(w).Encode(seen{NameID: claims.Subject, Attributes: claims.Attributes})
	})))
	file, err := xml.Marshal(sp.ServiceProvider.Metadata())
	must(t, err)
	return server.URL, i.Register(file, nil).EntityID
}

// askCrewjam starts a sign-in with what the query wishes: "force", "passive".
// samlsp itself makes requests without.
func askCrewjam(t *testing.T, sp *samlsp.Middleware) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		us := sp.ServiceProvider.GetSSOBindingLocation(saml.HTTPRedirectBinding)
		request, err := sp.ServiceProvider.MakeAuthenticationRequest(us, saml.HTTPRedirectBinding, saml.HTTPPostBinding)
		must(t, err)
		yes := true
		if r.URL.Query().Has("force") {
			request.ForceAuthn = &yes
		}
		if r.URL.Query().Has("passive") {
			request.IsPassive = &yes
		}
		r.URL.Path, r.URL.RawQuery = "/", "" // where the answer leads
		relay, err := sp.RequestTracker.TrackRequest(w, r, request.ID)
		must(t, err)
		to, err := request.Redirect(relay, &sp.ServiceProvider)
		must(t, err)
		http.Redirect(w, r, to.String(), http.StatusFound)
	}
}

// leaveCrewjam starts a sign-out of whom its session is about, by HTTP-POST: by
// HTTP-Redirect it signs the XML, where the binding has the query signed.
func leaveCrewjam(t *testing.T, sp *samlsp.Middleware) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, err := sp.Session.GetSession(r)
		must(t, err)
		page, err := sp.ServiceProvider.MakePostLogoutRequest(session.(samlsp.JWTSessionClaims).Subject, "leaving")
		must(t, err)
		_, _ = w.Write(page)
	}
}

// crewjamLeft takes the answer to a sign-out.
func crewjamLeft(sp *samlsp.Middleware) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := sp.ServiceProvider.ValidateLogoutResponseRequest(r); err != nil {
			sp.OnError(w, r, err)
			return
		}
		_ = sp.Session.DeleteSession(w, r)
		_, _ = io.WriteString(w, "signed out, RelayState "+r.PostForm.Get("RelayState"))
	}
}

// crewjamApplications are two service providers, which sign and decrypt.
func crewjamApplications(t *testing.T, i *idptest.Live) (two [2]application) {
	t.Helper()
	for at := range two {
		address, entityID := newCrewjam(t, i, saml.HTTPRedirectBinding, samltest.RSASHA256, saml.EmailAddressNameIDFormat)
		// Its metadata names AES-CBC only, though it reads AES-128-GCM.
		i.Update(entityID, func(sp *idp.ServiceProvider) { sp.EncryptionMethods = nil })
		two[at] = pages(entityID, address+"/ask", "mail", address+"/", address+"/leave")
		two[at].deaf = true
	}
	return two
}

// seen is what a service provider knows of who signed in.
type seen struct {
	NameID     string              `json:"name_id"`
	Format     string              `json:"format,omitempty"`
	Attributes map[string][]string `json:"attributes"`
}

func readSeen(t *testing.T, p page) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(p.body), &s); err != nil {
		t.Fatalf("not signed in: %d %s\n%.3000s", p.status, p.url, p.body)
	}
	return s
}

func TestCrewjam(t *testing.T) {
	i := idptest.NewLive(t)
	zoe := i.AddUser("zoe@example.com", "Zoë", "O'Hara & <Söhne>")
	phone := i.Phone(zoe, "127.0.0.2")
	for _, binding := range []string{saml.HTTPRedirectBinding, saml.HTTPPostBinding} {
		for name, method := range map[string]string{"unsigned": "", "RSA-SHA256": samltest.RSASHA256, "RSA-SHA512": samltest.RSASHA512} {
			for _, sign := range []string{idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
				t.Run(short(binding)+" "+name+", signed "+sign, func(t *testing.T) {
					address, entityID := newCrewjam(t, i, binding, method, saml.UnspecifiedNameIDFormat)
					i.Update(entityID, func(sp *idp.ServiceProvider) { sp.Sign = sign })
					v := newVisitor(t, i, phone)
					home := v.deliver(v.approve(v.open(address + "/deep?a=1&b=%20x")))
					if got := home.url.String(); got != address+"/deep?a=1&b=%20x" {
						t.Errorf("landed at %s", got)
					}
					got := readSeen(t, home)
					delete(got.Attributes, "SessionIndex") // samlsp's own
					want := seen{NameID: "zoe@example.com", Attributes: map[string][]string{
						"mail": {"zoe@example.com"}, "givenName": {"Zoë"}, "sn": {"O'Hara & <Söhne>"},
						"displayName": {"Zoë O'Hara & <Söhne>"}, "eduPersonPrincipalName": {"zoe@example.com"},
					}}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Error(diff)
					}
					exercised.signIn(crewjam)
				})
			}
		}
	}
}

// samlsp signs with RSA-SHA1 unless told otherwise.
func TestCrewjamSignsWithSHA1(t *testing.T) {
	i := idptest.NewLive(t)
	phone := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
	for _, binding := range []string{saml.HTTPRedirectBinding, saml.HTTPPostBinding} {
		t.Run(short(binding), func(t *testing.T) {
			address, entityID := newCrewjam(t, i, binding, "default", "")
			i.Log.Reset()
			refused := newVisitor(t, i, phone).open(address)
			if refused.status != http.StatusBadRequest || !strings.Contains(refused.body, "--allow-sha1") {
				t.Errorf("refusal: %d %s", refused.status, refused.body)
			}
			if log := i.Log.String(); !strings.Contains(log, `"reason":"sig.algorithm"`) {
				t.Errorf("log: %s", log)
			}
			exercised.refusal(crewjam)

			i.Update(entityID, func(sp *idp.ServiceProvider) { sp.AllowSHA1 = true })
			v := newVisitor(t, i, phone)
			got := readSeen(t, v.deliver(v.approve(v.open(address))))
			if !strings.HasPrefix(got.NameID, "_") || got.Attributes["mail"][0] != "ana@example.com" {
				t.Errorf("signed in as %+v", got)
			}
			exercised.signIn(crewjam)
		})
	}
}

func TestCrewjamIsToldOfDenial(t *testing.T) {
	i := idptest.NewLive(t)
	v := newVisitor(t, i, i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2"))
	address, _ := newCrewjam(t, i, saml.HTTPRedirectBinding, "", saml.EmailAddressNameIDFormat)
	p := v.deliver(v.deny(v.open(address)))
	if p.status != http.StatusForbidden || !strings.Contains(p.body, "status:Responder") {
		t.Errorf("application: %d %s", p.status, p.body)
	}
	exercised.refusal(crewjam)
}

func TestCrewjamRefusesWhatIsNotForIt(t *testing.T) {
	i := idptest.NewLive(t)
	phone := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
	one, _ := newCrewjam(t, i, saml.HTTPRedirectBinding, "", saml.EmailAddressNameIDFormat)
	other, _ := newCrewjam(t, i, saml.HTTPRedirectBinding, "", saml.EmailAddressNameIDFormat)
	v := newVisitor(t, i, phone)
	a := v.approve(v.open(one))
	a.action = other + "/saml/acs"
	if p := v.deliver(a); p.status != http.StatusForbidden {
		t.Errorf("another application took the answer: %d %s", p.status, p.body)
	}
	exercised.refusal(crewjam)
}

func short(binding string) string { return binding[strings.LastIndexByte(binding, '-')+1:] }
