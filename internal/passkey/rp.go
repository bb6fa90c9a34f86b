package passkey

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Type is the type of these credentials in the API and in idp.Device.
const Type = "webauthn"

// ChallengeSize is the number of bytes of a challenge; fewer are refused.
const ChallengeSize = 32

// Ceremonies: the type member of the client data.
const (
	typeCreate = "webauthn.create"
	typeGet    = "webauthn.get"
)

// RP is the relying party: this deployment. The ID is exactly the host, never
// a parent domain (approval protocol 2.1).
type RP struct {
	ID     string // host, without a port
	Origin string // https://host, or in local mode http://localhost:port
	Name   string // shown by browsers and authenticators
}

// NewRP is the relying party at an origin, which must be written as browsers
// write it: lower case, no default port, nothing after the host.
func NewRP(origin, name string) (RP, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return RP{}, fmt.Errorf("parse origin: %w", err)
	}
	host := u.Hostname()
	_, notIP := netip.ParseAddr(host)
	switch {
	case u.Scheme+"://"+u.Host != origin, strings.ToLower(origin) != origin, host == "":
		return RP{}, fmt.Errorf("parse origin %q: not a scheme and a host in lower case, and nothing else", origin)
	case u.Scheme != "https" && (u.Scheme != "http" || host != "localhost"):
		return RP{}, fmt.Errorf("parse origin %q: neither https nor http://localhost", origin)
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return RP{}, fmt.Errorf("parse origin %q: browsers leave the default port out", origin)
	case notIP == nil:
		return RP{}, fmt.Errorf("parse origin %q: passkeys need a host name, not an address", origin)
	}
	return RP{ID: host, Origin: origin, Name: name}, nil
}

// checkClientData checks what the browser says of the ceremony it ran
// (CollectedClientData, 5.8.1).
func (rp RP) checkClientData(raw []byte, ceremony string, challenge []byte) error {
	if len(challenge) < ChallengeSize { // an empty one would match an empty one
		return fmt.Errorf("check client data: expected challenge has %d bytes", len(challenge))
	}
	data, err := parseObject(raw)
	if err != nil {
		return badSignature("client data: %v", err)
	}
	got, err := data.bytes("challenge", len(challenge))
	if err != nil || !idp.Equal(got, challenge) {
		return idp.E(idp.BadChallenge, "another challenge was answered")
	}
	if t, err := data.text("type"); err != nil || t != ceremony {
		return badSignature("type of the client data is not %s", ceremony)
	}
	// Not url equality: 6.3 wants exactly ours.
	if o, err := data.text("origin"); err != nil || o != rp.Origin {
		return idp.E(idp.BadOrigin, "origin %q, want %s", o, rp.Origin)
	}
	if cross, ok := data["crossOrigin"]; ok && !bytes.Equal(cross, json.RawMessage("false")) {
		return idp.E(idp.BadOrigin, "called from a frame in a page of another site")
	}
	if data.has("topOrigin") { // only there in such frames
		return idp.E(idp.BadOrigin, "has a topOrigin")
	}
	return nil
}

// checkAuthenticatorData checks what both ceremonies demand of the
// authenticator data (6.1).
func (rp RP) checkAuthenticatorData(d *protocol.AuthenticatorData) error {
	if want := sha256.Sum256([]byte(rp.ID)); !bytes.Equal(d.RPIDHash, want[:]) {
		return badSignature("rpIdHash is not of %s", rp.ID)
	}
	switch flags := d.Flags; {
	case !flags.HasUserPresent():
		return badSignature("user not present")
	case !flags.HasUserVerified():
		return idp.E(idp.UVRequired, "user not verified")
	case flags.HasBackupState() && !flags.HasBackupEligible():
		return badSignature("backed up, but not eligible for it")
	}
	return nil
}

func badSignature(format string, args ...any) error {
	return idp.E(idp.BadSignature, format, args...)
}

// cause is the text of a go-webauthn error, which keeps the reason apart from
// its message.
func cause(err error) string {
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.DevInfo != "" {
		return e.Details + " (" + e.DevInfo + ")"
	}
	return err.Error()
}
