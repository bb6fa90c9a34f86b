package admin

import (
	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/wsfed"
)

// samlName is how idp.ProtocolSAML may also be written.
const samlName = "saml"

// protocolOf reads the protocol of a new service provider, which stays: what
// was registered for one is not answered in another by a slip.
func protocolOf(req *adminapi.NewServiceProvider) (string, error) {
	switch req.Protocol {
	case idp.ProtocolSAML, samlName:
		return idp.ProtocolSAML, nil
	case idp.ProtocolWSFed:
		if req.Metadata != nil || req.MetadataURL != "" || req.MDQURL != "" || req.ACSURL != "" {
			return "", invalid("a service provider that speaks WS-Federation is added by its entity_id and reply_urls, without metadata and acs_url")
		}
		return idp.ProtocolWSFed, nil
	}
	return "", invalid("protocol is %s or %s, not %q", samlName, idp.ProtocolWSFed, req.Protocol)
}

// applyReplies puts the reply URLs of WS-Federation into sp; the first is the
// default one.
func applyReplies(sp *idp.ServiceProvider, urls *[]string) error {
	switch {
	case urls == nil:
		return nil
	case sp.Protocol != idp.ProtocolWSFed:
		return invalid("reply_urls are for service providers that speak WS-Federation")
	}
	sp.ACS = nil
	for i, u := range *urls {
		sp.ACS = append(sp.ACS, idp.Endpoint{Index: i, Binding: idp.BindingPOST, Location: u})
	}
	return nil
}

// checkProtocol refuses what does not go with the protocol of sp.
func (h *Handlers) checkProtocol(sp *idp.ServiceProvider) error {
	if sp.Protocol != idp.ProtocolWSFed {
		return nil
	}
	if len(sp.ACS) == 0 || len(sp.ACS) > maxReplies {
		return invalid("reply_urls has 1 to %d addresses, not %d", maxReplies, len(sp.ACS))
	}
	for _, e := range sp.ACS {
		if err := metadata.CheckACS(e.Location, h.Config.Local()); err != nil {
			return mistake("reply_urls: ", err)
		}
	}
	if err := wsfed.Check(sp); err != nil {
		return invalid("%v", err)
	}
	return nil
}

const maxReplies = 50
