package login

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// HKDF info of what is derived from a browser secret. A page without script
// cannot keep a random key while it is loaded again and again; so its keys are
// made of the secret that this browser alone has, and are the same each time.
// None tells anything of the secret, and none is worth anything without it.
const (
	infoPlainKey  = "latchkey-plain-key/1"
	infoPlainCode = "latchkey-plain-code/1"
	infoFinish    = "latchkey-finish/1"
)

// PlainKey is the Idempotency-Key (16 bytes) with which a page without script
// opens a session of a login: the same form posted twice opens one. after is
// the sid of the session whose time is over; empty: the login's first.
func PlainKey(browser idp.Secret, loginID, after string) ([]byte, error) {
	return ofBrowser(browser, infoPlainKey, 16, loginID, after)
}

// PlainCode is the letters of such a session's user code; try counts up where
// another session has them already.
func PlainCode(browser idp.Secret, sid string, try int) (string, error) {
	// Eight letters take nine bytes on average: 64 always suffice.
	stream, err := ofBrowser(browser, infoPlainCode, 64, sid, fmt.Sprint(try))
	if err != nil {
		return "", err
	}
	return NewUserCode(bytes.NewReader(stream))
}

// FinishKey is the finish_key (16 bytes) of pages without script. Who has the
// browser secret may finish anyway, so it gives nothing away; and as it never
// changes, a form that is posted twice gets the same assertion (T19).
func FinishKey(browser idp.Secret, sid string) (idp.Secret, error) {
	return ofBrowser(browser, infoFinish, 16, sid)
}

func ofBrowser(browser idp.Secret, info string, size int, parts ...string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, browser, nil, info+"\x00"+strings.Join(parts, "\x00"), size)
	if err != nil {
		return nil, fmt.Errorf("derive %s: %w", info, err)
	}
	return key, nil
}
