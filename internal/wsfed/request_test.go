package wsfed_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/wsfed"
)

func TestParse(t *testing.T) {
	r, err := wsfed.Parse(signInWith("wctx=rm%3D0%26id%3Dpassive+x&wct=2026-03-04T05:06:07.5Z&wfresh=30&wauth=urn%3Alatchkey%3Aacr%3Aqr" +
		"&wreply=" + url.QueryEscape(other) + "&whr=urn:x&wp=y&wres=z&wfed=f&wencoding=e&username=ana%40example.com&WA=wsignout1.0&wa%00=x"))
	if err != nil {
		t.Fatal(err)
	}
	want := wsfed.Request{
		Action: wsfed.SignIn, Realm: realm, Reply: other, Context: "rm=0&id=passive x", HasContext: true,
		Made: time.Date(2026, 3, 4, 5, 6, 7, 500_000_000, time.UTC), Fresh: 30, Auth: idp.ACRQR,
	}
	if *r != want {
		t.Errorf("got  %+v\nwant %+v", *r, want)
	}
	t.Run("empty is absent, but for wctx", func(t *testing.T) {
		r, err := wsfed.Parse(signInWith("wctx=&wreply=&wfresh=&wauth=&wct="))
		if err != nil || !r.HasContext || r.Context != "" || r.Reply != "" || r.Auth != "" || !r.Made.IsZero() || r.Fresh == 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("wctx of 1,024 bytes", func(t *testing.T) {
		if _, err := wsfed.Parse(signInWith("wctx=" + strings.Repeat("a", 1024))); err != nil {
			t.Error(err)
		}
	})
	for _, action := range []string{wsfed.SignOut, wsfed.Cleanup} {
		r, err := wsfed.Parse("wa=" + action + "&wreply=https%3A%2F%2Fevil.test%2F&wreq=x")
		if err != nil || *r != (wsfed.Request{Action: action, Fresh: r.Fresh}) {
			t.Errorf("%s: %+v, %v", action, r, err)
		}
	}
}

// TestParseRefuses: what two programs could read in two ways, what cannot be
// echoed, and what is not offered.
func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		query  string
		reason idp.Reason
	}{
		"no wa":                  {"wtrealm=" + realm, idp.Unsupported},
		"empty":                  {"", idp.Unsupported},
		"unknown wa":             {"wa=wattr1.0&wtrealm=" + realm, idp.Unsupported},
		"wa in another case":     {"wa=WSIGNIN1.0&wtrealm=" + realm, idp.Unsupported},
		"wa with space":          {"wa=wsignin1.0+&wtrealm=" + realm, idp.Unsupported},
		"wa twice":               {signInWith("wa=wsignin1.0"), idp.BindingParams},
		"wa twice, other":        {"wa=wsignout1.0&" + signInWith(""), idp.BindingParams},
		"wtrealm twice":          {signInWith("wtrealm=urn:evil"), idp.BindingParams},
		"wreply twice":           {signInWith("wreply=" + other + "&wreply=https://evil.test"), idp.BindingParams},
		"wctx twice":             {signInWith("wctx=a&wctx=b"), idp.BindingParams},
		"wfresh twice":           {signInWith("wfresh=0&wfresh=9"), idp.BindingParams},
		"encoded name":           {signInWith("%77reply=https://evil.test"), idp.BindingParams},
		"encoded name of wa":     {"w%61=wsignin1.0&wtrealm=" + realm, idp.BindingParams},
		"name not encoded right": {signInWith("%zz=1"), idp.BindingParams},
		"value not encoded":      {signInWith("wreply=%zz"), idp.BindingParams},
		"no wtrealm":             {"wa=wsignin1.0", idp.BindingParams},
		"empty wtrealm":          {"wa=wsignin1.0&wtrealm=", idp.BindingParams},
		"huge wctx":              {signInWith("wctx=" + strings.Repeat("a", 1025)), idp.RelayStateSize},
		"huge query":             {signInWith("x=" + strings.Repeat("a", 200<<10)), idp.XMLSize},
		"NUL in wctx":            {signInWith("wctx=a%00b"), idp.BindingParams},
		"CRLF in wctx":           {signInWith("wctx=a%0D%0Ab"), idp.BindingParams},
		"LF in wctx":             {signInWith("wctx=a%0Ab"), idp.BindingParams},
		"wctx not UTF-8":         {signInWith("wctx=%ff"), idp.BindingParams},
		"wreq":                   {signInWith("wreq=%3Ct%3ARequestSecurityToken%2F%3E"), idp.Unsupported},
		"empty wreq":             {signInWith("wreq="), idp.Unsupported},
		"wreqptr":                {signInWith("wreqptr=http%3A%2F%2F169.254.169.254%2F"), idp.Unsupported},
		"wresult":                {signInWith("wresult=x"), idp.Unsupported},
		"wresultptr":             {signInWith("wresultptr=x"), idp.Unsupported},
		"wct of words":           {signInWith("wct=yesterday"), idp.TimeWindow},
		"wct without zone":       {signInWith("wct=2026-03-04T05:06:07"), idp.TimeWindow},
		"wfresh negative":        {signInWith("wfresh=-1"), idp.BindingParams},
		"wfresh of words":        {signInWith("wfresh=soon"), idp.BindingParams},
		"wfresh with fraction":   {signInWith("wfresh=0.0"), idp.BindingParams},
		"wfresh too large":       {signInWith("wfresh=99999999999999999999"), idp.BindingParams},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := wsfed.Parse(c.query)
			refused(t, err, c.reason)
		})
	}
}

// FuzzParse: it never panics; what it accepts can be echoed.
func FuzzParse(f *testing.F) {
	for _, q := range []string{signInWith(""), signInWith("wctx=a%20b&wfresh=0"), "wa=wsignout1.0", "wa=%", "&&=&wa"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r, err := wsfed.Parse(query)
		if err != nil {
			if idp.CodeOf(err) != idp.SAMLRefused {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		if len(r.Context) > 1024 || strings.ContainsAny(r.Context, "\x00\r\n") || r.Action == wsfed.SignIn && r.Realm == "" {
			t.Fatalf("%+v", r)
		}
	})
}
