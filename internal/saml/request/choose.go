package request

import (
	"net/url"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
)

// chooseACS finds where the answer goes: the registered endpoint that the
// request names, byte for byte, or the default one (SAML Profiles 4.1.4.1,
// 4.2.4.1), among those for binding. When another binding is wanted, it is the
// default endpoint and supported is false. To PAOS an endpoint of another
// binding does not exist: a program is never sent to what is for browsers.
func chooseACS(req *AuthnRequest, sp *idp.ServiceProvider, binding string) (acs string, supported bool, err error) {
	fallback := sp.DefaultACSFor(binding)
	if fallback == nil {
		return "", false, idp.Refuse(idp.ACSUnregistered, "no endpoint for %s is registered", binding)
	}
	wanted := req.ProtocolBinding == "" || req.ProtocolBinding == binding
	if req.ACSURL == "" && req.ACSIndex == nil {
		return fallback.Location, wanted, nil
	}
	named := false
	for _, e := range sp.ACS {
		if req.ACSIndex != nil && *req.ACSIndex != e.Index || req.ACSIndex == nil && req.ACSURL != e.Location {
			continue
		}
		if e.Binding == binding && wanted {
			return e.Location, true, nil
		}
		named = named || e.Binding == binding || binding == idp.BindingPOST
	}
	if !named {
		return "", false, idp.Refuse(idp.ACSUnregistered, "AssertionConsumerService is not registered")
	}
	return fallback.Location, false, nil
}

// CheckScheme judges a registered endpoint once more at use: assertions travel
// over https, or to this very machine in local mode.
func CheckScheme(acs string, local bool) error {
	u, err := url.Parse(acs)
	if err == nil && u.Host != "" && u.Opaque == "" {
		if u.Scheme == "https" {
			return nil
		}
		switch u.Hostname() {
		case "localhost", "127.0.0.1", "::1":
			if u.Scheme == "http" && local {
				return nil
			}
		}
	}
	return idp.Refuse(idp.ACSScheme, "registered AssertionConsumerService is not https")
}

// nameIDFormat judges NameIDPolicy (SAML Core 3.4.1.1). The format that it
// returns is empty for the service provider's own; ok is false when the policy
// cannot be met.
func nameIDFormat(req *AuthnRequest, sp *idp.ServiceProvider) (format string, ok bool, err error) {
	if req.SPNameQualifier != "" && req.SPNameQualifier != sp.EntityID {
		return "", false, nil
	}
	switch req.NameIDFormat {
	case "", idp.NameIDUnspecified:
		return "", true, nil
	case formatEncrypted:
		return "", false, nil
	}
	rule, err := mapping.NameIDOf(sp)
	return req.NameIDFormat, err == nil && rule.Serves(req.NameIDFormat), err
}
