package admin_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

// portal is an application that speaks WS-Federation.
func portal(replies ...string) adminapi.NewServiceProvider {
	req := adminapi.NewServiceProvider{Protocol: idp.ProtocolWSFed, EntityID: "urn:portal"}
	req.Name, req.ReplyURLs = ptr("Portal"), &replies
	return req
}

func locations(a adminapi.ServiceProviderAnswer) []string {
	var out []string
	for _, e := range a.ServiceProvider.ACS {
		out = append(out, e.Location)
	}
	return out
}

func TestWSFedServiceProvider(t *testing.T) {
	f := newFixture(t)
	a := f.add(portal("https://portal.test/_trust/", "https://teams.test/_trust/"))
	sp := a.ServiceProvider
	if sp.Protocol != idp.ProtocolWSFed || sp.NameID != "emailAddress = email" || sp.DefaultACS().Location != "https://portal.test/_trust/" ||
		len(sp.ACS) != 2 || !strings.HasPrefix(sp.Attributes[0], "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress = ") {
		t.Errorf("added %+v", sp)
	}
	if !strings.HasSuffix(instruction(a, "Passive endpoint"), "/wsfed") || !strings.HasSuffix(instruction(a, "metadata URL"), "/wsfed/FederationMetadata.xml") ||
		instruction(a, "wtrealm") != "urn:portal" {
		t.Errorf("instructions %+v", a.Instructions)
	}
	path := spPath + "/" + sp.Slug
	f.call("PATCH", path, `{"reply_urls":["https://new.test/"]}`, 200, &a)
	if d := cmp.Diff([]string{"https://new.test/"}, locations(a)); d != "" {
		t.Error(d)
	}
	for name, c := range map[string]struct{ patch, words string }{
		"P4 http":      {`{"reply_urls":["http://new.test/"]}`, "https://"},
		"P4 script":    {`{"reply_urls":["javascript:alert(1)"]}`, "https://"},
		"none":         {`{"reply_urls":[]}`, "1 to 50"},
		"too many":     {`{"reply_urls":["https://a.test/"` + strings.Repeat(`,"https://a.test/"`, 50) + `]}`, "1 to 50"},
		"encryption":   {`{"encryption":"if-key"}`, "not encrypted"},
		"sign":         {`{"sign":"both"}`, "signs the assertion"},
		"signed":       {`{"require_signed_requests":true}`, "never signed"},
		"bare name":    {`{"attributes":["mail = email"]}`, "URI of a claim"},
		"the protocol": {`{"protocol":"saml"}`, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.refused("PATCH", path, c.patch, idp.Invalid, c.words)
		})
	}
}

func TestWSFedOffice365(t *testing.T) {
	f := newFixture(t)
	a := f.add(adminapi.NewServiceProvider{Protocol: idp.ProtocolWSFed, Preset: "office365"})
	if a.ServiceProvider.EntityID != "urn:federation:MicrosoftOnline" || a.ServiceProvider.NameID != "unspecified = immutableId" ||
		len(a.ServiceProvider.SLO) != 0 || instruction(a, "-PreferredAuthenticationProtocol") != "wsFed" ||
		!strings.HasSuffix(instruction(a, "-PassiveSignInUri"), "/wsfed") {
		t.Errorf("%+v\n%+v", a.ServiceProvider, a.Instructions)
	}
}

func TestProtocolMistakes(t *testing.T) {
	f := newFixture(t)
	withACS, withFile, withReply := portal(), portal("https://a.test/"), adminapi.NewServiceProvider{EntityID: "urn:x", ACSURL: "https://a.test/"}
	withACS.ACSURL = "https://a.test/"
	withFile.Metadata = adminapi.Document(md("urn:portal"))
	withReply.ReplyURLs = &[]string{"https://b.test/"}
	other, salesforce := portal("https://a.test/"), portal("https://a.test/")
	other.Protocol = "oidc"
	salesforce.Preset = "salesforce"
	for name, c := range map[string]struct {
		req   adminapi.NewServiceProvider
		words string
	}{
		"acs_url":            {withACS, "reply_urls"},
		"metadata":           {withFile, "without metadata"},
		"reply_urls of SAML": {withReply, "WS-Federation"},
		"another protocol":   {other, "saml or ws-federation"},
		"no reply URL":       {portal(), "reply URL"},
		"another preset":     {salesforce, "preset"},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.refused("POST", spPath, c.req, idp.Invalid, c.words)
		})
	}
	f.t = t
	if a := f.add(adminapi.NewServiceProvider{Protocol: "saml", EntityID: "urn:s", ACSURL: "https://a.test/"}); a.ServiceProvider.Protocol != idp.ProtocolSAML {
		t.Errorf("saml is stored as %q", a.ServiceProvider.Protocol)
	}
}
