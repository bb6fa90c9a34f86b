package passkey

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Policy says which authenticators may be enrolled (approval protocol 11.3).
// The zero value is None.
type Policy string

// Policies.
const (
	None        Policy = "none"         // any; no attestation is asked for, and none is read
	Known       Policy = "known"        // attested, of a model in a list
	DeviceBound Policy = "device_bound" // attested, BE=0
)

// conveyance is what the browser is asked to give (5.4.7).
func (p Policy) conveyance() string {
	if p == None || p == "" {
		return "none"
	}
	return "direct"
}

// Attestation is a policy with what it trusts. "Attested" means that a
// certificate of the maker vouches for the key: a self attestation, which any
// program can make, does not count.
type Attestation struct {
	Policy  Policy
	AAGUIDs []string // models that Known accepts, as UUIDs

	// Roots certify attestations of the formats packed and tpm (security keys,
	// Windows Hello). Those of the formats apple and android-key are built in.
	Roots *x509.CertPool
}

// ReadAttestation makes an Attestation of settings. roots is PEM text or the path
// of a file with it; empty: none.
func ReadAttestation(policy string, models []string, roots string) (Attestation, error) {
	a := Attestation{Policy: Policy(policy), AAGUIDs: models}
	if roots == "" {
		return a, nil
	}
	text := []byte(roots)
	if !strings.Contains(roots, "-----BEGIN") {
		var err error
		if text, err = os.ReadFile(roots); err != nil {
			return a, fmt.Errorf("read roots: %w", err)
		}
	}
	a.Roots = x509.NewCertPool()
	if !a.Roots.AppendCertsFromPEM(text) {
		return a, errors.New("read roots: no certificate in PEM")
	}
	return a, nil
}

// judge says whether the authenticator is attested; attestation_refused if the
// policy does not accept it.
func (a Attestation) judge(object *protocol.AttestationObject, clientDataHash []byte) (attested bool, err error) {
	refuse := func(format string, args ...any) (bool, error) {
		return false, idp.E(idp.AttestationRefused, format, args...)
	}
	switch a.Policy {
	case None, "":
		return false, nil
	case Known:
		model := formatAAGUID(object.AuthData.AttData.AAGUID)
		if !slices.ContainsFunc(a.AAGUIDs, func(s string) bool { return strings.EqualFold(s, model) }) {
			return refuse("authenticator model %s is not in the list", model)
		}
	case DeviceBound:
		if object.AuthData.Flags.HasBackupEligible() {
			return refuse("the key can leave its device")
		}
	default:
		return false, fmt.Errorf("judge attestation: unknown policy %q", a.Policy)
	}
	if err := a.verify(object, clientDataHash); err != nil {
		return refuse("%s attestation: %s", object.Format, cause(err))
	}
	return true, nil
}

// verify verifies an attestation statement and that its certificate is one of
// a maker we trust (7.1, steps 19 to 23). Formats without certificates, those
// that cannot tell a user check, and those no longer in use are refused.
// Certificates are judged by the system's clock, as go-webauthn does.
func (a Attestation) verify(object *protocol.AttestationObject, clientDataHash []byte) error {
	format := protocol.AttestationFormat(object.Format)
	switch format {
	case protocol.AttestationFormatPacked, protocol.AttestationFormatTPM,
		protocol.AttestationFormatApple, protocol.AttestationFormatAndroidKey:
	default:
		return errors.New("format is not accepted")
	}
	err := object.VerifyAttestation(clientDataHash, nil, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return fmt.Errorf("verify statement: %w", err)
	}
	switch format {
	case protocol.AttestationFormatPacked, protocol.AttestationFormatTPM:
		return a.verifyChain(object)
	default: // go-webauthn has verified up to the built-in roots
		return nil
	}
}

// verifyChain verifies the certificates of a statement up to our roots.
func (a Attestation) verifyChain(object *protocol.AttestationObject) error {
	chain, _ := object.AttStatement["x5c"].([]any)
	if len(chain) == 0 {
		return errors.New("no certificate: the key vouches for itself")
	}
	if a.Roots == nil { // x509 would take those of web sites
		return errors.New("no roots are configured for this format")
	}
	var leaf *x509.Certificate
	between := x509.NewCertPool()
	for i, entry := range chain {
		der, _ := entry.([]byte)
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("parse certificate: %w", err)
		}
		if i == 0 {
			leaf = cert
		} else {
			between.AddCert(cert)
		}
	}
	if protocol.AttestationFormat(object.Format) == protocol.AttestationFormatTPM {
		dropTPMName(leaf)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         a.Roots,
		Intermediates: between,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return fmt.Errorf("verify certificate: %w", err)
	}
	return nil
}

// dropTPMName marks the subject alternative name of a TPM's certificate as
// handled. It is critical there and holds the TPM's maker, which go-webauthn
// has checked and crypto/x509 cannot read (8.3.1).
func dropTPMName(cert *x509.Certificate) {
	subjectAltName := asn1.ObjectIdentifier{2, 5, 29, 17}
	cert.UnhandledCriticalExtensions = slices.DeleteFunc(cert.UnhandledCriticalExtensions, subjectAltName.Equal)
}
