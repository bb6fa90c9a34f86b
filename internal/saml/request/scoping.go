package request

import (
	"slices"
	"strconv"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/message"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// maxIDPs is the most identity providers that a request may list.
const maxIDPs = 200

// readScoping reads Scoping (SAML Core 3.4.1.2), which may be nil. We pass no
// request on, so ProxyCount and RequesterID say nothing to us; what they hold
// must be what the schema wants.
func (r *AuthnRequest) readScoping(e *etree.Element) error {
	if e == nil {
		return nil
	}
	a, err := message.Attributes(e, "ProxyCount")
	if err != nil {
		return err
	}
	if v, ok := a.Values["ProxyCount"]; ok {
		if _, err := strconv.ParseUint(v, 10, 64); err != nil { // xs:nonNegativeInteger
			return message.Schema("ProxyCount is not a number")
		}
	}
	all := e.ChildElements()
	if len(all) > 0 && xmlsafe.Is(all[0], message.ProtocolNS, "IDPList") {
		if err := r.readIDPList(all[0]); err != nil {
			return err
		}
		all = all[1:]
	}
	for _, c := range all {
		if !xmlsafe.Is(c, message.ProtocolNS, "RequesterID") {
			return message.Schema("child of Scoping unknown, repeated or out of order")
		}
		if _, err := message.Attributes(c); err != nil {
			return err
		}
		if _, err := message.Text(c); err != nil {
			return err
		}
	}
	return message.OnlyElements(e)
}

// readIDPList reads an IDPList (SAML Core 3.4.1.3). One with GetComplete is not
// the whole list. We don't fetch the rest: to whom a request is sent is the
// service provider's business, and the address would be one from outside.
func (r *AuthnRequest) readIDPList(e *etree.Element) error {
	if _, err := message.Attributes(e); err != nil {
		return err
	}
	complete := true
	for _, c := range e.ChildElements() {
		switch {
		case xmlsafe.Is(c, message.ProtocolNS, "IDPEntry") && complete:
			a, err := message.Attributes(c, "ProviderID", "Name", "Loc")
			if err != nil {
				return err
			}
			r.IDPs = append(r.IDPs, a.Required("ProviderID"))
			a.URI("ProviderID")
			if a.Err != nil {
				return a.Err
			}
			if _, err := message.Children(c); err != nil {
				return err
			}
		case xmlsafe.Is(c, message.ProtocolNS, "GetComplete") && complete && len(r.IDPs) > 0:
			if _, err := message.Text(c); err != nil {
				return err
			}
			complete = false
		default:
			return message.Schema("child of IDPList unknown, repeated or out of order")
		}
	}
	if len(r.IDPs) == 0 || len(r.IDPs) > maxIDPs {
		return message.Schema("IDPList without entries, or with too many")
	}
	if !complete {
		r.IDPs = nil
	}
	return message.OnlyElements(e)
}

// checkConditions judges the form of Conditions, which may be nil (SAML Core
// 2.5.1). They are wishes about the assertion, which we make as we see fit
// (3.4.1); conditions of kinds that we don't know are ignored with the rest.
func checkConditions(e *etree.Element) error {
	if e == nil {
		return nil
	}
	a, err := message.Attributes(e, "NotBefore", "NotOnOrAfter")
	if err != nil {
		return err
	}
	for _, name := range []string{"NotBefore", "NotOnOrAfter"} {
		if _, ok := a.Values[name]; ok {
			a.Instant(name)
		}
	}
	if a.Err != nil {
		return a.Err
	}
	kinds := []string{"Condition", "AudienceRestriction", "OneTimeUse", "ProxyRestriction"}
	for _, c := range e.ChildElements() {
		if c.NamespaceURI() != message.AssertionNS || !slices.Contains(kinds, c.Tag) {
			return message.Schema("unknown child of Conditions")
		}
	}
	return message.OnlyElements(e)
}

// names reports whether we are among the identity providers that a request may
// be answered by: each of our entityIDs towards sp counts.
func (env Env) names(req *AuthnRequest, sp *idp.ServiceProvider) bool {
	if req.IDPs == nil {
		return true
	}
	ours := []string{env.EntityID}
	if sp.Issuer != "" {
		ours = []string{sp.Issuer}
	}
	for _, issuer := range sp.IssuerByDomain {
		ours = append(ours, issuer)
	}
	return slices.ContainsFunc(req.IDPs, func(id string) bool { return slices.Contains(ours, id) })
}
