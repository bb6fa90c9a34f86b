package login_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

func vectorAdd() *idp.DeviceAdd {
	return &idp.DeviceAdd{
		ID: "CAIREEYUCULBOGAZDINRYHI6D4", Key: "6UoWwDCkLjV0J-pQG8c0THxbVhBcpR0AZDift1Yl5DM",
		Browser: vectorBrowser(), Nonce: bytes.Repeat([]byte{0xbb}, 32), ExpiresAt: 1795370600_999,
		Context: idp.AddContext{V: 1, Kind: "add-device", Device: "iPhone", Place: "Ljubljana, SI", IP: "203.0.113.0/24", RequestedAt: 1795370000},
	}
}

const vectorAddText = `latchkey-approval/1
sid:CAIREEYUCULBOGAZDINRYHI6D4
idp:https://id.example.com/idp
sp:https://id.example.com/idp
req:key:6UoWwDCkLjV0J-pQG8c0THxbVhBcpR0AZDift1Yl5DM
decision:add-device
acr:-
match:-
live:-
browser:4Od6UHQSsSD27eYfYilbGg
ctx:X92sXKKM8RqzyHj9TIn_HSpZvd5nKNUodO1i8pInxlE
nonce:u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s
exp:1795370600
`

func TestAddText(t *testing.T) {
	add := vectorAdd()
	text, err := login.AddText(add, "https://id.example.com/idp")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := text.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(vectorAddText, string(raw)); diff != "" {
		t.Error(diff)
	}
	sum := sha256.Sum256(raw)
	if got := idp.Base64.EncodeToString(sum[:]); got != "DO_OLZEctt3Vo1noxr66fnnVRT8dfHg7ZryZSygkh0E" {
		t.Errorf("hash %s", got)
	}
	t.Run("the old device builds the same", func(t *testing.T) {
		told := login.Text{IDP: text.IDP, SP: text.SP, Request: text.Request, ACR: text.ACR, Browser: text.Browser, Nonce: text.Nonce, Expires: text.Expires}
		built, err := login.TextOfAdding(add.ID, told, add.Context)
		if err != nil || string(built) != string(raw) {
			t.Errorf("%s, %v", built, err)
		}
	})
	for name, change := range map[string]func(*idp.DeviceAdd){
		"another key":     func(a *idp.DeviceAdd) { a.Key = strings.Repeat("A", 43) },
		"another browser": func(a *idp.DeviceAdd) { a.Browser[0]++ },
		"another device":  func(a *idp.DeviceAdd) { a.Context.Device = "Android phone" },
		"another place":   func(a *idp.DeviceAdd) { a.Context.Place = "Paris, FR" },
		"another address": func(a *idp.DeviceAdd) { a.Context.IP = "198.51.100.0/24" },
		"another time":    func(a *idp.DeviceAdd) { a.Context.RequestedAt++ },
		"another nonce":   func(a *idp.DeviceAdd) { a.Nonce = bytes.Repeat([]byte{1}, 32) },
		"another end":     func(a *idp.DeviceAdd) { a.ExpiresAt += 1000 },
	} {
		t.Run("the text says "+name, func(t *testing.T) {
			add := vectorAdd()
			change(add)
			text, err := login.AddText(add, "https://id.example.com/idp")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := text.Bytes(); err != nil || string(got) == vectorAddText {
				t.Errorf("the same text, %v", err)
			}
		})
	}
	t.Run("a name with a line break is no line", func(t *testing.T) {
		add := vectorAdd()
		add.Context.Device = "iPhone\nexp:9"
		text, err := login.AddText(add, "https://id.example.com/idp")
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := text.Bytes(); err != nil || strings.Count(string(raw), "\n") != 13 {
			t.Errorf("%q, %v", raw, err)
		}
	})
}
