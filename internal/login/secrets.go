package login

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// MasterKeys are the live master keys by version. The newest makes new values;
// older ones are still recognized. It cannot be logged or printed.
type MasterKeys struct {
	keys     map[int][]byte
	versions []int // newest first
}

// MasterKeySize is the size of a master key in bytes.
const MasterKeySize = 32

// HKDF info of each derived key (3.2).
const (
	infoQR       = "latchkey-qr/1"
	infoCode     = "latchkey-code/1"
	infoSID      = "latchkey-sid/1"
	infoRecovery = "latchkey-recovery/1"
	infoLogin    = "latchkey-login/1"
	infoConsent  = "latchkey-consent/1"
	infoAudit    = "latchkey-audit/1"
)

// NewMasterKeys takes master keys of 32 bytes by version (1, 2, ...).
func NewMasterKeys(keys map[int][]byte) (*MasterKeys, error) {
	if len(keys) == 0 {
		return nil, errors.New("no master key")
	}
	m := &MasterKeys{keys: make(map[int][]byte, len(keys))}
	for v, k := range keys {
		if v < 1 || len(k) != MasterKeySize {
			return nil, fmt.Errorf("master key version %d: not %d bytes, or version under 1", v, MasterKeySize)
		}
		m.keys[v] = slices.Clone(k)
	}
	m.versions = slices.Sorted(maps.Keys(keys))
	slices.Reverse(m.versions)
	return m, nil
}

// Newest is the version that makes new values.
func (m *MasterKeys) Newest() int { return m.versions[0] }

// Versions are the live versions, newest first.
func (m *MasterKeys) Versions() []int { return slices.Clone(m.versions) }

// String hides the keys.
func (m *MasterKeys) String() string { return "[master keys]" }

// GoString hides the keys from %#v.
func (m *MasterKeys) GoString() string { return m.String() }

// LogValue hides the keys from slog.
func (m *MasterKeys) LogValue() slog.Value { return slog.StringValue(m.String()) }

// NewSID derives a session's id from the create call, so that the same call
// again means the same session (3.2): the page's Idempotency-Key (16 bytes),
// the browser secret's hash and the login id. It uses the newest key.
func (m *MasterKeys) NewSID(idempotencyKey []byte, browser idp.BrowserSecret, loginID string) (string, error) {
	login, err := idp.DecodeBase32(loginID, 16)
	if err != nil {
		return "", idp.E(idp.BadRequest, "login id is not 16 bytes")
	}
	if len(idempotencyKey) != 16 {
		return "", idp.E(idp.BadRequest, "Idempotency-Key is not 16 bytes")
	}
	mac, err := m.mac(m.Newest(), nil, infoSID, idempotencyKey, browser[:], login)
	if err != nil {
		return "", err
	}
	return idp.Base32.EncodeToString(mac[:16]), nil
}

// LoginID derives a login's id from its AuthnRequest: the issuer's entityID
// and the request's ID. So the LOGIN item, put only if absent, is the replay
// guard of its own request. To find requests that an older key named, ask for
// each of Versions.
func (m *MasterKeys) LoginID(version int, issuer, requestID string) (string, error) {
	mac, err := m.mac(version, nil, infoLogin, []byte(issuer), []byte{0}, []byte(requestID))
	if err != nil {
		return "", err
	}
	return idp.Base32.EncodeToString(mac[:16]), nil
}

// CodeHash is the stored form of a user code (3.5), given as its 8 letters.
func (m *MasterKeys) CodeHash(version int, letters string) ([]byte, error) {
	return m.mac(version, nil, infoCode, []byte(letters))
}

// RecoveryHash is the stored form of a recovery code (12.3), given as its 16
// characters.
func (m *MasterKeys) RecoveryHash(version int, code string) ([]byte, error) {
	return m.mac(version, nil, infoRecovery, []byte(code))
}

// ConsentTag names what a person was shown of a login, given as bytes that say it
// in one way only. Nobody has the tag who was not shown it.
func (m *MasterKeys) ConsentTag(loginID string, shown []byte) (string, error) {
	mac, err := m.mac(m.Newest(), nil, infoConsent, []byte(loginID), []byte{0}, shown)
	if err != nil {
		return "", err
	}
	return idp.Base64.EncodeToString(mac), nil
}

// AuditMAC binds an event of the audit trail.
func (m *MasterKeys) AuditMAC(version int, bound []byte) ([]byte, error) {
	return m.mac(version, nil, infoAudit, bound)
}

// mac is HMAC-SHA-256 of the parts under the key derived for info.
func (m *MasterKeys) mac(version int, salt []byte, info string, parts ...[]byte) ([]byte, error) {
	key, err := m.derive(version, salt, info)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil), nil
}

func (m *MasterKeys) derive(version int, salt []byte, info string) ([]byte, error) {
	master, ok := m.keys[version]
	if !ok {
		return nil, fmt.Errorf("no master key of version %d", version)
	}
	key, err := hkdf.Key(sha256.New, master, salt, info, 32)
	if err != nil {
		return nil, fmt.Errorf("derive %s: %w", info, err)
	}
	return key, nil
}
