package logout

import (
	"crypto"
	"slices"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/message"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

const asyncNS = "urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo"

// Request is what a LogoutRequest claims.
type Request struct {
	message.Head
	NotOnOrAfter   time.Time // zero: absent
	NameID         message.NameID
	SessionIndexes []string // empty: all sessions of the person
	Async          bool     // no response is wanted (Asynchronous Single Logout 1.0)

	encrypted *etree.Element
	root      *etree.Element
}

// ParseRequest reads the LogoutRequest that a browser brought.
func ParseRequest(in *binding.Inbound) (*Request, error) {
	root, err := message.Parse(in, false)
	if err != nil {
		return nil, err
	}
	return readRequest(root)
}

// ReadRequest reads a LogoutRequest that came in a SOAP Body.
func ReadRequest(root *etree.Element) (*Request, error) {
	if err := message.CheckSignatures(root, idp.BindingSOAP); err != nil {
		return nil, err
	}
	return readRequest(root)
}

func readRequest(root *etree.Element) (*Request, error) {
	if !xmlsafe.Is(root, message.ProtocolNS, "LogoutRequest") {
		return nil, message.Schema("root is not samlp:LogoutRequest")
	}
	head, a, err := message.ReadHead(root, "Reason", "NotOnOrAfter")
	if err != nil {
		return nil, err
	}
	r := &Request{Head: head, NotOnOrAfter: a.OptionalInstant("NotOnOrAfter"), root: root}
	if a.Err != nil {
		return nil, a.Err
	}
	saml := func(local string) message.Name { return message.Name{Space: message.AssertionNS, Local: local} }
	protocol := func(local string) message.Name { return message.Name{Space: message.ProtocolNS, Local: local} }
	parts, indexes, err := message.ChildrenThen(root, protocol("SessionIndex"),
		saml("Issuer"), protocol("Extensions"), saml("BaseID"), saml("NameID"), saml("EncryptedID"))
	if err != nil {
		return nil, err
	}
	if r.Issuer, err = message.ReadIssuer(parts[0]); err != nil {
		return nil, err
	}
	r.Async = wantsNoResponse(parts[1])
	if err := r.readIdentifier(parts[2], parts[3], parts[4]); err != nil {
		return nil, err
	}
	for _, e := range indexes {
		index, err := message.Text(e)
		if err != nil {
			return nil, err
		}
		r.SessionIndexes = append(r.SessionIndexes, index)
	}
	return r, nil
}

func wantsNoResponse(extensions *etree.Element) bool {
	return extensions != nil && slices.ContainsFunc(extensions.ChildElements(), func(e *etree.Element) bool {
		return xmlsafe.Is(e, asyncNS, "Asynchronous")
	})
}

func (r *Request) readIdentifier(baseID, nameID, encryptedID *etree.Element) (err error) {
	switch {
	case baseID != nil || (nameID == nil) == (encryptedID == nil):
		return message.Schema("not exactly one NameID or EncryptedID")
	case encryptedID != nil:
		r.encrypted = encryptedID
		return nil
	}
	r.NameID, err = message.ReadNameID(nameID)
	return err
}

// Env is what a judgement depends on besides the message and its sender.
type Env struct {
	URL     string // public URL of the endpoint; Destination must equal it. Empty: the answer to a call of ours
	Now     time.Time
	Window  message.Window
	Refused []string // URIs of algorithms refused in addition

	// Keys are asked for those that decrypt EncryptedID, where there is one; each
	// is tried. Nil: there are none.
	Keys func() ([]crypto.Decrypter, error)
}

// verify is the part of a judgement that requests and responses share: who
// sent it, whether it was meant for us, whether it is of now.
func (env Env) verify(root *etree.Element, h message.Head, in *binding.Inbound, sp *idp.ServiceProvider) (verified *etree.Element, signed bool, err error) {
	if sp == nil || h.Issuer != sp.EntityID {
		return nil, false, idp.Refuse(idp.SPUnknown, "Issuer is not registered")
	}
	if sp.Disabled || sp.Draft {
		return nil, false, idp.Refuse(idp.SPDisabled, "service provider is switched off or a draft")
	}
	if verified, signed, err = message.Verify(root, in, sp, env.Refused); err != nil {
		return nil, false, err
	}
	if env.URL != "" || in.Binding != idp.BindingSOAP {
		if err := h.CheckDestination(env.URL, sp, signed, in.Binding); err != nil {
			return nil, false, err
		}
	}
	return verified, signed, h.CheckTime(env.Now, env.Window)
}

// JudgeRequest decides whether a LogoutRequest of sp that came as in can be
// acted upon. An unsigned one comes back, with signed false, only where sp's
// setting accepts it: then the person has to be asked. Errors: *idp.Error for a
// refusal (LOCAL-400); *saml.StatusError for what the sender is told.
func JudgeRequest(r *Request, in *binding.Inbound, sp *idp.ServiceProvider, env Env) (verified *Request, signed bool, err error) {
	root, signed, err := env.verify(r.root, r.Head, in, sp)
	switch {
	case err != nil:
		return nil, false, err
	case !signed && (!sp.ConfirmUnsignedLogout || in.Binding == idp.BindingSOAP):
		return nil, false, idp.Refuse(idp.SLOUnsigned, "LogoutRequest is not signed")
	}
	if root != r.root {
		if r, err = readRequest(root); err != nil {
			return nil, false, err
		}
		if r.Issuer != sp.EntityID {
			return nil, false, idp.Refuse(idp.SigReference, "signed Issuer differs")
		}
	}
	if !r.NotOnOrAfter.IsZero() && !env.Now.Before(r.NotOnOrAfter) {
		return nil, false, idp.Refuse(idp.TimeWindow, "NotOnOrAfter is past")
	}
	if r.encrypted != nil {
		if !signed {
			return nil, false, idp.Refuse(idp.SLOUnsigned, "EncryptedID in a request that is not signed")
		}
		var keys []crypto.Decrypter
		if env.Keys != nil {
			if keys, err = env.Keys(); err != nil {
				return nil, false, err
			}
		}
		e, err := xmlenc.DecryptID(r.encrypted, keys, xmlenc.Policy{AllowCBC: sp.AllowCBC})
		if err != nil {
			return nil, false, err
		}
		if r.NameID, err = message.ReadNameID(e); err != nil {
			return nil, false, err
		}
	}
	return r, signed, nil
}
