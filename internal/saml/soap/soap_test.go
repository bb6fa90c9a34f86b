package soap_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/soap"
)

const contentType = "text/xml; charset=UTF-8"

func envelope(header, body string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">` + header + body + `</s:Envelope>`
}

const body = `<s:Body><x:Ping xmlns:x="urn:x"/></s:Body>`

func TestParse(t *testing.T) {
	known := soap.Name{Space: "urn:h", Local: "Known"}
	header := `<s:Header>
	  <h:Known xmlns:h="urn:h" s:mustUnderstand="1" s:actor="http://schemas.xmlsoap.org/soap/actor/next">v</h:Known>
	  <h:Other xmlns:h="urn:h" s:mustUnderstand="0"/><h:Third xmlns:h="urn:h"/></s:Header>`
	env, err := soap.Parse(contentType, []byte(envelope(header, body)), known)
	if err != nil {
		t.Fatal(err)
	}
	if env.Body.Tag != "Ping" || env.Body.NamespaceURI() != "urn:x" || len(env.Header) != 3 || env.IsFault() {
		t.Errorf("envelope: %+v", env)
	}
	block, err := env.Find(known)
	if err != nil || block.Text() != "v" {
		t.Errorf("Find: %v, %v", block, err)
	}
	if block, err := env.Find(soap.Name{Space: "urn:h", Local: "None"}); block != nil || err != nil {
		t.Errorf("Find of nothing: %v, %v", block, err)
	}
}

func TestParseRefuses(t *testing.T) {
	header := func(block string) string { return `<s:Header>` + block + `</s:Header>` }
	for _, tt := range []struct{ name, contentType, xml, code string }{
		{"E4 SOAP 1.2", contentType, strings.Replace(envelope("", body), "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope", 1), soap.CodeVersion},
		{"E4 mustUnderstand", contentType, envelope(header(`<h:A xmlns:h="urn:h" s:mustUnderstand="1"/>`), body), soap.CodeMustUnderstand},
		{"E4 mustUnderstand for the next", contentType, envelope(header(`<h:A xmlns:h="urn:h" s:mustUnderstand="1" s:actor="http://schemas.xmlsoap.org/soap/actor/next"/>`), body), soap.CodeMustUnderstand},
		{"E4 known name in another namespace", contentType, envelope(header(`<h:Known xmlns:h="urn:other" s:mustUnderstand="1"/>`), body), soap.CodeMustUnderstand},
		{"E4 mustUnderstand of another value", contentType, envelope(header(`<h:A xmlns:h="urn:h" s:mustUnderstand="true"/>`), body), soap.CodeClient},
		{"E4 actor", contentType, envelope(header(`<h:A xmlns:h="urn:h" s:actor="urn:somebody"/>`), body), soap.CodeClient},
		{"E4 two children", contentType, envelope("", `<s:Body><x xmlns="urn:x"/><x xmlns="urn:x"/></s:Body>`), soap.CodeClient},
		{"E4 no Body", contentType, envelope("", ""), soap.CodeClient},
		{"E4 empty Body", contentType, envelope("", "<s:Body/>"), soap.CodeClient},
		{"two Bodies", contentType, envelope("", body+body), soap.CodeClient},
		{"Header behind Body", contentType, envelope(body, header("")), soap.CodeClient},
		{"two Headers", contentType, envelope(header("")+header(""), body), soap.CodeClient},
		{"text in Body", contentType, envelope("", `<s:Body>x<x xmlns="urn:x"/></s:Body>`), soap.CodeClient},
		{"header block without namespace", contentType, envelope(header(`<A/>`), body), soap.CodeClient},
		{"no envelope", contentType, `<x xmlns="urn:x"/>`, soap.CodeClient},
		{"DTD", contentType, `<!DOCTYPE x>` + envelope("", body), soap.CodeClient},
		{"empty", contentType, "", soap.CodeClient},
		{"a form", "application/x-www-form-urlencoded", envelope("", body), soap.CodeClient},
		{"SOAP 1.2 media type", "application/soap+xml", envelope("", body), soap.CodeClient},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env, err := soap.Parse(tt.contentType, []byte(tt.xml), soap.Name{Space: "urn:h", Local: "Known"})
			var fault *soap.Fault
			if env != nil || !errors.As(err, &fault) || fault.Code != tt.code {
				t.Fatalf("got %v, %v, want %s", env, err, tt.code)
			}
			if idp.CodeOf(err) != idp.SAMLRefused {
				t.Errorf("the log is told %v", fault.Err)
			}
			told, err := soap.Parse(contentType, fault.XML())
			if err != nil || !told.IsFault() || told.Body.FindElement("faultcode").Text() != "S:"+tt.code {
				t.Errorf("fault cannot be read back: %s", fault.XML())
			}
		})
	}
	t.Run("block twice", func(t *testing.T) {
		env, err := soap.Parse(contentType, []byte(envelope(header(`<h:A xmlns:h="urn:h"/><h:A xmlns:h="urn:h"/>`), body)))
		if err != nil {
			t.Fatal(err)
		}
		if block, err := env.Find(soap.Name{Space: "urn:h", Local: "A"}); block != nil || err == nil {
			t.Errorf("found %v, %v", block, err)
		}
	})
}

func TestWrap(t *testing.T) {
	block := etree.NewElement("h:Known")
	block.CreateAttr("xmlns:h", "urn:h")
	soap.ForNext(block)
	content := etree.NewElement("x:Ping")
	content.CreateAttr("xmlns:x", "urn:x")
	out := soap.Wrap([]*etree.Element{block}, content)
	env, err := soap.Parse(contentType, out, soap.Name{Space: "urn:h", Local: "Known"})
	if err != nil || env.Body.Tag != "Ping" || len(env.Header) != 1 {
		t.Errorf("%s: %v", out, err)
	}
	if _, err := soap.Parse(contentType, out); err == nil {
		t.Error("ForNext is not seen")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(envelope("", body)))
	f.Add([]byte(envelope(`<s:Header><h:A xmlns:h="urn:h" s:mustUnderstand="1"/></s:Header>`, body)))
	f.Fuzz(func(t *testing.T, b []byte) {
		env, err := soap.Parse(contentType, b)
		if (env == nil) == (err == nil) {
			t.Fatal("neither an envelope nor an error")
		}
		if err == nil && env.Body == nil {
			t.Fatal("no content")
		}
	})
}
