package request

import (
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/message"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// ChannelBindingNS is the namespace of SAML V2.0 Channel Binding Extensions 1.0.
const ChannelBindingNS = "urn:oasis:names:tc:SAML:protocol:ext:channel-binding"

// maxChannelBindings bounds how many a message may name. Two are usual.
const maxChannelBindings = 8

// ReadChannelBindings reads the cb:ChannelBindings among elements, those of
// Extensions or the header blocks of an envelope. Others are passed over.
func ReadChannelBindings(elements []*etree.Element) (found []idp.ChannelBinding, err error) {
	for _, e := range elements {
		if !xmlsafe.Is(e, ChannelBindingNS, "ChannelBindings") {
			continue
		}
		kind, _ := xmlsafe.Attr(e, "Type")
		value, err := message.Text(e)
		if err != nil {
			return nil, err
		}
		value = strings.TrimSpace(value)
		if kind == "" || len(found) == maxChannelBindings {
			return nil, message.Schema("ChannelBindings without Type, or too many")
		}
		if _, err := base64.StdEncoding.Strict().DecodeString(value); err != nil {
			return nil, message.Schema("ChannelBindings that are not base64")
		}
		found = append(found, idp.ChannelBinding{Type: kind, Value: value})
	}
	return found, nil
}
