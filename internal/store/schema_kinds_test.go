package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// kind is one line of the table in keys.go.
type kind struct {
	name string
	line string // of the table in keys.go: partition key and sort key

	// example makes an item of it with every field set.
	example func() (table.Key, any)
	// read reads the item at the key that data, which is a value of the kind,
	// says it has.
	read func(ctx context.Context, s *Store, data []byte) (any, error)
}

// of is the kind of the values of type T that lie at key.
func of[T any](name, line string, key func(v *T) table.Key) kind {
	return kind{
		name: name, line: line,
		example: func() (table.Key, any) {
			v := new(T)
			fill(reflect.ValueOf(v).Elem(), name)
			return key(v), v
		},
		read: func(ctx context.Context, s *Store, data []byte) (any, error) {
			v := new(T)
			if err := json.Unmarshal(data, v); err != nil {
				return nil, err
			}
			stored, _, err := get[T](ctx, s, key(v))
			return stored, err
		},
	}
}

// at is the key of items whose own value does not tell where they lie.
func at[T any](key table.Key) func(*T) table.Key { return func(*T) table.Key { return key } }

var (
	someone = "TEST-ONLY-id" // of every user in the examples
	hash    = bytes.Repeat([]byte{7}, 32)
	day     = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
)

// kinds are all that keys.go lists.
func kinds() []kind {
	return []kind{
		of("sp", "SP#<entityID> sp", func(v *idp.ServiceProvider) table.Key { return spKey(v.EntityID) }),
		of("sp-index", "INDEX#SP <slug>", func(v *SPSummary) table.Key { return spIndexKey(v.Slug) }),
		of("metadata", "METADATA <entityID>", func(v *idp.MetadataSource) table.Key { return metadataKey(v.EntityID) }),
		of("release", "RELEASE rules", at[idp.ReleaseRules](releaseKey())),
		of("user", "USER#<uid> user", func(v *idp.User) table.Key { return userKey(v.ID) }),
		of("device-index", "USER#<uid> device#<id>", func(v *deviceIndex) table.Key { return deviceIndexKey(someone, v.ID) }),
		of("sso-session", "USER#<uid> session#<sid>", func(v *idp.SSOSession) table.Key { return ssoKey(v.UserID, v.SID) }),
		of("sign-in", "USER#<uid> signin#<ulid>", func(v *idp.SignIn) table.Key { return signInKey(someone, v.ID) }),
		of("consent", "USER#<uid> consent#<id>", func(v *idp.Consent) table.Key { return consentKey(someone, idp.ConsentID(v.SP)) }),
		of("recovery", "USER#<uid> recovery", at[idp.RecoveryCodes](recoveryKey(someone))),
		of("enrolled", "USER#<uid> enrolled", at[struct{}](enrolledKey(someone))),
		of("app-password", "USER#<uid> apppw#<id>", func(v *idp.AppPassword) table.Key { return appPasswordKey(v.UserID, v.ID) }),
		of("app-password-index", "APPPW#<hash> apppw", at[appPasswordIndex](appPasswordIndexKey([]byte("TEST ONLY hash")))),
		of("step-up", "STEPUP#<hash> stepup", at[stepUp](stepUpKey(hash))),
		of("browser", "BROWSER#<hash> browser", at[idp.KnownBrowser](browserKey(hash))),
		of("name", "NAMEID#<hash> <uid>", func(v *nameItem) table.Key { return nameKey("https://sp.test", "TEST-ONLY-name", v.UserID) }),
		of("device-add", "ADD#<id> add", func(v *idp.DeviceAdd) table.Key { return addKey(v.ID) }),
		of("user-index", "INDEX#USER <email>", at[userIndex](userIndexKey("TEST-ONLY-email"))),
		of("device", "CRED#<id> cred", func(v *idp.Device) table.Key { return credKey(v.ID) }),
		of("pop-key", "POP#<kid> pop", at[deviceIndex](popKey("TEST-ONLY-pop_key_id"))),
		of("invite", "INVITE#<hash> invite", func(v *idp.Invite) table.Key { return inviteKey(v.TokenHash) }),
		of("invite-index", "INDEX#INVITE <id>", func(v *inviteIndex) table.Key { return inviteIndexKey(v.ID) }),
		of("enrollment", "ENROLL#<hash> enroll", func(v *idp.Enrollment) table.Key { return enrollKey(v.CookieHash) }),
		of("login", "LOGIN#<id> login", func(v *idp.Login) table.Key { return loginKey(v.ID) }),
		of("session", "QRSESSION#<sid> session", func(v *idp.QRSession) table.Key { return sessionKey(v.SID) }),
		of("logout", "LOGOUT#<id> logout", func(v *idp.Logout) table.Key { return logoutKey(v.ID) }),
		of("logout-result", "LOGOUT#<id> told#<n>", func(v *idp.LogoutResult) table.Key { return toldKey("TEST-ONLY-logout", v.Target) }),
		of("code", "CODE#<hmac> code", at[codeItem](codeKey(hash))),
		of("rate", "RATE#<name> <subject>", at[rate](rateKey("TEST-ONLY-limit", "203.0.113.7"))),
		of("audit", "AUDIT#<yyyy-mm-dd> <ulid>", func(v *idp.AuditEvent) table.Key { return auditKey(day, v.ID) }),
		of("audit-checkpoint", "AUDITCHECK <yyyy-mm-ddThh>", func(v *idp.AuditCheckpoint) table.Key { return checkpointKey(v.Hour) }),
		of("signing-key", "KEYS <id>", func(v *keys.Record) table.Key { return signingKeyKey(v.ID) }),
		of("key-fetched", "KEYSEEN#<id> fetched#<entityID>", func(v *KeySeen) table.Key { return keySeenKey("key-1", keyFetched, v.EntityID) }),
		of("key-confirmed", "KEYSEEN#<id> confirmed#<entityID>", func(v *KeySeen) table.Key { return keySeenKey("key-1", keyConfirmed, v.EntityID) }),
	}
}

// fill sets every field to a value that follows from its name.
func fill(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if tag != "-" && f.IsExported() {
				fill(v.Field(i), tag)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("TEST ONLY " + name))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), name)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), name)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element, name)
		v.SetMapIndex(reflect.ValueOf("TEST-ONLY-"+name).Convert(v.Type().Key()), element)
	case reflect.String:
		if name == "uid" || name == "user_id" { // so that what is of a person is of one person
			name = "id"
		}
		v.SetString("TEST-ONLY-" + name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(len(name)))
		if v.Type() == reflect.TypeFor[idp.Millis]() {
			v.SetInt(day.UnixMilli() + int64(len(name)))
		}
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(uint64(len(name)))
	default:
		panic(fmt.Sprintf("no example of %s for %q", v.Type(), name))
	}
}
