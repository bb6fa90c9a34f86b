package soap

import (
	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
)

// Fault codes (SOAP 1.1 4.4.1). Over HTTP a fault has the status 500 (6.2).
const (
	CodeVersion        = "VersionMismatch"
	CodeMustUnderstand = "MustUnderstand"
	CodeClient         = "Client"
	CodeServer         = "Server"
)

// Fault is a message that could not be processed.
type Fault struct {
	Code string
	Text string // faultstring: plain words of our own
	Err  error  // what the log is told
}

func (f *Fault) Error() string {
	if f.Err != nil {
		return "SOAP fault " + f.Code + ": " + f.Err.Error()
	}
	return "SOAP fault " + f.Code + ": " + f.Text
}

// Unwrap gives the refusal behind it.
func (f *Fault) Unwrap() error { return f.Err }

// XML is the envelope that tells it.
func (f *Fault) XML() []byte {
	fault := etree.NewElement("S:Fault")
	// The children have no namespace (SOAP 1.1 4.4).
	fault.CreateElement("faultcode").SetText("S:" + f.Code)
	fault.CreateElement("faultstring").SetText(f.Text)
	return Wrap(nil, fault)
}

// IsFault reports whether the Body holds a fault.
func (env *Envelope) IsFault() bool {
	return env.Body.Tag == "Fault" && env.Body.NamespaceURI() == NS
}

// Wrap writes an envelope around the element of its Body, which must declare
// the namespaces that it uses, or use the prefix S of the envelope. A signature
// in it stays valid: exclusive canonical XML does not see what is around.
func Wrap(header []*etree.Element, body *etree.Element) []byte {
	root := etree.NewElement("S:Envelope")
	root.CreateAttr("xmlns:S", NS)
	if len(header) > 0 {
		h := root.CreateElement("S:Header")
		for _, block := range header {
			h.AddChild(block)
		}
	}
	root.CreateElement("S:Body").AddChild(body)
	return dsig.Serialize(root)
}

// ForNext marks a header block as one that whoever receives it must understand.
func ForNext(block *etree.Element) {
	block.CreateAttr("S:mustUnderstand", "1")
	OfferNext(block)
}

// OfferNext marks a header block as one that whoever receives it may pass over.
func OfferNext(block *etree.Element) { block.CreateAttr("S:actor", ActorNext) }

func client(reason idp.Reason, words string) *Fault {
	return &Fault{Code: CodeClient, Text: words, Err: idp.Refuse(reason, "%s", words)}
}
