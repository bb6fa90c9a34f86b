package idp

import (
	"slices"
	"strings"
	"unicode"
)

// User is a person who may sign in. ID is random and never reused; e-mail
// addresses and names may change.
type User struct {
	ID          string              `json:"id"` // 16 random bytes, base32
	Email       string              `json:"email"`
	UPN         string              `json:"user_principal_name,omitempty"`
	GivenName   string              `json:"given_name,omitempty"`
	FamilyName  string              `json:"family_name,omitempty"`
	DisplayName string              `json:"display_name,omitempty"`
	Attributes  map[string][]string `json:"attributes,omitempty"`
	Disabled    bool                `json:"disabled"`
	Source      string              `json:"source,omitempty"` // local, ldap
	CreatedAt   Millis              `json:"created_at"`
	UpdatedAt   Millis              `json:"updated_at"`

	Version int64 `json:"version"`
}

// builtin names the attributes that every user has a field for. They are
// addressed by mapping lines exactly like custom attributes.
var builtin = map[string]func(*User) string{
	"id":                func(u *User) string { return u.ID },
	"email":             func(u *User) string { return u.Email },
	"userPrincipalName": func(u *User) string { return u.PrincipalName() },
	"givenName":         func(u *User) string { return u.GivenName },
	"familyName":        func(u *User) string { return u.FamilyName },
	"displayName":       func(u *User) string { return u.Display() },
}

// BuiltinAttributes lists the attribute names that every user has, sorted.
func BuiltinAttributes() []string {
	names := make([]string, 0, len(builtin))
	for n := range builtin {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Attribute returns the values of a built-in or custom attribute; nil when the
// user has none. Names are case-sensitive.
func (u *User) Attribute(name string) []string {
	if f, ok := builtin[name]; ok {
		if v := f(u); v != "" {
			return []string{v}
		}
		return nil
	}
	return u.Attributes[name]
}

// PrincipalName is the userPrincipalName; the e-mail address where none is set.
func (u *User) PrincipalName() string {
	if u.UPN != "" {
		return u.UPN
	}
	return u.Email
}

// Display is the name that people see.
func (u *User) Display() string {
	if u.DisplayName != "" {
		return u.DisplayName
	}
	if n := strings.TrimSpace(u.GivenName + " " + u.FamilyName); n != "" {
		return n
	}
	return u.Email
}

// Masked is the display name with all but the ends of the first word and the
// initial of the last hidden ("A...a K..."), for a screen that others may see.
func (u *User) Masked() string {
	words := strings.Fields(u.Display())
	if len(words) == 0 {
		return "..."
	}
	first := []rune(words[0])
	if at := slices.Index(first, '@'); at > 0 {
		first = first[:at]
	}
	masked := string(first[0]) + "..."
	if len(first) > 3 {
		masked += string(first[len(first)-1])
	}
	if len(words) > 1 {
		masked += " " + string([]rune(words[len(words)-1])[0]) + "..."
	}
	return masked
}

// Device states.
const (
	DeviceActive    = "active"
	DeviceProbation = "probation"
	DevicePending   = "pending"
	DeviceRevoked   = "revoked"
)

// Device is a phone's credential: a pair of native P-256 keys (type
// device-key; approval-protocol.md 6.4), which has UVKey, PopKey and PopKeyID,
// or a WebAuthn credential (type webauthn; 6.3), which has PublicKey and the
// fields that follow it.
type Device struct {
	ID     string `json:"id"`      // RFC 7638 thumbprint of the uv key, or WebAuthn credential id, base64url
	UserID string `json:"user_id"` //
	Type   string `json:"type"`    // device-key, webauthn
	Name   string `json:"name"`
	Kind   string `json:"kind,omitempty"` // "iPhone", "Software phone"
	State  string `json:"state"`

	UVKey    []byte `json:"uv_key"`  // PKIX DER of the key used after a user check
	PopKey   []byte `json:"pop_key"` // PKIX DER of the key used without one
	PopKeyID string `json:"pop_key_id"`

	PublicKey      []byte   `json:"public_key,omitempty"`      // COSE_Key
	SignCount      uint32   `json:"sign_count,omitempty"`      // highest signature counter seen
	BackupEligible bool     `json:"backup_eligible,omitempty"` // may be synced; never changes
	BackupState    bool     `json:"backup_state,omitempty"`    // is synced
	AAGUID         string   `json:"aaguid,omitempty"`          // model of the authenticator, a UUID; a hint unless Attested
	Transports     []string `json:"transports,omitempty"`      // hints of the browser
	Attested       bool     `json:"attested,omitempty"`        // a trusted maker vouched for the model at enrollment
	CloneSuspect   bool     `json:"clone_suspect,omitempty"`   // the counter went back once

	Binding        string `json:"binding"` // invite, device, recovery
	ProbationUntil Millis `json:"probation_until,omitempty"`
	CreatedAt      Millis `json:"created_at"`
	LastUsedAt     Millis `json:"last_used_at,omitempty"`
	LastUsedApp    string `json:"last_used_app,omitempty"`
	LastUsedPlace  string `json:"last_used_place,omitempty"`
	LastAH         []byte `json:"last_ah,omitempty"` // hash of the last approval, for idempotency

	Version int64 `json:"version"`
}

// Usable reports whether the device may approve.
func (d *Device) Usable() bool { return d.State == DeviceActive || d.State == DeviceProbation }

// How a device came to be bound to its user (approval-protocol.md 11.1).
const (
	BindingInvite   = "invite"   // way A: an administrator's invite
	BindingDevice   = "device"   // way D: approved by a device that was there before
	BindingRecovery = "recovery" // way E: a recovery code
)

// Invite lets one person enroll one device (approval-protocol.md 11.1, ways A
// and D). Its token is stored only as a hash, which is the item's key.
type Invite struct {
	ID        string `json:"id"`
	Binding   string `json:"binding,omitempty"` // BindingInvite (also when empty), BindingDevice
	Policy    string `json:"policy,omitempty"`  // attestation that the device must give; empty: the deployment's
	TokenHash []byte `json:"token_hash"`
	UserID    string `json:"user_id"`
	InvitedBy string `json:"invited_by"`
	CreatedAt Millis `json:"created_at"`
	ExpiresAt Millis `json:"expires_at"`
	UsedAt    Millis `json:"used_at,omitempty"`
	RevokedAt Millis `json:"revoked_at,omitempty"`
	DeviceID  string `json:"device_id,omitempty"` // the device that used it

	Version int64 `json:"version"`
}

// Open reports whether the invite can still be redeemed.
func (i *Invite) Open(now Millis) bool {
	return i.UsedAt == 0 && i.RevokedAt == 0 && !i.ExpiresAt.Over(now)
}

// Enrollment is an invite being used by one browser or phone, which holds the
// en cookie. Its hash is the item's key.
type Enrollment struct {
	CookieHash []byte `json:"cookie_hash"`
	InviteID   string `json:"invite_id"`
	TokenHash  []byte `json:"token_hash"`          // of the invite
	Binding    string `json:"binding,omitempty"`   // as the device's will be; empty: BindingInvite
	Policy     string `json:"policy,omitempty"`    // attestation policy; empty: the deployment's
	DeviceID   string `json:"device_id,omitempty"` // that was enrolled, where there is no invite to say so
	UserID     string `json:"user_id"`
	Challenge  []byte `json:"challenge,omitempty"` // 32 bytes; set by options, used once
	Type       string `json:"type,omitempty"`      // of credential, that the challenge was given for
	ExpiresAt  Millis `json:"expires_at"`

	Version int64 `json:"version"`
}

// DeviceAdd is a device being added with the help of an old one (11.4). The new
// device is enrolled as DevicePending and becomes active when the old one has
// signed its key. It has the ID of the invite that opens the enrollment.
type DeviceAdd struct {
	ID        string        `json:"id"` // 16 bytes, base32
	UserID    string        `json:"user_id"`
	DeviceID  string        `json:"device_id,omitempty"` // the new one, once it has a key
	Key       string        `json:"key,omitempty"`       // thumbprint of its key
	Browser   BrowserSecret `json:"bh"`                  // hash of the new device's __Host-en
	Context   AddContext    `json:"ctx"`
	Nonce     []byte        `json:"nonce"`
	CreatedAt Millis        `json:"created_at"`
	ExpiresAt Millis        `json:"expires_at"`
	DoneAt    Millis        `json:"done_at,omitempty"`

	Version int64 `json:"-"`
}

// AddContext is what the old device shows of the new one and, by its hash, signs.
type AddContext struct {
	V           int    `json:"v"`
	Kind        string `json:"kind"` // "add-device"
	Device      string `json:"device"`
	Place       string `json:"place"`
	IP          string `json:"ip"`
	RequestedAt int64  `json:"requested_at"`
}

// RecoveryCodes is a user's set of recovery codes (12.3). Only keyed hashes are
// kept.
type RecoveryCodes struct {
	CreatedAt Millis         `json:"created_at"`
	Codes     []RecoveryCode `json:"codes"`

	Version int64 `json:"-"`
}

// RecoveryCode is one of them.
type RecoveryCode struct {
	Hash   []byte `json:"hash"` // MasterKeys.RecoveryHash
	KeyVer int    `json:"kv"`
	UsedAt Millis `json:"used_at,omitempty"`
}

// Left is how many codes can still be used.
func (r *RecoveryCodes) Left() int {
	n := 0
	for _, c := range r.Codes {
		if c.UsedAt == 0 {
			n++
		}
	}
	return n
}

// CleanName is a device's name as it may be shown: up to 40 printable
// characters.
func CleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if runes := []rune(s); len(runes) > 40 {
		s = string(runes[:40])
	}
	return s
}
