package xmlsafe_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"
	validator "github.com/mattermost/xml-roundtrip-validator"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// good is a message that uses everything that is allowed.
const good = "\xef\xbb\xbf" + `<?xml version="1.0" encoding="utf-8" standalone='yes'?>
<p:A xmlns:p="urn:p" xmlns="urn:d" ID="_a" p:ID='_b' xml:lang="en">
  <B x="1 &lt; &#x32;">text &amp; more</B><p:C/><D xmlns="">é</D >
</p:A>
`

func TestAccepts(t *testing.T) {
	root, err := xmlsafe.Parse([]byte(good), xmlsafe.Message())
	if err != nil {
		t.Fatal(err)
	}
	if root.Parent() != nil {
		t.Error("the root has a parent")
	}
	type seen struct{ Space, Local, Text string }
	var got []seen
	for _, e := range append([]*etree.Element{root}, root.ChildElements()...) {
		got = append(got, seen{e.NamespaceURI(), e.Tag, strings.TrimSpace(e.Text())})
	}
	want := []seen{{"urn:p", "A", ""}, {"urn:d", "B", "text & more"}, {"urn:p", "C", ""}, {"", "D", "é"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if v, _ := xmlsafe.Attr(root, "ID"); v != "_a" {
		t.Errorf("ID = %q", v)
	}
}

func TestRefuses(t *testing.T) {
	repeat := strings.Repeat
	distinct := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	billion := `<!DOCTYPE a [<!ENTITY l "lol">` + distinct(10, `<!ENTITY l%[1]d "&l;&l;&l;&l;&l;&l;&l;&l;&l;&l;">`) + `]><a>&l9;</a>`
	tests := []struct {
		name   string
		xml    string
		reason idp.Reason
	}{
		{"A05 external entity", `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><r>&e;</r>`, idp.XMLDoctype},
		{"A04 doctype", `<!DOCTYPE x><x/>`, idp.XMLDoctype},
		{"X2 empty doctype", `<!DOCTYPE><x/>`, idp.XMLDoctype},
		{"X2 doctype after a declaration", `<?xml version="1.0"?><!DOCTYPE x><x/>`, idp.XMLDoctype},
		{"A06 billion laughs", billion, idp.XMLDoctype},
		{"X3 quadratic blow-up", `<!DOCTYPE a [<!ENTITY e "` + repeat("e", 50<<10) + `">]><a>` + repeat("&e;", 1000) + `</a>`, idp.XMLDoctype},
		{"X1 undeclared entity", `<a>&e;</a>`, idp.XMLSchema},
		{"X4 depth 33", repeat("<a>", 33) + repeat("</a>", 33), idp.XMLDepth},
		{"X4 depth 1000", repeat("<a>", 1000) + repeat("</a>", 1000), idp.XMLDepth},
		{"X4 depth 16000", repeat("<a>", 16000), idp.XMLDepth},
		{"A08 10,000 nested", repeat("<a>", 10000) + repeat("</a>", 5000), idp.XMLDepth},
		{"A07 16,000 elements", "<r>" + repeat("<a/>", 16000) + "</r>", idp.XMLSize},
		{"X5 501 elements", "<r>" + repeat("<a/>", 500) + "</r>", idp.XMLSize},
		{"X5 1000 attributes", "<r" + distinct(1000, ` a%d=""`) + "/>", idp.XMLSize},
		{"X5 65 attributes", "<r" + distinct(65, ` a%d=""`) + "/>", idp.XMLSize},
		{"X5 attributes in all", "<r>" + repeat("<a"+distinct(60, ` a%d=""`)+"/>", 9) + "</r>", idp.XMLSize},
		{"X5 1000 xmlns", "<r" + distinct(1000, ` xmlns:a%[1]d="u:%[1]d"`) + "/>", idp.XMLSize},
		{"X5 xmlns in all", "<r>" + repeat(`<a xmlns="urn:a"/>`, 65) + "</r>", idp.XMLSize},
		{"X5 document", "<r>" + repeat(" ", 64<<10) + "</r>", idp.XMLSize},
		{"X5 16 KiB beside certificates", "<r>" + repeat("<a>"+repeat(" ", 1000)+"</a>", 17) + "</r>", idp.XMLSize},
		{"X6 ProviderName of 60 KiB", `<r ProviderName="` + repeat("p", 60<<10) + `"/>`, idp.XMLSize},
		{"X6 text", `<r>` + repeat("p", 4<<10+1) + `</r>`, idp.XMLSize},
		{"X6 certificate", `<ds:X509Certificate>` + repeat("A", 16<<10+1) + `</ds:X509Certificate>`, idp.XMLSize},
		{"A11 two colons", `<x::Root/>`, idp.XMLRoundtrip},
		{"A11 leading colon", `<Root :attr="a"/>`, idp.XMLRoundtrip},
		{"A11 trailing colon", `<x:/>`, idp.XMLRoundtrip},
		{"A11 directive", `<! <<!-- -->!-->"--> " ><! "--> " >]<Root/>`, idp.XMLDoctype},
		{"X7 local name that is none", `<x:1 xmlns:x="u"/>`, idp.XMLSchema},
		{"A10 comment", `<Issuer>https://sp-b<!-- -->.test</Issuer>`, idp.XMLComment},
		{"X8 comment before the root", `<!-- --><r/>`, idp.XMLComment},
		{"X9 PI", `<r><?pi x?></r>`, idp.XMLSchema},
		{"X9 PI before the root", `<?xml-stylesheet href="x"?><r/>`, idp.XMLSchema},
		{"X9 second XML declaration", `<r><?xml version="1.0"?></r>`, idp.XMLSchema},
		{"X9 CDATA", `<r><![CDATA[x]]></r>`, idp.XMLSchema},
		{"X10 unbound prefix", `<p:r/>`, idp.XMLSchema},
		{"X10 unbound attribute prefix", `<r p:a="1"/>`, idp.XMLSchema},
		{"X10 prefix out of scope", `<r><a xmlns:p="u"/><p:b/></r>`, idp.XMLSchema},
		{"X10 prefix bound to nothing", `<r xmlns:p=""/>`, idp.XMLSchema},
		{"X10 xmlns as prefix", `<xmlns:r/>`, idp.XMLSchema},
		{"X10 xml rebound", `<r xmlns:xml="urn:x"/>`, idp.XMLSchema},
		{"X10 xml namespace taken", `<r xmlns:x="http://www.w3.org/XML/1998/namespace"/>`, idp.XMLSchema},
		{"X11", `<r ID="_a"><a ID="_a"/></r>`, idp.XMLDuplicateID},
		{"X12 duplicate attribute", `<r a="1" a="2"/>`, idp.XMLSchema},
		{"X12 duplicate expanded name", `<r xmlns:p="u" xmlns:q="u" p:a="1" q:a="2"/>`, idp.XMLSchema},
		{"X12 duplicate xmlns", `<r xmlns="u" xmlns="v"/>`, idp.XMLSchema},
		{"X13 two roots", `<r/><r/>`, idp.XMLSchema},
		{"X13 text after the root", `<r/>garbage`, idp.XMLSchema},
		{"X13 text before the root", `x<r/>`, idp.XMLSchema},
		{"X13 nothing", ``, idp.XMLSchema},
		{"X14 UTF-16 LE", "\xff\xfe<\x00r\x00/\x00>\x00", idp.XMLEncoding},
		{"X14 UTF-16 BE", "\x00<\x00r\x00/\x00>", idp.XMLEncoding},
		{"X14 UTF-7", `<?xml version="1.0" encoding="UTF-7"?><r>+ADw-</r>`, idp.XMLEncoding},
		{"X14 ISO-8859-1 declared", `<?xml version="1.0" encoding="ISO-8859-1"?><r/>`, idp.XMLEncoding},
		{"X14 ISO-8859-1 bytes", "<r>\xe9</r>", idp.XMLEncoding},
		{"X14 NUL", "<r>\x00</r>", idp.XMLEncoding},
		{"X14 NUL by reference", "<r>&#0;</r>", idp.XMLSchema},
		{"X14 overlong UTF-8", "<r>\xc0\xbc</r>", idp.XMLEncoding},
		{"X14 XML 1.1", `<?xml version="1.1"?><r/>`, idp.XMLSchema},
		{"mismatched end tag", `<a></b>`, idp.XMLSchema},
		{"not closed", `<a>`, idp.XMLSchema},
		{"closed twice", `<a></a></a>`, idp.XMLSchema},
		{"attribute without quotes", `<a b=c/>`, idp.XMLSchema},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := xmlsafe.Parse([]byte(tt.xml), xmlsafe.Message())
			if !errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: tt.reason}) {
				t.Errorf("got %v, want %s", err, tt.reason)
			}
		})
	}
}

func TestMetadataFreedoms(t *testing.T) {
	utf16 := func(order func(rune) []byte, s string) []byte {
		var b []byte
		for _, r := range s {
			b = append(b, order(r)...)
		}
		return b
	}
	little := func(r rune) []byte { return []byte{byte(r), byte(r >> 8)} }
	big := func(r rune) []byte { return []byte{byte(r >> 8), byte(r)} }
	declared := `<?xml version="1.0" encoding="UTF-16"?><r>é</r>`
	for name, doc := range map[string][]byte{
		"X14 comment":           []byte("<!-- - --><r>é<!-- x --></r><!-- -->"),
		"X14 UTF-16 LE BOM":     utf16(little, "\ufeff"+declared),
		"X14 UTF-16 BE BOM":     utf16(big, "\ufeff"+declared),
		"X14 UTF-16 LE":         utf16(little, declared),
		"X14 UTF-16 BE":         utf16(big, declared),
		"X14 ISO-8859-1":        []byte("<?xml version='1.0' encoding='iso-8859-1'?><r>\xe9</r>"),
		"X14 UTF-8 BOM":         []byte("\xef\xbb\xbf<r>é</r>"),
		"xmlns:xml as it is":    []byte(`<r xmlns:xml="http://www.w3.org/XML/1998/namespace">é</r>`),
		"values longer than 4K": []byte(`<r a="` + strings.Repeat("a", 5000) + `">é</r>`),
	} {
		t.Run(name, func(t *testing.T) {
			root, err := xmlsafe.Parse(doc, xmlsafe.Metadata())
			if err != nil {
				t.Fatal(err)
			}
			if root.Text() != "é" {
				t.Errorf("text = %q", root.Text())
			}
		})
	}
	t.Run("X8 a comment cuts nothing", func(t *testing.T) {
		root, err := xmlsafe.Parse([]byte("<r>a<!-- -->b</r>"), xmlsafe.Metadata())
		if err != nil || root.Text() != "ab" {
			t.Errorf("text = %q, %v", root.Text(), err)
		}
	})
	t.Run("A05 metadata", func(t *testing.T) {
		_, err := xmlsafe.Parse([]byte(`<!DOCTYPE r [<!ENTITY e SYSTEM "http://127.0.0.1:1/">]><r>&e;</r>`), xmlsafe.Metadata())
		if !errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: idp.XMLDoctype}) {
			t.Error(err)
		}
	})
}

// TestMetadataSamples reads what real service providers publish, where the
// samples are at hand: only files that are broken or hold a DTD may fail.
func TestMetadataSamples(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/metadata-samples/*.xml")
	refused := map[string]idp.Reason{
		"derived-doctype-internal-entity.xml": idp.XMLDoctype,
		"odd-empty-file.xml":                  idp.XMLSchema,
		"onelogin-unparsed_metadata.xml":      idp.XMLSchema,
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			doc, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			_, err = xmlsafe.Parse(doc, xmlsafe.Metadata())
			want := refused[filepath.Base(f)]
			if want == "" && err != nil || want != "" && !errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: want}) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// FuzzParse holds the two promises of the package: what it accepts survives a
// round trip through encoding/xml, and etree's own reader sees the same tree.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{good, `<a xmlns:p="u"><p:b p:c="d">&#13;</p:b></a>`, `<x::Root/>`, `<a><![CDATA[]]></a>`,
		`<a :b=""/>`, `<!-- --><a/>`, "<a b='&#10;\t'>]]&gt;</a>", `<a xmlns="u" xmlns:_xmlns="v" _xmlns:a="" xmlns:b="w"/>`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, err := xmlsafe.Parse(doc, xmlsafe.Message())
		if err != nil {
			return
		}
		if err := validator.Validate(bytes.NewReader(doc)); err != nil {
			t.Fatalf("accepted, but the validator says: %v", err)
		}
		theirs := etree.NewDocument()
		if err := theirs.ReadFromBytes(doc); err != nil {
			t.Fatalf("accepted, but etree says: %v", err)
		}
		if a, b := write(t, root), write(t, theirs.Root()); a != b {
			t.Fatalf("read differently:\n%s\n%s", a, b)
		}
	})
}

func write(t *testing.T, e *etree.Element) string {
	d := etree.NewDocument()
	d.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true, CanonicalEndTags: true}
	d.SetRoot(e.Copy())
	s, err := d.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// BenchmarkRefuse measures the dearest documents within the limits: those that
// are refused at their very last byte. Target: 2 ms and 1 MB.
func BenchmarkRefuse(b *testing.B) {
	l := xmlsafe.Message()
	repeat := strings.Repeat
	certificates := repeat("<X509Certificate>"+repeat("A", 13<<10)+"</X509Certificate>", 3)
	fill := func(unit string) string { // as often as the limits allow
		return "<r>" + repeat(unit, min(490, (l.Markup-200)/len(unit), 490/max(1, strings.Count(unit, "=")))) + certificates + "</s>"
	}
	attributes := ""
	for i := range 60 {
		attributes += fmt.Sprintf(` a%d="%s"`, i, repeat("x", 24))
	}
	for name, doc := range map[string]string{
		"references":    fill("<t>" + repeat("&lt;", 1000) + "</t>"),
		"text":          fill("<t>" + repeat("t", 4000) + "</t>"),
		"values":        fill("<t v='" + repeat("t", 4000) + "'/>"),
		"names":         fill("<" + repeat("n", 20) + "></" + repeat("n", 20) + ">"),
		"long names":    fill("<" + repeat("n", 120) + " " + repeat("m", 120) + "=''/>"),
		"attributes":    fill("<a" + attributes + "/>"),
		"mixed":         fill("<t v='" + repeat("t", 15) + "'>" + repeat("&lt;", 4) + "</t>"),
		"depth":         repeat("<a>", 33),
		"wide":          "<r>" + repeat("<a/>", 16000),
		"one attribute": "<r " + repeat(`a=""`, 16000) + "/>",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				if _, err := xmlsafe.Parse([]byte(doc), l); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
