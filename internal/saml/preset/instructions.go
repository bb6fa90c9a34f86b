package preset

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Us is what others have to know about us.
type Us struct {
	EntityID       string
	SSOURL         string // where sign-ins begin, in the protocol of the service provider
	SLOURL         string // empty: none is named
	SignOutURL     string // page that a browser is sent to after sign-out; empty: SLOURL
	MetadataURL    string
	CertificatePEM string // the certificate that signs now
	DisplayName    string // "Example Corp sign-in"; may be empty
}

// Field is a value that the other side asks for.
type Field struct {
	Where string `json:"where"` // the screen or command
	Name  string `json:"name"`  // as it is written there
	Value string `json:"value"` // ready to paste
}

// Instructions lists what the administrator of the service provider has to
// enter there, in the order of its screen.
func Instructions(sp *idp.ServiceProvider, us Us) []Field {
	if sp.Issuer != "" {
		us.EntityID = sp.Issuer
	}
	p, ok := of(sp)[sp.Preset]
	if !ok {
		p = of(sp)[Generic]
	}
	return p.fields(sp, us)
}

// compact leaves out the fields that have no value.
func compact(fields []Field) []Field {
	kept := fields[:0]
	for _, f := range fields {
		if f.Value != "" {
			kept = append(kept, f)
		}
	}
	return kept
}

func (us Us) signOut() string {
	if us.SignOutURL != "" {
		return us.SignOutURL
	}
	return us.SLOURL
}

func (us Us) der() []byte {
	block, _ := pem.Decode([]byte(us.CertificatePEM))
	if block == nil {
		return nil
	}
	return block.Bytes
}

// certificateBase64 is the certificate in one line, without PEM's frame.
func (us Us) certificateBase64() string { return base64.StdEncoding.EncodeToString(us.der()) }

// fingerprint is the SHA-256 of the certificate as "AB:CD:...".
func (us Us) fingerprint() string {
	der := us.der()
	if der == nil {
		return ""
	}
	hash := sha256.Sum256(der)
	return strings.ReplaceAll(fmt.Sprintf("% X", hash[:]), " ", ":")
}
