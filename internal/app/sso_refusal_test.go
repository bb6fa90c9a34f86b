package app_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

func asProblem(err error) *phone.Problem {
	var p *phone.Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// vector is a request that stays with us. Its message is sent by POST unless
// there is a query.
type vector struct {
	name, message, query string
	reason               idp.Reason
}

// TestRefusalsLeaveNothingBehind sends the vectors of section 7 to the whole
// program. What each of them breaks in detail is tested in internal/saml.
func TestRefusalsLeaveNothingBehind(t *testing.T) {
	g := idptest.Guard(t)
	vectors := append(xmlVectors(g), policyVectors(g)...)
	vectors = append(vectors, signatureVectors(g)...)
	for _, v := range append(vectors, bindingVectors(g)...) {
		t.Run(v.name, func(t *testing.T) {
			b := g.Browser(address())
			g.Local400(t, v.reason, func() *http.Response {
				if v.query != "" {
					return b.Get("/saml/sso?" + v.query)
				}
				return b.PostFrom("https://sp-b.test", "/saml/sso", samltest.POSTBody(v.message, nil))
			}, "alert(", "canary", "AuthnRequest", "garbage")
		})
	}
}

func xmlVectors(g *idptest.Guarded) []vector {
	r := g.Good()
	good := r.XML()
	const issuer = `<saml:Issuer>https://sp-b.test</saml:Issuer>`
	edit := func(old, new string) string {
		if !strings.Contains(good, old) {
			panic("no " + old + " in the request")
		}
		return strings.Replace(good, old, new, 1)
	}
	attr := func(a string) string { return edit(" Version=", " "+a+" Version=") }
	with := func(children string) string { return edit(issuer, issuer+children) }
	evil := `<saml:Issuer>https://evil.test</saml:Issuer>`
	laughs := `<!DOCTYPE r [<!ENTITY a0 "canary">`
	for level := range 10 {
		laughs += fmt.Sprintf(`<!ENTITY a%d "%s">`, level+1, strings.Repeat(fmt.Sprintf("&a%d;", level), 10))
	}
	laughs += "]>"
	return []vector{
		{name: "A01", message: edit(issuer, ""), reason: idp.XMLSchema},
		{name: "A02", message: edit(issuer, `<Issuer xmlns="urn:x">https://sp-b.test</Issuer>`), reason: idp.XMLSchema},
		{name: "A03 no ID", message: edit(` ID="`+r.ID+`"`, ""), reason: idp.XMLSchema},
		{name: "A03 empty ID", message: edit(r.ID, ""), reason: idp.XMLSchema},
		{name: "A03 ID with markup", message: edit(r.ID, `1 &quot;>&lt;script>alert(1)&lt;/script>`), reason: idp.XMLSchema},
		{name: "A04", message: `<!DOCTYPE x>` + good, reason: idp.XMLDoctype},
		{name: "A05 file", message: `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + edit("https://sp-b.test<", "&e;<"), reason: idp.XMLDoctype},
		{name: "A05 http", message: `<!DOCTYPE r [<!ENTITY e SYSTEM "http://evil.test/">]>` + edit("https://sp-b.test<", "&e;<"), reason: idp.XMLDoctype},
		{name: "A06", message: laughs + edit("https://sp-b.test<", "&a10;<"), reason: idp.XMLDoctype},
		{name: "A07", message: with("<samlp:Extensions>" + strings.Repeat("<a/>", 5_000) + "</samlp:Extensions>"), reason: idp.XMLSize},
		{name: "A07 deflated", query: samltest.RedirectQuery(with("<samlp:Extensions>"+strings.Repeat("<a/>", 16_000)+"</samlp:Extensions>"), nil), reason: idp.XMLSize},
		{name: "A08", query: samltest.RedirectQuery(with("<samlp:Extensions>"+strings.Repeat("<a>", 10_000)), nil), reason: idp.XMLDepth},
		{name: "A10", message: edit("sp-b.test</saml", "sp-b<!-- -->.test</saml"), reason: idp.XMLComment},
		{name: "A11 empty prefix part", message: `<x::Root/>`, reason: idp.XMLRoundtrip},
		{name: "A12 twice", message: good + good, reason: idp.XMLSchema},
		{name: "A12 garbage", message: good + "garbage", reason: idp.XMLSchema},
		{name: "A13 evil first", message: edit(issuer, evil+issuer), reason: idp.XMLSchema},
		{name: "A13 evil last", message: edit(issuer, issuer+evil), reason: idp.XMLSchema},
		{name: "A14", message: attr(`AssertionConsumerServiceURL="https://evil.test/"`), reason: idp.XMLSchema},
		{name: "X14 UTF-16", message: "\xfe\xff\x00<\x00a\x00/\x00>", reason: idp.XMLEncoding},
		{name: "X14 NUL", message: edit("sp-b.test</saml", "sp-b.test\x00</saml"), reason: idp.XMLEncoding},
	}
}

func policyVectors(g *idptest.Guarded) []vector {
	var out []vector
	add := func(name string, reason idp.Reason, change func(*samltest.Request)) {
		r := g.Good()
		change(&r)
		out = append(out, vector{name: name, message: r.XML(), reason: reason})
		out = append(out, vector{name: name + " by Redirect", query: query(r), reason: reason})
	}
	for _, acs := range []string{
		"https://sp-b.test/acs/../x", "https://SP-B.test/acs", "https://sp-b.test:443/acs", "https://sp-b.test@evil.test/acs",
		"https://sp-b.test/acs?x=1", "https://sp-b.test/acs/", "https://evil.test/", "javascript:alert(1)", "data:text/html,canary",
	} {
		add("A15 P2 "+acs, idp.ACSUnregistered, func(r *samltest.Request) { r.ACS = acs })
	}
	add("A16 P3", idp.ACSUnregistered, func(r *samltest.Request) { r.ACS, r.Attributes = "", `AssertionConsumerServiceIndex="9"` })
	for _, d := range []string{"http://idp.test/saml/sso", "https://evil.test/saml/sso", samltest.SSO + "/", "https://idp.test/prod/saml/sso", "https://idp.test:443/saml/sso"} {
		add("A17 P6 "+d, idp.ReasonDestination, func(r *samltest.Request) { r.Destination = d })
	}
	now := g.Clock.Now()
	for name, at := range map[string]time.Time{"-6 min": now.Add(-6 * time.Minute), "+2 min": now.Add(2 * time.Minute), "+10 years": now.AddDate(10, 0, 0)} {
		add("A18 P14 "+name, idp.TimeWindow, func(r *samltest.Request) { r.IssueInstant = at.Format(time.RFC3339) })
	}
	for _, issuer := range []string{"https://evil.test", "https://SP-b.test", "https://sp-b.test/", strings.Repeat("canary", 170)} {
		add("A29 P7 "+issuer[:min(20, len(issuer))], idp.SPUnknown, func(r *samltest.Request) { r.Issuer = issuer })
	}
	c := samltest.C().Request(now)
	add("A29 P7 SP C", idp.SPDisabled, func(r *samltest.Request) { *r = c })
	add("P8 persistent", idp.XMLSchema, func(r *samltest.Request) {
		r.Issuer, r.Children = "", `<saml:Issuer Format="`+idp.NameIDPersistent+`">https://sp-b.test</saml:Issuer>`
	})
	for _, version := range []string{"2.1", "1.1"} {
		add("A35 P17 "+version, idp.SAMLVersion, func(r *samltest.Request) { r.Version = version })
	}
	return out
}

func signatureVectors(g *idptest.Guarded) []vector {
	a, b := samltest.A(), samltest.B()
	r := a.Request(g.Clock.Now())
	r.ID = "_canary-signed"
	message, relay := r.XML(), "relay"
	unsigned := samltest.RedirectQuery(message, &relay)
	signed := a.SignQuery(unsigned, samltest.RSASHA256)
	without := func(name string) string {
		var kept []string
		for part := range strings.SplitSeq(signed, "&") {
			if !strings.HasPrefix(part, name+"=") {
				kept = append(kept, part)
			}
		}
		return strings.Join(kept, "&")
	}
	evil := samltest.RSA(2048)
	captured := a.SignXML(message, samltest.Signing{})
	return []vector{
		{name: "A20 POST", message: message, reason: idp.SigRequired},
		{name: "A20 Redirect", query: unsigned, reason: idp.SigRequired},
		{name: "A21 POST", message: b.SignXML(message, samltest.Signing{}), reason: idp.SigUntrustedKey},
		{name: "A21 Redirect", query: b.SignQuery(unsigned, samltest.RSASHA256), reason: idp.SigUntrustedKey},
		{name: "A22 rsa-sha1", query: a.SignQuery(unsigned, samltest.RSASHA1), reason: idp.SigAlgorithm},
		{name: "A22 sha1 digest", message: a.SignXML(message, samltest.Signing{Digest: samltest.SHA1}), reason: idp.SigAlgorithm},
		{name: "A23 no Signature", query: without("Signature"), reason: idp.BindingParams},
		{name: "A23 no SigAlg", query: without("SigAlg"), reason: idp.BindingParams},
		{name: "A23 RelayState changed", query: strings.Replace(signed, "RelayState=relay", "RelayState=evil", 1), reason: idp.SigUntrustedKey},
		{name: "A26", message: evil.SignXML(message, samltest.Signing{KeyInfo: evil.X509()}), reason: idp.SigUntrustedKey},
		{name: "A27 other ID", message: strings.Replace(message, r.ID, "_evil", 1)[:strings.LastIndex(message, "</samlp")-len(r.ID)+len("_evil")] +
			"<samlp:Extensions>" + captured + "</samlp:Extensions></samlp:AuthnRequest>", reason: idp.SigShape},
		{name: "A28", message: a.SignXML(message, samltest.Signing{
			Transforms: `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>`,
		}), reason: idp.SigTransform},
	}
}

func bindingVectors(g *idptest.Guarded) []vector {
	good := query(g.Good())
	return []vector{
		{name: "A09", query: samltest.RedirectQuery(strings.Repeat("A", 8<<20), nil), reason: idp.DeflateLimit},
		{name: "A30 P5 1,025 bytes", query: query(g.Good(), strings.Repeat("c", 1025)), reason: idp.RelayStateSize},
		{name: "P5 CR LF", query: query(g.Good(), "a\r\nSet-Cookie: evil=1"), reason: idp.BindingParams},
		{name: "P5 not UTF-8", query: query(g.Good(), "\xff\xfe"), reason: idp.BindingParams},
		{name: "S11 SAMLRequest twice", query: good + "&" + good, reason: idp.BindingParams},
		{name: "S11 with SAMLResponse", query: good + "&SAMLResponse=evil", reason: idp.BindingParams},
		{name: "S16 SimpleSign", query: good + "&Signature=evil", reason: idp.BindingParams},
		{name: "D5 no base64", query: "SAMLRequest=%%canary", reason: idp.BindingParams},
		{name: "D2 not deflated", query: "SAMLRequest=Y2FuYXJ5Y2FuYXJ5", reason: idp.DeflateFormat},
		{name: "P1 nothing at all", query: "canary=1", reason: idp.BindingParams},
	}
}

// TestACSAtUse: a registration that became bad meanwhile serves nobody.
func TestACSAtUse(t *testing.T) {
	i := idptest.New(t)
	for _, acs := range []string{"javascript:alert(1)", "data:text/html,canary", "http://sp-b.test/acs"} {
		t.Run("P4 "+acs, func(t *testing.T) {
			i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.ACS[0].Location = acs })
			r := i.Good()
			r.ACS = "" // the default, so that nothing but the scheme is wrong
			i.Log.Reset()
			resp := i.Browser(address()).Get("/saml/sso?" + query(r))
			body := refusedPage(t, i, resp, http.StatusBadRequest, idp.Code(idp.ACSScheme))
			if strings.Contains(body, acs) {
				t.Errorf("the address is reflected in %s", body)
			}
		})
	}
}
