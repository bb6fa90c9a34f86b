package wsfed

import (
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
)

// splitClaim takes a claim's URI apart as SAML 1.1 wants it: the namespace is
// what precedes the last "/", the name what follows.
func splitClaim(uri string) (namespace, name string, ok bool) {
	i := strings.LastIndexByte(uri, '/')
	if i < 0 || !strings.Contains(uri[:i], ":") || uri[i+1:] == "" {
		return "", "", false
	}
	return uri[:i], uri[i+1:], true
}

// Check refuses settings that this protocol has no use for, or with which an
// answer could not be made. Its errors say what is wrong, to an administrator.
func Check(sp *idp.ServiceProvider) error {
	switch {
	case sp.Sign != "" && sp.Sign != idp.SignAssertion:
		return errors.New("WS-Federation signs the assertion, and nothing else")
	case sp.Encryption != idp.EncryptOff:
		return errors.New("assertions are not encrypted with WS-Federation")
	case sp.RequireSignedRequests:
		return errors.New("requests of WS-Federation are never signed")
	case sp.QualifyNameID:
		return errors.New("WS-Federation sends no name qualifiers")
	}
	for i, line := range sp.Attributes {
		rule, err := mapping.ParseAttribute(line)
		if err != nil {
			return fmt.Errorf("attributes %d: %w", i+1, err)
		}
		if _, _, ok := splitClaim(rule.Name); !ok {
			return fmt.Errorf("attributes %d: %q is not the URI of a claim, such as http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
				i+1, rule.Name)
		}
	}
	return nil
}
