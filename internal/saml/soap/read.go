package soap

import (
	"mime"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

const (
	// NS is the namespace of SOAP 1.1 envelopes.
	NS = "http://schemas.xmlsoap.org/soap/envelope/"
	// ActorNext addresses a header block to whoever receives the message next.
	ActorNext = "http://schemas.xmlsoap.org/soap/actor/next"
	// ContentType is the media type of an envelope over HTTP.
	ContentType = "text/xml; charset=utf-8"
)

// Envelope is a message: its header blocks and the one element of its Body.
// They are parts of the tree that was parsed.
type Envelope struct {
	Header []*etree.Element
	Body   *etree.Element
}

// Name is the expanded name of a header block.
type Name struct{ Space, Local string }

// Parse reads an envelope. understood are the header blocks that the caller
// acts upon; another one that must be understood is refused. Every error is an
// *Fault, with the refusal that the log is told inside.
func Parse(contentType string, body []byte, understood ...Name) (*Envelope, error) {
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != "text/xml" {
		return nil, client(idp.BindingParams, "The message must be text/xml.")
	}
	root, err := xmlsafe.Parse(body, xmlsafe.Message())
	if err != nil {
		return nil, &Fault{Code: CodeClient, Text: "The message is not XML that is accepted here.", Err: err}
	}
	if root.Tag == "Envelope" && root.NamespaceURI() != NS {
		return nil, &Fault{
			Code: CodeVersion, Text: "Only SOAP 1.1 is spoken here.", Err: idp.Refuse(idp.XMLSchema, "envelope of another SOAP version"),
		}
	}
	if !xmlsafe.Is(root, NS, "Envelope") {
		return nil, client(idp.XMLSchema, "The message is not a SOAP envelope.")
	}
	return read(root, understood)
}

func read(root *etree.Element, understood []Name) (*Envelope, error) {
	parts := root.ChildElements()
	env := &Envelope{}
	if len(parts) > 0 && xmlsafe.Is(parts[0], NS, "Header") {
		env.Header = parts[0].ChildElements()
		parts = parts[1:]
	}
	if len(parts) != 1 || !xmlsafe.Is(parts[0], NS, "Body") {
		return nil, client(idp.XMLSchema, "The envelope must hold one Body, after its Header.")
	}
	for _, block := range env.Header {
		if err := judge(block, understood); err != nil {
			return nil, err
		}
	}
	content := parts[0].ChildElements()
	if len(content) != 1 || strings.TrimSpace(text(parts[0])) != "" {
		return nil, client(idp.XMLSchema, "The Body must hold exactly one element.")
	}
	env.Body = content[0]
	return env, nil
}

// judge decides whether a header block can be passed over (SOAP 1.1 4.2.3). A
// block for another actor would be for somebody between the sender and us, and
// there is nobody: it was sent to the wrong place, or is meant to be read
// differently by two readers.
func judge(block *etree.Element, understood []Name) error {
	if block.NamespaceURI() == "" {
		return client(idp.XMLSchema, "A header block must have a namespace.")
	}
	if actor, ok := attr(block, "actor"); ok && actor != ActorNext {
		return client(idp.XMLSchema, "A header block is for another actor.")
	}
	must, ok := attr(block, "mustUnderstand")
	switch {
	case !ok, must == "0":
		return nil
	case must != "1":
		return client(idp.XMLSchema, "mustUnderstand must be 0 or 1.")
	}
	for _, n := range understood {
		if xmlsafe.Is(block, n.Space, n.Local) {
			return nil
		}
	}
	return &Fault{
		Code: CodeMustUnderstand, Text: "A header block that must be understood is not known here.",
		Err: idp.Refuse(idp.XMLSchema, "unknown header block that must be understood"),
	}
}

// Find returns the header block of a name, nil if there is none. One that is
// there twice is refused.
func (env *Envelope) Find(n Name) (found *etree.Element, err error) {
	for _, block := range env.Header {
		if !xmlsafe.Is(block, n.Space, n.Local) {
			continue
		}
		if found != nil {
			return nil, client(idp.XMLSchema, "A header block is there twice.")
		}
		found = block
	}
	return found, nil
}

// attr is an attribute of the SOAP namespace.
func attr(e *etree.Element, name string) (string, bool) {
	for _, a := range e.Attr {
		if a.Space != "" && a.Key == name && a.NamespaceURI() == NS {
			return a.Value, true
		}
	}
	return "", false
}

func text(e *etree.Element) (all string) {
	for _, c := range e.Child {
		if t, ok := c.(*etree.CharData); ok {
			all += t.Data
		}
	}
	return all
}
