package counterparts_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/preset"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// Service providers that nobody can run at home: their requests as their
// documentation shows them, answered as their presets say.

// vendor signs people in to one service provider of a preset.
type vendor struct {
	t   *testing.T
	idp *idptest.IdP
	sp  *idp.ServiceProvider
}

func newVendor(t *testing.T, name string, sp *idp.ServiceProvider, opts preset.Options) *vendor {
	t.Helper()
	i := idptest.New(t, idptest.Options{Bare: true})
	must(t, preset.Apply(name, sp, opts))
	sp.Slug = name
	must(t, i.Store.SaveServiceProvider(t.Context(), sp))
	return &vendor{t, i, sp}
}

func (v *vendor) user(email string, attributes map[string][]string) *phone.Phone {
	v.t.Helper()
	u := v.idp.AddUser(email, "Ana", "Kos")
	v.idp.UpdateUser(u.ID, func(u *idp.User) { u.Attributes = attributes })
	return v.idp.Phone(u, "203.0.113.7")
}

// signIn takes a request by POST through to the page with which it ends.
func (v *vendor) signIn(p *phone.Phone, request, relay string) *http.Response {
	v.t.Helper()
	b := v.idp.Browser("203.0.113.8")
	r := b.PostFrom("https://"+v.sp.Slug+".test", "/saml/sso", samltest.POSTBody(request, &relay))
	if r.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("request: %d %s\n%s", r.StatusCode, idptest.Body(v.t, r), v.idp.Log)
	}
	view := b.Login(r.Header.Get("Location"))
	req, err := p.Claim(v.t.Context(), view.Frames[0].URL)
	must(v.t, err)
	_, err = p.Approve(v.t.Context(), req)
	must(v.t, err)
	return b.Finish(view.SID, idptest.RandomKey())
}

// answer judges what is posted to the service provider and reads it.
func (v *vendor) answer(r *http.Response, acs, relay string) *etree.Element {
	v.t.Helper()
	posted := idptest.ReadPost(v.t, r)
	if posted.ACS != acs || posted.RelayState != relay {
		v.t.Errorf("posted to %q with RelayState %q", posted.ACS, posted.RelayState)
	}
	certs, err := store.SigningKeys{Store: v.idp.Store}.List(v.t.Context())
	must(v.t, err)
	schematest.Validate(v.t, posted.SAMLResponse)
	schematest.VerifySignature(v.t, posted.SAMLResponse, schematest.PEM(certs[0].Certificate))
	exercised.message()
	doc := etree.NewDocument()
	must(v.t, doc.ReadFromBytes(posted.SAMLResponse))
	return doc.Root()
}

// text is that of the one element at a path below an answer.
func text(t *testing.T, root *etree.Element, path string) string {
	t.Helper()
	found := root.FindElements(path)
	if len(found) != 1 {
		t.Errorf("%d elements at %s", len(found), path)
		return ""
	}
	return found[0].Text()
}

// microsoft is Microsoft's own sample (how-to-connect-fed-saml-idp): without
// ACS, Destination and AllowCreate, and with times without a fraction.
func (v *vendor) microsoft() string {
	return `<samlp:AuthnRequest ID="_1e089e5c-a976-4881-af74-3b92c89e7e2c" Version="2.0" IssueInstant="` +
		v.idp.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z") + `" xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">urn:federation:MicrosoftOnline</saml:Issuer>` +
		`<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"/></samlp:AuthnRequest>`
}

func TestOffice365(t *testing.T) {
	const (
		acs   = "https://login.microsoftonline.com/login.srf"
		relay = "estsredirect=2&estsrequest=rQIIAY2RO2_T&x=<'\">%20+"
	)
	domains := map[string]string{"example.com": "https://idp.test/example.com", "example.org": "https://idp.test/example.org"}
	their := samltest.B()
	hint := `<ds:X509Data><ds:X509SKI>nh8bmNMzHcVEvRJKLxnr+PGzeVQ=</ds:X509SKI></ds:X509Data><ds:KeyName>MicrosoftOnline</ds:KeyName>`
	for name, sign := range map[string]func(string) string{
		"unsigned": func(r string) string { return r },
		"signed RSA-SHA1": func(r string) string {
			return their.SignXML(r, samltest.Signing{Method: samltest.RSASHA1, Digest: samltest.SHA1, KeyInfo: hint})
		},
		"signed RSA-SHA256": func(r string) string { return their.SignXML(r, samltest.Signing{KeyInfo: hint}) },
	} {
		for domain, issuer := range domains {
			t.Run(name+", "+domain, func(t *testing.T) {
				v := newVendor(t, preset.Office365, &idp.ServiceProvider{SigningCerts: [][]byte{their.Cert.Raw}}, preset.Options{Issuer: idptest.Base, Domains: domains})
				p := v.user("ana@"+domain, map[string][]string{"immutableId": {"ABCDEFG1234567890=="}})
				root := v.answer(v.signIn(p, sign(v.microsoft()), relay), acs, relay)
				id := root.FindElement("./Assertion/Subject/NameID")
				if id == nil || id.Text() != "ABCDEFG1234567890==" || id.SelectAttrValue("Format", "") != idp.NameIDPersistent || len(id.Attr) != 1 {
					t.Errorf("NameID %+v", id)
				}
				for path, want := range map[string]string{
					"./Issuer": issuer, "./Assertion/Issuer": issuer,
					"./Assertion/Conditions/AudienceRestriction/Audience":                       "urn:federation:MicrosoftOnline",
					"./Assertion/AuthnStatement/AuthnContext/AuthnContextClassRef":              "http://schemas.microsoft.com/claims/multipleauthn",
					"./Assertion/AttributeStatement/Attribute[@Name='IDPEmail']/AttributeValue": "ana@" + domain,
				} {
					if got := text(t, root, path); got != want {
						t.Errorf("%s is %q, want %q", path, got, want)
					}
				}
				if root.FindElement("./Signature") != nil || root.FindElement("./Assertion/Signature") == nil {
					t.Error("not the assertion alone is signed")
				}
			})
		}
	}
	t.Run("another domain", func(t *testing.T) {
		v := newVendor(t, preset.Office365, &idp.ServiceProvider{}, preset.Options{Issuer: idptest.Base, Domains: domains})
		p := v.user("ana@other.test", map[string][]string{"immutableId": {"x"}})
		v.refused(v.signIn(p, v.microsoft(), relay), idp.UserDomain, "user ana@other.test has userPrincipalName ana@other.test, whose domain is not federated with urn:federation:MicrosoftOnline")
	})
	t.Run("no immutableId", func(t *testing.T) {
		v := newVendor(t, preset.Office365, &idp.ServiceProvider{}, preset.Options{Issuer: idptest.Base, Domains: domains})
		v.refused(v.signIn(v.user("ana@example.com", nil), v.microsoft(), relay), idp.AttrMissing,
			"user ana@example.com has no attribute immutableId, required as NameID by urn:federation:MicrosoftOnline")
	})
}

// refused checks that the person gets a page with a reference, the log has the
// same reference with the reason, and the audit trail the exact cause.
func (v *vendor) refused(r *http.Response, reason idp.Reason, cause string) {
	v.t.Helper()
	body := idptest.Body(v.t, r)
	_, after, _ := strings.Cut(body, `class="reference">`)
	reference, _, _ := strings.Cut(after, "<")
	if r.StatusCode != http.StatusForbidden || len(reference) != 26 || strings.Contains(body, cause) {
		v.t.Errorf("page: %d %s", r.StatusCode, body)
	}
	masked := email.ReplaceAllString(cause, "[e-mail]") // as in every log
	logged := func(line string) bool {
		return strings.Contains(line, reference) && strings.Contains(line, `"reason":"`+string(reason)+`"`) && strings.Contains(line, masked)
	}
	if !slices.ContainsFunc(strings.Split(v.idp.Log.String(), "\n"), logged) {
		v.t.Errorf("no %q with reference %q in the log:\n%s", masked, reference, v.idp.Log)
	}
	events, _, err := v.idp.Store.Events(v.t.Context(), v.idp.Clock.Now(), "", 100)
	must(v.t, err)
	if !slices.ContainsFunc(events, func(e idp.AuditEvent) bool { return e.Detail["cause"] == cause }) {
		v.t.Errorf("no %q in the audit trail: %+v", cause, events)
	}
}

var email = regexp.MustCompile(`\S+@[\w.]+`)

// Salesforce's IDs are about 300 characters, and its ACS has a query string.
func TestSalesforce(t *testing.T) {
	const entity = "https://example.my.salesforce.com"
	const acs = entity + "?so=00D1x0000000001"
	their := samltest.B()
	yes := true
	v := newVendor(t, preset.Salesforce, &idp.ServiceProvider{
		EntityID: entity, SigningCerts: [][]byte{their.Cert.Raw},
		ACS: []idp.Endpoint{{Binding: idp.BindingPOST, Location: acs, IsDefault: &yes}},
	}, preset.Options{})
	request := samltest.Request{
		ID: "_" + strings.Repeat("2CAAAAXy7", 33) + "AB", Version: "2.0", IssueInstant: v.idp.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		Destination: idptest.Base + "/saml/sso", Issuer: entity, ACS: acs,
		Attributes: `ProtocolBinding="` + idp.BindingPOST + `"`,
	}
	for name, want := range map[string]struct {
		attributes map[string][]string
		nameID     string
	}{
		"federationId":         {map[string][]string{"federationId": {"F-0815"}}, "F-0815"},
		"email where it lacks": {nil, "mia@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			email := "Ana@Example.com"
			if want.attributes == nil {
				email = "Mia@Example.com"
			}
			next := request
			next.ID += want.nameID[:1]
			signed := their.SignXML(next.XML(), samltest.Signing{KeyInfo: their.X509()})
			root := v.answer(v.signIn(v.user(email, want.attributes), signed, "/home/home.jsp?tab=a%20b"), acs, "/home/home.jsp?tab=a%20b")
			if got := text(t, root, "./Assertion/Subject/NameID"); got != want.nameID {
				t.Errorf("NameID %q", got)
			}
			if got := root.SelectAttrValue("InResponseTo", ""); got != next.ID || len(got) < 300 {
				t.Errorf("InResponseTo %q", got)
			}
		})
	}
	t.Run("unsigned", func(t *testing.T) {
		r := v.idp.Browser("203.0.113.9").PostFrom(entity, "/saml/sso", samltest.POSTBody(request.XML(), nil))
		if r.StatusCode != http.StatusBadRequest {
			t.Errorf("%d", r.StatusCode)
		}
	})
}

func TestAtlassian(t *testing.T) {
	const acs = "https://auth.atlassian.com/login/callback?connection=saml-4f3a"
	v := newVendor(t, preset.Atlassian, &idp.ServiceProvider{}, preset.Options{ConnectionID: "https://auth.atlassian.com/saml/4f3a"})
	request := samltest.Request{
		ID: "_6a1", Version: "2.0", IssueInstant: v.idp.Clock.Now().UTC().Format("2006-01-02T15:04:05Z"),
		Destination: idptest.Base + "/saml/sso", Issuer: "https://auth.atlassian.com/saml/4f3a",
		Attributes: `ProtocolBinding="` + idp.BindingPOST + `"`,
	}
	p := v.user("ana@example.com", nil)
	root := v.answer(v.signIn(p, request.XML(), "Kx2"), acs, "Kx2")
	if got := text(t, root, "./Assertion/Subject/NameID"); got != "ana@example.com" {
		t.Errorf("NameID %q", got)
	}
	const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	for name, want := range map[string]string{claims + "givenname": "Ana", claims + "surname": "Kos", "email": "ana@example.com", "firstname": "Ana", "lastname": "Kos"} {
		if got := text(t, root, "./Assertion/AttributeStatement/Attribute[@Name='"+name+"']/AttributeValue"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if id := text(t, root, "./Assertion/AttributeStatement/Attribute[@Name='"+claims+"name']/AttributeValue"); id == "" || strings.Contains(id, "@") {
		t.Errorf("name is %q; a stable id is wanted", id)
	}
}
