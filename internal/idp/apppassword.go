package idp

import "time"

// AppPassword lets a program sign in as one person to one application, by HTTP
// Basic at the endpoint of the Enhanced Client or Proxy profile. It is random,
// shown once, and stored as a hash only.
type AppPassword struct {
	ID        string `json:"id"` // 16 random bytes, base32
	UserID    string `json:"uid"`
	SP        string `json:"app"`
	AppName   string `json:"app_name"` // when it was made
	Name      string `json:"name"`     // "Mail on the laptop"
	Hash      []byte `json:"hash"`     // SHA-256
	CreatedBy string `json:"by"`       // as the audit trail names actors
	CreatedAt Millis `json:"created_at"`
	ExpiresAt Millis `json:"expires_at"`

	LastUsedAt    Millis `json:"last_used_at,omitempty"`
	LastUsedPlace string `json:"last_used_place,omitempty"`

	Version int64 `json:"-"`
}

// How long an app password lasts.
const (
	AppPasswordLife    = 90 * 24 * time.Hour
	AppPasswordMinLife = time.Hour
	AppPasswordMaxLife = 366 * 24 * time.Hour
)

// MaxAppPasswords bounds how many a person can have.
const MaxAppPasswords = 50
