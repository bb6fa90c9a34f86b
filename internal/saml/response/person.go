package response

import "github.com/latchkey-idp/latchkey/internal/idp"

// Person is what a service provider learns about a person, whatever the form of
// the assertion that says so.
type Person struct {
	NameID       string // empty where none is sent
	NameIDFormat string // full URI; empty where none is sent
	Attributes   []Attribute

	warnings, dropped []string // as in Issued
}

// Describe evaluates the service provider's mapping for the person. An
// *idp.Error with a Reason attr.* means that the directory lacks something that
// the service provider needs.
func (in *Issue) Describe() (*Person, error) {
	id, err := nameIDFor(in.SP, in.Login.NameIDFormat, in.User, in.Pairwise, in.Seed)
	if err != nil {
		return nil, err
	}
	attributes, dropped, err := Attributes(in.SP, in.Rules, in.Login.AttributeIndex, in.User)
	if err != nil {
		return nil, err
	}
	return &Person{
		NameID: id.value, NameIDFormat: id.format, Attributes: attributes, warnings: id.warnings, dropped: dropped,
	}, nil
}

// Issued is the message about who that is ready to be posted, unless it is too
// large.
func (in *Issue) Issued(xml []byte, who *Person) (*Issued, error) {
	if len(xml) > maxXML {
		return nil, refuse(in.SP, idp.AttrTooLarge, "the answer about user %s to %s has %d bytes, at most %d fit",
			in.User.Email, in.SP.EntityID, len(xml), maxXML)
	}
	return &Issued{
		XML: xml, ResponseID: in.ResponseID, AssertionID: in.AssertionID,
		NameID: who.NameID, NameIDFormat: who.NameIDFormat, Warnings: who.warnings, Dropped: who.dropped,
	}, nil
}
