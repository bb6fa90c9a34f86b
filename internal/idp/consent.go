package idp

import (
	"crypto/sha256"
	"encoding/hex"
)

// Values of ServiceProvider.Consent: whether people are asked before their
// attributes leave.
const (
	ConsentOff    = ""
	ConsentOnce   = "once"   // until other attributes are released
	ConsentAlways = "always" // at each sign-in
)

// Consent is what a person has agreed to for a service provider. It holds no
// values.
type Consent struct {
	SP      string   `json:"app"`
	AppName string   `json:"app_name"`
	Set     []byte   `json:"set"`   // SHA-256 of what is released, without the values
	Names   []string `json:"names"` // of the attributes
	At      Millis   `json:"at"`

	Version int64 `json:"-"`
}

// ConsentID names a person's consent for a service provider.
func ConsentID(entityID string) string {
	sum := sha256.Sum256([]byte(entityID))
	return hex.EncodeToString(sum[:])
}
