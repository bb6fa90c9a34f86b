package wsfed_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/wsfed"
)

func judge(t *testing.T, query string, sp *idp.ServiceProvider, e request.Env) (*idp.Login, error) {
	t.Helper()
	r, err := wsfed.Parse(query)
	if err != nil {
		t.Fatal(err)
	}
	return wsfed.Judge(r, sp, e)
}

func TestJudge(t *testing.T) {
	const multi = "http://schemas.microsoft.com/claims/multipleauthn"
	mapped := sharepoint()
	mapped.ACRMap = map[string]string{multi: idp.ACRQR}
	for name, c := range map[string]struct {
		more string
		want idp.Login
	}{
		"plain":          {"", idp.Login{ACS: reply}},
		"reply":          {"wreply=" + url.QueryEscape(other), idp.Login{ACS: other}},
		"context":        {"wctx=a%26b", idp.Login{ACS: reply, RelayState: "a&b", HasRelayState: true}},
		"always fresh":   {"wfresh=0", idp.Login{ACS: reply, ForceAuthn: true}},
		"fresh":          {"wfresh=90", idp.Login{ACS: reply, MaxAgeMinutes: 90}},
		"a long time":    {"wfresh=2000000000", idp.Login{ACS: reply, MaxAgeMinutes: 365 * 24 * 60}},
		"class":          {"wauth=" + url.QueryEscape(multi), idp.Login{ACS: reply, ACRRequest: []string{multi}, ACRComparison: acr.Exact}},
		"in time":        {"wct=2026-03-04T05:02:00Z", idp.Login{ACS: reply}},
		"clock is ahead": {"wct=2026-03-04T06:06:37%2B01:00", idp.Login{ACS: reply}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := judge(t, signInWith(c.more), mapped, env())
			if err != nil {
				t.Fatal(err)
			}
			c.want.SP = realm
			if d := cmp.Diff(c.want, *got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestJudgeRefuses(t *testing.T) {
	with := func(change func(*idp.ServiceProvider)) *idp.ServiceProvider {
		sp := sharepoint()
		change(sp)
		return sp
	}
	same := func(*idp.ServiceProvider) {}
	for name, c := range map[string]struct {
		more   string
		sp     *idp.ServiceProvider
		reason idp.Reason
	}{
		"nobody":        {"", nil, idp.SPUnknown},
		"another realm": {"", with(func(sp *idp.ServiceProvider) { sp.EntityID += "/" }), idp.SPUnknown},
		"one of SAML":   {"", with(func(sp *idp.ServiceProvider) { sp.Protocol = idp.ProtocolSAML }), idp.SPProtocol},
		"switched off":  {"", with(func(sp *idp.ServiceProvider) { sp.Disabled = true }), idp.SPDisabled},
		"draft":         {"", with(func(sp *idp.ServiceProvider) { sp.Draft = true }), idp.SPDisabled},
		"no reply URL":  {"", with(func(sp *idp.ServiceProvider) { sp.ACS = nil }), idp.ACSUnregistered},
		"http":          {"", with(func(sp *idp.ServiceProvider) { sp.ACS[0].Location = "http://portal.example.com/" }), idp.ACSScheme},

		"unregistered wreply":     {"wreply=https%3A%2F%2Fevil.test%2F", with(same), idp.ACSUnregistered},
		"prefix":                  {"wreply=" + url.QueryEscape("https://second.example.com/_trust"), with(same), idp.ACSUnregistered},
		"longer":                  {"wreply=" + url.QueryEscape(other+"x"), with(same), idp.ACSUnregistered},
		"host as a prefix":        {"wreply=" + url.QueryEscape("https://second.example.com.evil.test/_trust/"), with(same), idp.ACSUnregistered},
		"host as user":            {"wreply=" + url.QueryEscape("https://second.example.com@evil.test/_trust/"), with(same), idp.ACSUnregistered},
		"path walks":              {"wreply=" + url.QueryEscape(other+"../x/../_trust/"), with(same), idp.ACSUnregistered},
		"host in upper case":      {"wreply=" + url.QueryEscape("https://SECOND.example.com/_trust/"), with(same), idp.ACSUnregistered},
		"with a fragment":         {"wreply=" + url.QueryEscape(other+"#x"), with(same), idp.ACSUnregistered},
		"encoded once more":       {"wreply=" + url.QueryEscape(url.QueryEscape(other)), with(same), idp.ACSUnregistered},
		"with NUL":                {"wreply=" + url.QueryEscape(other) + "%00", with(same), idp.ACSUnregistered},
		"endpoint of another use": {"wreply=" + url.QueryEscape(other), with(func(sp *idp.ServiceProvider) { sp.ACS[1].Binding = idp.BindingRedirect }), idp.ACSUnregistered},

		"too old":           {"wct=2026-03-04T05:01:00Z", with(same), idp.TimeWindow},
		"from the future":   {"wct=2026-03-04T05:07:30Z", with(same), idp.TimeWindow},
		"unknown class":     {"wauth=urn%3Ax", with(same), idp.Unsupported},
		"unreachable class": {"wauth=urn%3Alatchkey%3Aacr%3Aphr", with(same), idp.Unsupported},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := judge(t, signInWith(c.more), c.sp, env())
			refused(t, err, c.reason)
			if l != nil {
				t.Errorf("a login: %+v", l)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	if err := wsfed.Check(sharepoint()); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*idp.ServiceProvider){
		"sign":       func(sp *idp.ServiceProvider) { sp.Sign = idp.SignBoth },
		"encryption": func(sp *idp.ServiceProvider) { sp.Encryption = idp.EncryptIfKey },
		"signed":     func(sp *idp.ServiceProvider) { sp.RequireSignedRequests = true },
		"qualifiers": func(sp *idp.ServiceProvider) { sp.QualifyNameID = true },
		"bare name":  func(sp *idp.ServiceProvider) { sp.Attributes = []string{`Role = "x"`} },
		"OID":        func(sp *idp.ServiceProvider) { sp.Attributes = []string{"urn:oid:2.5.4.42 = givenName"} },
		"no name":    func(sp *idp.ServiceProvider) { sp.Attributes = []string{"http://example.com/claims/ = email"} },
		"no scheme":  func(sp *idp.ServiceProvider) { sp.Attributes = []string{"claims/email = email"} },
		"no line":    func(sp *idp.ServiceProvider) { sp.Attributes = []string{"="} },
	} {
		sp := sharepoint()
		change(sp)
		if wsfed.Check(sp) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
