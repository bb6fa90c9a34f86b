package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// The table's layout. One line per kind of item; an index item holds just
// enough to list and to find.
//
//	SP#<entityID>      sp              idp.ServiceProvider
//	INDEX#SP           <slug>          spIndex
//	METADATA           <entityID>      idp.MetadataSource
//	RELEASE            rules           idp.ReleaseRules
//	USER#<uid>         user            idp.User
//	USER#<uid>         device#<id>     deviceIndex
//	USER#<uid>         session#<sid>   idp.SSOSession
//	USER#<uid>         signin#<ulid>   idp.SignIn
//	USER#<uid>         consent#<id>    idp.Consent
//	USER#<uid>         recovery        idp.RecoveryCodes
//	USER#<uid>         enrolled        changes of the set of devices, so that two at once are told apart
//	USER#<uid>         apppw#<id>      idp.AppPassword
//	APPPW#<hash>       apppw           appPasswordIndex, by what it is
//	STEPUP#<hash>      stepup          a challenge that waits for its answer
//	BROWSER#<hash>     browser         idp.KnownBrowser
//	NAMEID#<hash>      <uid>           nameItem, by service provider and NameID
//	ADD#<id>           add             idp.DeviceAdd
//	INDEX#USER         <email>         userIndex
//	CRED#<id>          cred            idp.Device
//	POP#<kid>          pop             deviceIndex
//	INVITE#<hash>      invite          idp.Invite
//	INDEX#INVITE       <id>            inviteIndex
//	ENROLL#<hash>      enroll          idp.Enrollment
//	LOGIN#<id>         login           idp.Login
//	QRSESSION#<sid>    session         idp.QRSession
//	LOGOUT#<id>        logout          idp.Logout
//	LOGOUT#<id>        told#<n>        idp.LogoutResult
//	CODE#<hmac>        code            codeItem
//	RATE#<name>        <subject>       counter
//	AUDIT#<yyyy-mm-dd> <ulid>          idp.AuditEvent, sealed
//	AUDITCHECK         <yyyy-mm-ddThh> idp.AuditCheckpoint
//	KEYS               <id>            keys.Record
//	KEYSEEN#<id>       fetched#<entityID>, confirmed#<entityID>  KeySeen, of the key with this id
//
// Package awsdeps keeps one kind more, with an envelope of its own: SECRET,
// master#<version>.
func spKey(entityID string) table.Key { return table.Key{PK: "SP#" + pkSafe(entityID), SK: "sp"} }
func spIndexKey(slug string) table.Key {
	return table.Key{PK: "INDEX#SP", SK: slug}
}
func metadataKey(entityID string) table.Key {
	return table.Key{PK: "METADATA", SK: pkSafe(entityID)}
}
func releaseKey() table.Key       { return table.Key{PK: "RELEASE", SK: "rules"} }
func userKey(id string) table.Key { return table.Key{PK: "USER#" + id, SK: "user"} }
func userIndexKey(email string) table.Key {
	return table.Key{PK: "INDEX#USER", SK: foldEmail(email)}
}
func deviceIndexKey(uid, id string) table.Key {
	return table.Key{PK: "USER#" + uid, SK: "device#" + id}
}
func ssoKey(uid, sid string) table.Key { return table.Key{PK: "USER#" + uid, SK: "session#" + sid} }
func signInKey(uid, id string) table.Key {
	return table.Key{PK: "USER#" + uid, SK: "signin#" + id}
}
func consentKey(uid, id string) table.Key {
	return table.Key{PK: "USER#" + uid, SK: "consent#" + id}
}
func browserKey(hash []byte) table.Key {
	return table.Key{PK: "BROWSER#" + idp.Base64.EncodeToString(hash), SK: "browser"}
}
func recoveryKey(uid string) table.Key { return table.Key{PK: "USER#" + uid, SK: "recovery"} }
func appPasswordKey(uid, id string) table.Key {
	return table.Key{PK: "USER#" + uid, SK: "apppw#" + id}
}
func appPasswordIndexKey(hash []byte) table.Key {
	return table.Key{PK: "APPPW#" + idp.Base64.EncodeToString(hash), SK: "apppw"}
}
func enrolledKey(uid string) table.Key { return table.Key{PK: "USER#" + uid, SK: "enrolled"} }
func stepUpKey(hash []byte) table.Key {
	return table.Key{PK: "STEPUP#" + idp.Base64.EncodeToString(hash), SK: "stepup"}
}
func nameKey(entityID, nameID, uid string) table.Key {
	sum := sha256.Sum256([]byte(entityID + "\x00" + nameID))
	return table.Key{PK: "NAMEID#" + hex.EncodeToString(sum[:]), SK: uid}
}
func addKey(id string) table.Key  { return table.Key{PK: "ADD#" + id, SK: "add"} }
func credKey(id string) table.Key { return table.Key{PK: "CRED#" + pkSafe(id), SK: "cred"} }
func popKey(kid string) table.Key { return table.Key{PK: "POP#" + pkSafe(kid), SK: "pop"} }
func inviteKey(hash []byte) table.Key {
	return table.Key{PK: "INVITE#" + idp.Base64.EncodeToString(hash), SK: "invite"}
}
func inviteIndexKey(id string) table.Key { return table.Key{PK: "INDEX#INVITE", SK: id} }
func enrollKey(hash []byte) table.Key {
	return table.Key{PK: "ENROLL#" + idp.Base64.EncodeToString(hash), SK: "enroll"}
}
func loginKey(id string) table.Key    { return table.Key{PK: "LOGIN#" + id, SK: "login"} }
func sessionKey(sid string) table.Key { return table.Key{PK: "QRSESSION#" + sid, SK: "session"} }
func logoutKey(id string) table.Key   { return table.Key{PK: "LOGOUT#" + id, SK: "logout"} }
func toldKey(id string, n int) table.Key {
	return table.Key{PK: "LOGOUT#" + id, SK: fmt.Sprintf("told#%03d", n)}
}
func codeKey(mac []byte) table.Key {
	return table.Key{PK: "CODE#" + idp.Base64.EncodeToString(mac), SK: "code"}
}
func rateKey(name, subject string) table.Key {
	return table.Key{PK: "RATE#" + name, SK: subject}
}
func keySeenKey(id, kind, entityID string) table.Key {
	return table.Key{PK: "KEYSEEN#" + id, SK: kind + pkSafe(entityID)}
}
func signingKeyKey(id string) table.Key { return table.Key{PK: "KEYS", SK: id} }

// pkSafe keeps identifiers from outside within a key's limits: what is long or
// has unusual bytes is replaced by its hash.
func pkSafe(s string) string {
	plain := func(r rune) bool { return r > 0x20 && r < 0x7f }
	if len(s) > 0 && len(s) <= 512 && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func foldEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
