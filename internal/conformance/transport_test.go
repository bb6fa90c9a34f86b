package conformance_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// relays are RelayStates that have to come back byte for byte.
var relays = map[string]string{
	"80 bytes":       strings.Repeat("r", 80),
	"reserved":       `state=1&x="<'>+%20/?#`,
	"not ASCII":      "Zoë ✓",
	"spaces":         "  two  ",
	"empty":          "",
	"like an entity": "&amp;&#38;",
}

var transportCases = []conformanceCase{
	{"B001", "Bindings 3.4.4.1", "request by HTTP-Redirect, DEFLATE", func(v *visit) {
		r := v.request(v.plain)
		v.success(v.approve(v.redirect(r)), r, v.plain)
	}},
	{"B002", "Bindings 3.4.4.1", "SAMLEncoding says DEFLATE", func(v *visit) {
		r := v.request(v.plain)
		deflate := "&SAMLEncoding=" + url.QueryEscape("urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE")
		v.success(v.approve(v.query(samltest.RedirectQuery(r.XML(), nil)+deflate)), r, v.plain)
	}},
	{"B003", "Bindings 3.4.4", "unknown SAMLEncoding", func(v *visit) {
		v.rejected(v.query(samltest.RedirectQuery(v.request(v.plain).XML(), nil) + "&SAMLEncoding=urn:x"))
	}},
	{"B004", "Bindings 3.5.4", "request by HTTP-POST", func(v *visit) {
		r := v.request(v.plain)
		v.success(v.approve(v.post(v.plain, r.XML())), r, v.plain)
	}},
	{"B005", "Bindings 3.5.4", "base64 with line breaks by HTTP-POST", func(v *visit) {
		r := v.request(v.plain)
		text := encode([]byte(r.XML()))
		broken := ""
		for ; len(text) > 76; text = text[76:] {
			broken += text[:76] + "\r\n"
		}
		v.success(v.approve(v.form(v.plain, []byte("SAMLRequest="+url.QueryEscape(broken+text)))), r, v.plain)
	}},
	{"B006", "Bindings 3.4.3", "RelayState comes back, by HTTP-Redirect", func(v *visit) {
		v.relayed(func(r samltest.Request, relay string) *http.Response { return v.redirect(r, relay) })
	}},
	{"B007", "Bindings 3.5.3", "RelayState comes back, by HTTP-POST", func(v *visit) {
		v.relayed(func(r samltest.Request, relay string) *http.Response { return v.post(v.plain, r.XML(), relay) })
	}},
	{"B008", "Bindings 3.5.3", "no RelayState, none comes back", func(v *visit) {
		r := v.request(v.plain)
		a := v.approve(v.redirect(r))
		v.success(a, r, v.plain)
		if a.HasRelayState {
			v.Errorf("RelayState %q", a.RelayState)
		}
	}},
	{"B009", "Bindings 3.4.3", "RelayState of 81 bytes: as it is, or refused", func(v *visit) {
		r, relay := v.request(v.plain), strings.Repeat("r", 81)
		page := v.redirect(r, relay)
		if page.StatusCode >= 400 {
			v.rejected(page)
			return
		}
		a := v.approve(page)
		v.success(a, r, v.plain)
		if a.RelayState != relay {
			v.Errorf("RelayState %q", a.RelayState)
		}
	}},
	{"B010", "Bindings 3.4.3", "RelayState without end is refused", func(v *visit) {
		v.rejected(v.redirect(v.request(v.plain), strings.Repeat("r", 20_000)))
	}},
	{"B011", "Bindings 3.4.6", "no message", func(v *visit) {
		v.rejected(v.query(""))
		v.rejected(v.query("RelayState=x"))
		v.rejected(v.form(v.plain, nil))
	}},
	{"B012", "Bindings 3.4.6", "empty message", func(v *visit) {
		v.rejected(v.query("SAMLRequest="))
		v.rejected(v.form(v.plain, []byte("SAMLRequest=")))
		v.rejected(v.query(samltest.RedirectQuery("", nil)))
	}},
	{"B013", "Bindings 3.4.4.1", "message cut, at several layers", func(v *visit) {
		message := v.request(v.plain).XML()
		cut := message[:len(message)-10]
		v.rejected(v.query(samltest.RedirectQuery(cut, nil)))
		v.rejected(v.post(v.plain, cut))
		deflated := samltest.Deflate([]byte(message))
		v.rejected(v.query("SAMLRequest=" + url.QueryEscape(encode(deflated[:len(deflated)/2]))))
		text := encode(deflated)
		v.rejected(v.query("SAMLRequest=" + url.QueryEscape(text[:len(text)-2])))
	}},
	{"B014", "Bindings 3.4.4", "two messages at once", func(v *visit) {
		query := samltest.RedirectQuery(v.request(v.plain).XML(), nil)
		v.rejected(v.query(query + "&" + query))
		v.rejected(v.query(query + "&SAMLResponse=" + url.QueryEscape(encode(samltest.Deflate([]byte("<x/>"))))))
	}},
	{"B015", "Bindings 3.5.4", "deflated message by HTTP-POST", func(v *visit) {
		body := "SAMLRequest=" + url.QueryEscape(encode(samltest.Deflate([]byte(v.request(v.plain).XML()))))
		v.rejected(v.form(v.plain, []byte(body)))
	}},
	{"B016", "Bindings 3.4.4.1", "message by HTTP-Redirect that is not deflated", func(v *visit) {
		v.rejected(v.query("SAMLRequest=" + url.QueryEscape(encode([]byte(v.request(v.plain).XML())))))
	}},
	{"B017", "Bindings 3.5.4", "the answer is a form of HTTP-POST", func(v *visit) {
		r := v.request(v.plain)
		a := v.approve(v.redirect(r, "state"))
		v.success(a, r, v.plain)
		if t := a.page.Header.Get("Content-Type"); !strings.HasPrefix(t, "text/html") {
			v.Errorf("content type %q", t)
		}
	}},
	{"B018", "Bindings 3.5.5.1", "nobody stores the pages", func(v *visit) {
		page := v.redirect(v.request(v.plain))
		v.notStored(page)
		v.notStored(v.approve(page).page)
	}},
	{"B019", "Bindings 3.4.6", "another method", func(v *visit) {
		r, err := http.NewRequestWithContext(v.Context(), http.MethodPut, v.ours.sso[bindingPOST], nil)
		must(v, err)
		v.rejected(v.browser.Do(r, true))
	}},
}

// relayed sends every RelayState there and back.
func (v *visit) relayed(send func(samltest.Request, string) *http.Response) {
	v.Helper()
	for name, relay := range relays {
		r := v.request(v.plain)
		a := v.approve(send(r, relay))
		if !a.HasRelayState || a.RelayState != relay {
			v.Errorf("%s: RelayState %q, want %q", name, a.RelayState, relay)
		}
		v.idp.Clock.Add(pause)
		v.browser = v.idp.Browser(v.browser.IP)
	}
}

// pause is long enough between sign-ins of one person.
const pause = 30 * time.Second
