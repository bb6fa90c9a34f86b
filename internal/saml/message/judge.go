package message

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
)

// maxSigned is the most elements that a message with an XML signature may have.
// Canonical XML costs about 5 KB per element, and whoever has seen one signed
// message can stuff it.
const maxSigned = 100

// Verify checks the signature of a message of sp that came as in, if there is
// one: that of the query or that of the element. What it returns is the element
// to be read from then on, which is root itself where the query or nothing was
// signed. Whether an unsigned message will do is for the caller to say.
func Verify(root *etree.Element, in *binding.Inbound, sp *idp.ServiceProvider, refused []string) (verified *etree.Element, signed bool, err error) {
	embedded := dsig.HasSignature(root)
	if !embedded && in.Signature == nil {
		return root, false, nil
	}
	certs, err := signingCerts(sp)
	if err != nil {
		return nil, false, err
	}
	policy := dsig.Policy{AllowSHA1: sp.AllowSHA1, Refused: refused}
	if !embedded {
		err := dsig.VerifyQuery(in.Signed, in.SigAlg, in.Signature, certs, policy)
		return root, true, explainSHA1(err, sp)
	}
	if len(root.FindElements(".//*")) >= maxSigned {
		return nil, false, idp.Refuse(idp.XMLSize, "more than %d elements in a signed message", maxSigned)
	}
	verified, err = dsig.Verify(root, certs, policy)
	if err != nil {
		return nil, false, explainSHA1(err, sp)
	}
	return verified, true, nil
}

func signingCerts(sp *idp.ServiceProvider) ([]*x509.Certificate, error) {
	certs := make([]*x509.Certificate, 0, len(sp.SigningCerts))
	for _, der := range sp.SigningCerts {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("parse registered certificate of %s: %w", sp.EntityID, err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}

// explainSHA1 adds to a refusal of SHA-1 what an administrator can do.
func explainSHA1(err error, sp *idp.ServiceProvider) error {
	var sha1 *dsig.SHA1Error
	if refusal := (*idp.Error)(nil); errors.As(err, &sha1) && errors.As(err, &refusal) {
		refusal.Fix = fmt.Sprintf("%s signs its requests with %s, which is refused because it is broken. "+
			"Let it sign with RSA-SHA256. If it cannot, an administrator can accept the risk: latchkey sp update %s --allow-sha1",
			sp.EntityID, sha1.Algorithm, shellQuote(sp.EntityID))
	}
	return err
}

// shellQuote makes s one word of a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// CheckDestination compares with our own URL, never with the Host header. A
// signed message must name where it was meant for (SAML Bindings 3.4.5.2 and
// 3.5.5.2), or it could be sent to another identity provider. by is the binding
// of the answer: a message that a program brings need not name it, as its service
// provider does not know to whom it will be brought (Profiles 4.2.2).
func (h Head) CheckDestination(url string, sp *idp.ServiceProvider, signed bool, by string) error {
	switch {
	case h.Destination == url && url != "":
		return nil
	case h.Destination != "":
		return idp.Refuse(idp.ReasonDestination, "Destination is another address")
	case signed && !sp.AllowMissingDestination && by != idp.BindingPAOS:
		return idp.Refuse(idp.ReasonDestination, "signed request without Destination")
	}
	return nil
}

// Window says how far a message's IssueInstant may be from now.
type Window struct {
	MaxAge  time.Duration // in the past; 0 means 5 minutes
	MaxSkew time.Duration // in the future; 0 means 1 minute
}

// CheckTime refuses messages of another time.
func (h Head) CheckTime(now time.Time, w Window) error { return w.Check(h.IssueInstant, now) }

// Check refuses what was made too long ago, or will be made.
func (w Window) Check(made, now time.Time) error {
	if w.MaxAge <= 0 {
		w.MaxAge = 5 * time.Minute
	}
	if w.MaxSkew <= 0 {
		w.MaxSkew = time.Minute
	}
	if d := now.Sub(made); d > w.MaxAge || d < -w.MaxSkew {
		return idp.Refuse(idp.TimeWindow, "message is %s old", d.Round(time.Second))
	}
	return nil
}
