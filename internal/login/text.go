package login

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// DecisionApprove is the decision that a sign-in's text states.
const DecisionApprove = "approve"

// NoValue stands for a number or liveness id that was not asked for.
const NoValue = "-"

// Text is what a phone signs (6.1). The server builds it from the session, the
// phone from what it was told and shows; they agree to the byte or the
// approval is refused. The JSON form is the text member of a claim's answer,
// which leaves out what the phone knows by itself.
type Text struct {
	SID      string `json:"-"`
	IDP      string `json:"idp"`
	SP       string `json:"sp"`
	Request  string `json:"req"`
	Decision string `json:"-"`
	ACR      string `json:"acr"`
	Match    string `json:"-"`
	Live     string `json:"-"`
	Browser  string `json:"browser"` // base64url of the first 16 bytes of the browser secret's hash
	Context  string `json:"-"`       // base64url SHA-256 of the context
	Nonce    string `json:"nonce"`   // base64url
	Expires  int64  `json:"exp"`     // seconds
}

// TextOf is the text of a session in scanned, with the number and liveness id
// that the phone sent, NoValue if none.
func TextOf(s idp.QRSession, match, live string) (Text, error) {
	hash, err := ContextHash(s.Context)
	if err != nil {
		return Text{}, err
	}
	return Text{
		SID:      s.SID,
		IDP:      s.Issuer,
		SP:       s.SP,
		Request:  s.Request,
		Decision: DecisionApprove,
		ACR:      s.ACR,
		Match:    match,
		Live:     live,
		Browser:  idp.Base64.EncodeToString(s.Browser[:16]),
		Context:  hash,
		Nonce:    idp.Base64.EncodeToString(s.Nonce),
		Expires:  s.PhoneExpiresAt.Seconds(),
	}, nil
}

// PasskeyText is the text that a passkey in the browser that signs in covers
// (5.5): there is no claim, so it ends with the session's code.
func PasskeyText(s idp.QRSession) (Text, error) {
	t, err := TextOf(s, NoValue, NoValue)
	t.ACR, t.Expires = idp.ACRPHR, s.QRExpiresAt.Seconds()
	return t, err
}

// DecisionAdd is the decision to let a new device in.
const DecisionAdd = "add-device"

// AddText is the text by which an old device vouches for the key of a new one
// (11.4). ours is our entityID.
func AddText(add *idp.DeviceAdd, ours string) (Text, error) {
	hash, err := hashOf(add.Context)
	if err != nil {
		return Text{}, err
	}
	return Text{
		SID: add.ID, IDP: ours, SP: ours, Request: "key:" + add.Key, Decision: DecisionAdd,
		ACR: NoValue, Match: NoValue, Live: NoValue,
		Browser: idp.Base64.EncodeToString(add.Browser[:16]), Context: hash,
		Nonce: idp.Base64.EncodeToString(add.Nonce), Expires: add.ExpiresAt.Seconds(),
	}, nil
}

// TextOfAdding is AddText as the old device builds it, from what it was told and
// shows.
func TextOfAdding(id string, told Text, shown idp.AddContext) ([]byte, error) {
	hash, err := hashOf(shown)
	if err != nil {
		return nil, err
	}
	told.SID, told.Decision, told.Match, told.Live, told.Context = id, DecisionAdd, NoValue, NoValue, hash
	return told.Bytes()
}

// Bytes is the exact text: 13 lines, each ended by a line feed. A value that is
// empty, not UTF-8 or holds a control character is an error, because it could
// pass for another line.
func (t Text) Bytes() ([]byte, error) {
	lines := [...]struct{ name, value string }{
		{"sid", t.SID},
		{"idp", t.IDP},
		{"sp", t.SP},
		{"req", t.Request},
		{"decision", t.Decision},
		{"acr", t.ACR},
		{"match", t.Match},
		{"live", t.Live},
		{"browser", t.Browser},
		{"ctx", t.Context},
		{"nonce", t.Nonce},
		{"exp", strconv.FormatInt(t.Expires, 10)},
	}
	var b strings.Builder
	b.WriteString("latchkey-approval/1\n")
	for _, l := range lines {
		if !printable(l.value) {
			return nil, fmt.Errorf("build signed text: value of %s is empty or not printable", l.name)
		}
		b.WriteString(l.name + ":" + l.value + "\n")
	}
	return []byte(b.String()), nil
}

func printable(value string) bool {
	return value != "" && utf8.ValidString(value) && strings.IndexFunc(value, unicode.IsControl) < 0
}
