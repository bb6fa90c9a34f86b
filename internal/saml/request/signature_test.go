package request_test

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

func TestSignature(t *testing.T) {
	a, b := samltest.A(), samltest.B()
	message := a.Request(now).XML()
	relay := "a b+c&d=é"
	query := samltest.RedirectQuery(message, &relay)
	signed := a.SignQuery(query, samltest.RSASHA256)

	for name, receive := range map[string]func() (*idp.Login, error){
		"POST":     func() (*idp.Login, error) { return post(a, a.SignXML(message, samltest.Signing{})) },
		"Redirect": func() (*idp.Login, error) { return redirect(a, signed) },
		"S10 order of parameters": func() (*idp.Login, error) {
			parts := strings.Split(signed, "&")
			return redirect(a, strings.Join([]string{parts[3], "x=y", parts[1], parts[2], parts[0]}, "&"))
		},
		"S10 empty RelayState": func() (*idp.Login, error) {
			empty := ""
			return redirect(a, a.SignQuery(samltest.RedirectQuery(message, &empty), samltest.RSASHA256))
		},
		"A24 lower-case percent-encoding": func() (*idp.Login, error) {
			return redirect(a, a.SignQuery(lowerHex(query), samltest.RSASHA256))
		},
		"S10 %20 for a space": func() (*idp.Login, error) {
			return redirect(a, a.SignQuery(strings.ReplaceAll(query, "a+b", "a%20b"), samltest.RSASHA256))
		},
		"S8 SP B unsigned": func() (*idp.Login, error) { return post(b, b.Request(now).XML()) },
		"S14 every registered key": func() (*idp.Login, error) {
			sp := samltest.A()
			sp.SigningCerts = [][]byte{b.Cert.Raw, a.Cert.Raw}
			return redirect(sp, signed)
		},
	} {
		t.Run("ACCEPT "+name, func(t *testing.T) {
			login, err := receive()
			accepted(t, login, err)
		})
	}

	withoutParameter := func(name string) string {
		return regexp.MustCompile("&"+name+"=[^&]*").ReplaceAllString(signed, "")
	}
	weak := samltest.RSA(1024)
	spWeak := samltest.A()
	spWeak.SigningCerts = [][]byte{weak.Cert.Raw}
	fromB := b.Request(now).XML()
	for _, tt := range []struct {
		name   string
		reason idp.Reason
		send   func() (*idp.Login, error)
	}{
		{"A20 POST", idp.SigRequired, func() (*idp.Login, error) { return post(a, message) }},
		{"A20 Redirect", idp.SigRequired, func() (*idp.Login, error) { return redirect(a, query) }},
		{"A21 POST", idp.SigUntrustedKey, func() (*idp.Login, error) { return post(a, b.SignXML(message, samltest.Signing{})) }},
		{"A21 S9 Redirect", idp.SigUntrustedKey, func() (*idp.Login, error) { return redirect(a, b.SignQuery(query, samltest.RSASHA256)) }},
		{"A22 RSA-SHA1", idp.SigAlgorithm, func() (*idp.Login, error) { return redirect(a, a.SignQuery(query, samltest.RSASHA1)) }},
		{"A22 SHA-1 digest", idp.SigAlgorithm, func() (*idp.Login, error) {
			return post(a, a.SignXML(message, samltest.Signing{Digest: samltest.SHA1}))
		}},
		{"A22 RSA-1024", idp.SigAlgorithm, func() (*idp.Login, error) { return redirect(spWeak, weak.SignQuery(query, samltest.RSASHA256)) }},
		{"A23 Signature removed", idp.BindingParams, func() (*idp.Login, error) { return redirect(a, withoutParameter("Signature")) }},
		{"A23 SigAlg removed", idp.BindingParams, func() (*idp.Login, error) { return redirect(a, withoutParameter("SigAlg")) }},
		{"A23 both removed", idp.SigRequired, func() (*idp.Login, error) {
			return redirect(a, query)
		}},
		{"A23 RelayState changed", idp.SigUntrustedKey, func() (*idp.Login, error) {
			return redirect(a, edit(t, signed, "RelayState=a", "RelayState=b"))
		}},
		{"A23 RelayState removed", idp.SigUntrustedKey, func() (*idp.Login, error) { return redirect(a, withoutParameter("RelayState")) }},
		{"S10 re-encoded after signing", idp.SigUntrustedKey, func() (*idp.Login, error) {
			return redirect(a, edit(t, signed, "%2B", "%2b"))
		}},
		{"S8 stripped", idp.SigRequired, func() (*idp.Login, error) { return post(a, message) }},
		{"S8 SP B broken, POST", idp.SigReference, func() (*idp.Login, error) {
			return post(b, edit(t, b.SignXML(fromB, samltest.Signing{}), "https://sp-b.test/acs", "https://sp-b.test/acs2"))
		}},
		{"S8 SP B broken, Redirect", idp.SigUntrustedKey, func() (*idp.Login, error) {
			return redirect(b, a.SignQuery(samltest.RedirectQuery(fromB, nil), samltest.RSASHA256))
		}},
		{"A26", idp.SigUntrustedKey, func() (*idp.Login, error) {
			return post(a, b.SignXML(message, samltest.Signing{KeyInfo: b.X509()}))
		}},
		{"S13", idp.BindingParams, func() (*idp.Login, error) {
			return redirect(a, samltest.RedirectQuery(a.SignXML(message, samltest.Signing{}), nil))
		}},
		{"S14 removed key", idp.SigUntrustedKey, func() (*idp.Login, error) {
			sp := samltest.A()
			sp.SigningCerts = [][]byte{b.Cert.Raw}
			return redirect(sp, signed)
		}},
		{"stuffed with elements", idp.XMLSize, func() (*idp.Login, error) {
			return post(a, samltest.Insert(a.SignXML(message, samltest.Signing{}), "<samlp:Extensions>"+strings.Repeat("<a/>", 100)+"</samlp:Extensions>"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			login, err := tt.send()
			refused(t, login, err, tt.reason)
		})
	}
	t.Run("S5 setting", func(t *testing.T) {
		defer func(e []string) { env.Refused = e }(env.Refused)
		env.Refused = []string{samltest.RSASHA256}
		login, err := redirect(a, signed)
		refused(t, login, err, idp.SigAlgorithm)
		var e *idp.Error
		if errors.As(err, &e); e.Fix != "" {
			t.Errorf("fix = %q, which would not help", e.Fix)
		}
	})
}

// TestWrapping plays the eight signature wrapping attacks on a captured signed
// request, with an evil request of another and of the same ID.
func TestWrapping(t *testing.T) {
	a := samltest.A()
	original := a.Request(now).XML()
	captured := a.SignXML(original, samltest.Signing{})
	from := strings.Index(captured, "<ds:Signature ")
	signature := captured[from : strings.Index(captured, "</ds:Signature>")+len("</ds:Signature>")]
	inSignature := func(open, end string) string {
		return edit(t, signature, "</ds:Signature>", open+original+end+"</ds:Signature>")
	}
	evil := func(id, afterIssuer string) string {
		r := a.Request(now)
		r.ID, r.ACS = id, "https://evil.test/acs"
		return samltest.Insert(r.XML(), afterIssuer)
	}
	extension := func(s string) string { return "<samlp:Extensions>" + s + "</samlp:Extensions>" }
	for i, tt := range []struct {
		make  func(id string) string
		other idp.Reason
		same  idp.Reason
	}{
		{func(id string) string { return evil(id, inSignature("<ds:Object>", "</ds:Object>")) }, idp.SigShape, idp.XMLDuplicateID},
		{func(id string) string { return evil(id, signature+original) }, idp.XMLSchema, idp.XMLDuplicateID},
		{func(id string) string { return evil(id, signature+extension(original)) }, idp.SigReference, idp.XMLDuplicateID},
		{func(id string) string { return evil(id, extension(captured)) }, idp.SigShape, idp.XMLDuplicateID}, // A27
		{func(id string) string { return evil(id, captured) }, idp.SigShape, idp.XMLDuplicateID},
		{func(id string) string {
			return evil(id, edit(t, signature, "</ds:SignatureValue>", "</ds:SignatureValue><ds:KeyInfo>"+original+"</ds:KeyInfo>"))
		}, idp.SigReference, idp.XMLDuplicateID},
		{func(id string) string { return edit(t, captured, signature, signature+extension(evil(id, ""))) }, idp.SigReference, idp.XMLDuplicateID},
		{func(id string) string { return evil(id, signature) }, idp.SigReference, idp.SigReference}, // the original is gone
	} {
		for _, id := range []string{"_evil", "_sp-a-1"} {
			t.Run(fmt.Sprintf("A27 S1 XSW%d %s", i+1, id), func(t *testing.T) {
				want := tt.other
				if id == "_sp-a-1" {
					want = tt.same
				}
				login, err := post(a, tt.make(id))
				refused(t, login, err, want)
			})
		}
	}
}

func lowerHex(query string) string {
	return regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(query, strings.ToLower)
}

func TestRelayState(t *testing.T) {
	b := samltest.B()
	for _, relay := range []string{`"><script>alert(1)</script>`, "javascript:alert(1)", strings.Repeat("r", 1024), "é 日本", ""} {
		t.Run("A30 P5 "+url.PathEscape(relay[:min(20, len(relay))]), func(t *testing.T) {
			login, err := redirect(b, samltest.RedirectQuery(b.Request(now).XML(), &relay))
			if got := accepted(t, login, err); got.RelayState != relay || !got.HasRelayState {
				t.Errorf("RelayState = %q", got.RelayState)
			}
		})
	}
}
