package response

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

const (
	lifetime = 5 * time.Minute // of an assertion, from now
	backdate = time.Minute     // NotBefore, for service providers whose clocks are behind

	// maxXML is the size of a message that still fits into 6 MB, the limit of
	// an answer of a Lambda function, after base64 and escaping.
	maxXML = 4_000_000
)

// Issue is everything that an assertion says and where it goes.
type Issue struct {
	SP    *idp.ServiceProvider
	Login *idp.Login // ACS, RequestID (empty: IdP-initiated), NameIDFormat, AttributeIndex
	User  *idp.User
	Rules []idp.ReleaseRule // of the deployment

	Issuer       string // our entityID towards this service provider
	ResponseID   string // an NCName
	AssertionID  string // an NCName
	SessionIndex string // empty: absent

	AuthnInstant        time.Time // when the person approved
	Now                 time.Time
	SessionNotOnOrAfter time.Time // zero: absent
	ACR                 string    // AuthnContextClassRef

	// Of the Enhanced Client or Proxy profile.
	ChannelBindings []idp.ChannelBinding // that were verified
	SessionKey      []byte               // random; used if the assertion is encrypted

	Pairwise []byte // 32-byte key of generated identifiers
	Seed     string // sid: makes a transient NameID stable when a finish is repeated
}

// Signing is the key of this request and its certificate.
type Signing struct {
	Signer      crypto.Signer // RSA
	Certificate *x509.Certificate
}

// Issued is a message that is ready to be posted.
type Issued struct {
	XML          []byte
	ResponseID   string
	AssertionID  string // empty for a failure
	NameID       string // empty where none is sent
	NameIDFormat string

	ChannelBindings []idp.ChannelBinding // that the assertion names
	SessionKey      []byte               // that it holds; nil: none

	Warnings []string // for the administrator: it works, but look at it
	Dropped  []string // names of attributes left out for their illegal characters
}

// Check refuses what only a mistake of the caller or a service provider that
// was changed since the request can bring here.
func (in *Issue) Check() error {
	sp, login := in.SP, in.Login
	switch {
	case login.SP != sp.EntityID:
		return fmt.Errorf("login belongs to %q, not to %q", login.SP, sp.EntityID)
	case login.Protocol != sp.Protocol:
		return fmt.Errorf("login of protocol %q, but %s speaks %q", login.Protocol, sp.EntityID, sp.Protocol)
	case sp.Disabled || sp.Draft:
		return &idp.Error{Code: idp.AppDisabled, SP: sp.EntityID, App: sp.Name}
	case !sp.Receives(login):
		return &idp.Error{
			Code: idp.SAMLRefused, Reason: idp.ACSUnregistered, SP: sp.EntityID, App: sp.Name,
			Detail: fmt.Sprintf("%s is no longer an ACS of %s", login.ACS, sp.EntityID),
		}
	case in.Now.IsZero() || in.AuthnInstant.IsZero():
		return errors.New("no time given")
	case in.ACR == "":
		return errors.New("no authentication context class given")
	}
	if illegal(login.RequestID) || illegal(in.SessionIndex) {
		return errIllegal
	}
	return checkText(sp.EntityID, login.ACS, in.Issuer, in.ResponseID, in.AssertionID, in.ACR)
}

var errIllegal = errors.New("a value holds a character that XML does not allow")

// checkText refuses empty values and illegal characters where only
// configuration, our own ids and checked requests can stand.
func checkText(values ...string) error {
	for _, v := range values {
		if v == "" {
			return errors.New("a value is missing")
		}
		if illegal(v) {
			return errIllegal
		}
	}
	return nil
}
