package binding_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

const xml = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>`

func wantReason(t *testing.T, in *binding.Inbound, err error, reason idp.Reason) {
	t.Helper()
	if !errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: reason}) {
		t.Errorf("got %v, want %s", err, reason)
	}
	if in != nil {
		t.Error("a message was returned")
	}
}

func encode(b []byte) string { return url.QueryEscape(base64.StdEncoding.EncodeToString(b)) }

func TestRedirectAccepts(t *testing.T) {
	relay := "r&=+ é"
	query := samltest.RedirectQuery(xml, &relay) + "&SigAlg=urn%3ax&Signature=AAA%3D"
	in, err := binding.Redirect("utm=1&" + query + "&SAMLEncoding=urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Abindings%3AURL-Encoding%3ADEFLATE")
	if err != nil {
		t.Fatal(err)
	}
	if string(in.XML) != xml || in.RelayState != relay || !in.HasRelayState || in.Binding != idp.BindingRedirect {
		t.Errorf("in = %+v", in)
	}
	if want := strings.TrimSuffix(query, "&Signature=AAA%3D"); string(in.Signed) != want || in.SigAlg != "urn:x" || len(in.Signature) != 2 {
		t.Errorf("signed = %s", in.Signed)
	}
	t.Run("response", func(t *testing.T) {
		in, err := binding.Redirect(strings.Replace(query, "SAMLRequest", "SAMLResponse", 1))
		if err != nil || !in.Response || !strings.HasPrefix(string(in.Signed), "SAMLResponse=") {
			t.Errorf("in = %+v, %v", in, err)
		}
	})
	t.Run("D3 uncompressed block", func(t *testing.T) {
		n := len(xml)
		stored := append([]byte{1, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)}, xml...)
		in, err := binding.Redirect("SAMLRequest=" + encode(stored))
		if err != nil || string(in.XML) != xml || in.HasRelayState || in.Signed != nil {
			t.Errorf("in = %+v, %v", in, err)
		}
	})
}

func TestRedirectRefuses(t *testing.T) {
	good := samltest.RedirectQuery(xml, nil)
	deflated := samltest.Deflate([]byte(xml))
	var zlibbed, gzipped bytes.Buffer
	z, g := zlib.NewWriter(&zlibbed), gzip.NewWriter(&gzipped)
	for _, w := range []interface {
		Write([]byte) (int, error)
		Close() error
	}{z, g} {
		if _, err := w.Write([]byte(xml)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	request := func(b []byte) string { return "SAMLRequest=" + encode(b) }
	bomb := samltest.Deflate(bytes.Repeat([]byte("A"), 16<<20))
	spare := base64.StdEncoding.EncodeToString([]byte{1}) // AQ==
	for _, tt := range []struct {
		name, query string
		reason      idp.Reason
	}{
		{"D1 bomb", request(bomb), idp.DeflateLimit},
		{"D1 6 MiB of elements", request(samltest.Deflate(bytes.Repeat([]byte("<a/>"), 6<<18))), idp.DeflateLimit},
		{"D1 one byte too many", request(samltest.Deflate(bytes.Repeat([]byte("A"), 64<<10+1))), idp.DeflateLimit},
		{"D2 truncated", request(deflated[:len(deflated)-3]), idp.DeflateFormat},
		{"D2 bytes after", request(append(bytes.Clone(deflated), 0)), idp.DeflateFormat},
		{"D2 second stream", request(append(bytes.Clone(deflated), deflated...)), idp.DeflateFormat},
		{"D2 zlib", request(zlibbed.Bytes()), idp.DeflateFormat},
		{"D2 gzip", request(gzipped.Bytes()), idp.DeflateFormat},
		{"D3 empty output", request(samltest.Deflate(nil)), idp.DeflateFormat},
		{"D4 not deflated", request([]byte(xml)), idp.BindingEncoding},
		{"D4 SAMLEncoding", good + "&SAMLEncoding=urn:foo", idp.BindingEncoding},
		{"D5 URL-safe alphabet", "SAMLRequest=__8", idp.BadBase64},
		{"D5 missing padding", "SAMLRequest=AQ", idp.BadBase64},
		{"D5 white space", "SAMLRequest=AQ%20==", idp.BadBase64},
		{"D5 plus as space", "SAMLRequest=A+==", idp.BadBase64},
		{"D5 line break", "SAMLRequest=AQ%0D%0A==", idp.BadBase64},
		{"D5 spare bits", "SAMLRequest=" + strings.Replace(spare, "Q", "R", 1), idp.BadBase64},
		{"D5 empty", "SAMLRequest=", idp.BadBase64},
		{"S11 SAMLRequest twice", good + "&" + good, idp.BindingParams},
		{"S11 evil first", "SAMLRequest=AAAA&" + good, idp.BindingParams},
		{"S11 evil last", good + "&SAMLRequest=AAAA", idp.BindingParams},
		{"S11 RelayState twice", good + "&RelayState=a&RelayState=a", idp.BindingParams},
		{"S11 SigAlg twice", good + "&SigAlg=a&SigAlg=a&Signature=AAAA", idp.BindingParams},
		{"S11 Signature twice", good + "&SigAlg=a&Signature=AAAA&Signature=AAAA", idp.BindingParams},
		{"S11 encoded name", good + "&%53AMLRequest=AAAA", idp.BindingParams},
		{"S11 with SAMLResponse", good + "&SAMLResponse=AAAA", idp.BindingParams},
		{"nothing", "", idp.BindingParams},
		{"bad percent-encoding", "SAMLRequest=%zz", idp.BindingParams},
		{"A23 Signature alone", good + "&Signature=AAAA", idp.BindingParams},
		{"A23 SigAlg alone", good + "&SigAlg=a", idp.BindingParams},
		{"Signature that is no base64", good + "&SigAlg=a&Signature=%21", idp.BadBase64},
		{"A30 1,025 bytes", good + "&RelayState=" + strings.Repeat("r", 1025), idp.RelayStateSize},
		{"P5 not UTF-8", good + "&RelayState=%ff", idp.BindingParams},
		{"P5 CRLF", good + "&RelayState=a%0D%0Ab", idp.BindingParams},
		{"P5 NUL", good + "&RelayState=%00", idp.BindingParams},
		{"parameter of 33 KiB", "SAMLRequest=" + strings.Repeat("AAAA", 33<<8), idp.XMLSize},
		{"query of 129 KiB", strings.Repeat("a", 129<<10), idp.XMLSize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, err := binding.Redirect(tt.query)
			wantReason(t, in, err, tt.reason)
		})
	}
	t.Run("A09", func(t *testing.T) {
		query := request(samltest.Deflate(bytes.Repeat([]byte("A"), 64<<20)))
		result := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				in, err := binding.Redirect(query)
				if in != nil || err == nil {
					b.Fatal("accepted")
				}
			}
		})
		if n := result.AllocedBytesPerOp(); n > 1<<20 {
			t.Errorf("allocates %d bytes", n)
		}
	})
}

func TestPOST(t *testing.T) {
	relay := ""
	in, err := binding.POST("application/x-www-form-urlencoded; charset=UTF-8", samltest.POSTBody(xml, &relay))
	if err != nil || string(in.XML) != xml || !in.HasRelayState || in.Signed != nil || in.Binding != idp.BindingPOST {
		t.Fatalf("in = %+v, %v", in, err)
	}
	b64 := base64.StdEncoding.EncodeToString([]byte(xml))
	t.Run("D5 line breaks in POST", func(t *testing.T) {
		in, err := binding.POST(samltest.FormType, []byte("SAMLRequest="+url.QueryEscape(b64[:40]+"\r\n"+b64[40:]+"\n")))
		if err != nil || string(in.XML) != xml {
			t.Error(err)
		}
	})
	good := string(samltest.POSTBody(xml, nil))
	for _, tt := range []struct {
		name, contentType, body string
		reason                  idp.Reason
	}{
		{"D4 deflated body", samltest.FormType, "SAMLRequest=" + encode(samltest.Deflate([]byte(xml))), idp.BindingEncoding},
		{"D4 SAMLEncoding", samltest.FormType, good + "&SAMLEncoding=x", idp.BindingEncoding},
		{"D5 space", samltest.FormType, "SAMLRequest=" + url.QueryEscape(b64[:40]+" "+b64[40:]), idp.BadBase64},
		{"S11", samltest.FormType, good + "&" + good, idp.BindingParams},
		{"S16", samltest.FormType, good + "&SigAlg=a&Signature=AAAA", idp.BindingParams},
		{"A30", samltest.FormType, good + "&RelayState=" + strings.Repeat("r", 1025), idp.RelayStateSize},
		{"JSON", "application/json", good, idp.BindingParams},
		{"no type", "", good, idp.BindingParams},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, err := binding.POST(tt.contentType, []byte(tt.body))
			wantReason(t, in, err, tt.reason)
		})
	}
}

// FuzzRedirect holds the limits and that the signed octets come from the query.
func FuzzRedirect(f *testing.F) {
	relay := "r"
	f.Add(samltest.RedirectQuery(xml, &relay) + "&SigAlg=a&Signature=AAAA")
	f.Add("SAMLRequest=" + encode([]byte(xml)))
	f.Fuzz(func(t *testing.T, query string) {
		in, err := binding.Redirect(query)
		if err != nil {
			return
		}
		if len(in.XML) == 0 || len(in.XML) > 64<<10 || len(in.RelayState) > 1024 {
			t.Fatal("limits")
		}
		for part := range strings.SplitSeq(string(in.Signed), "&") {
			if !strings.Contains("&"+query+"&", "&"+part+"&") && part != "" {
				t.Fatalf("signed octets %q were not received", part)
			}
		}
	})
}

func FuzzPOST(f *testing.F) {
	f.Add(samltest.FormType, samltest.POSTBody(xml, nil))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		in, err := binding.POST(contentType, body)
		if err == nil && (len(in.XML) == 0 || len(in.XML) > 64<<10 || len(in.RelayState) > 1024) {
			t.Fatal("limits")
		}
	})
}
