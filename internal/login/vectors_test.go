package login_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

// Inputs of Annex A of the approval protocol.
const (
	vectorSID     = "CAIREEYUCULBOGAZDINRYHI6D4"
	vectorLoginID = "GAYTEMZUGU3DOOBZHI5TYPJ6H4"
)

func sequence(from byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

func vectorKeys(t testing.TB) *login.MasterKeys {
	t.Helper()
	keys, err := login.NewMasterKeys(map[int][]byte{1: sequence(0, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func vectorBrowser() idp.BrowserSecret { return sha256.Sum256(bytes.Repeat([]byte{0xaa}, 32)) }

func vectorClaimHash() []byte {
	h := sha256.Sum256(bytes.Repeat([]byte{0xcc}, 32))
	return h[:]
}

func vectorContext() idp.Context {
	return idp.Context{
		V:           1,
		App:         idp.ContextApp{EntityID: "https://sp.example.org/saml", Host: "sp.example.org", Name: "Payroll"},
		Browser:     "Firefox 145",
		OS:          "Windows 11",
		Place:       "Ljubljana, SI",
		IP:          "203.0.113.0/24",
		RequestedAt: 1795370000,
	}
}

func vectorSession() idp.QRSession {
	return idp.QRSession{
		SID:            vectorSID,
		State:          idp.StateScanned,
		Browser:        vectorBrowser(),
		SP:             "https://sp.example.org/saml",
		Issuer:         "https://id.example.com/idp",
		Request:        "_a1b2c3",
		ACR:            "urn:latchkey:acr:qr",
		KeyVer:         1,
		Nonce:          bytes.Repeat([]byte{0xbb}, 32),
		PhoneExpiresAt: 1795370180_999, // exp is rounded down
		Context:        vectorContext(),
	}
}

func TestAnnexA(t *testing.T) {
	keys := vectorKeys(t)
	codeHash, err := keys.CodeHash(1, "BCDFGHJK")
	if err != nil {
		t.Fatal(err)
	}
	recovery, err := keys.RecoveryHash(1, "0123456789ABCDEF")
	if err != nil {
		t.Fatal(err)
	}
	sid, err := keys.NewSID(sequence(0x40, 16), vectorBrowser(), vectorLoginID)
	if err != nil {
		t.Fatal(err)
	}
	contextHash, err := login.ContextHash(vectorContext())
	if err != nil {
		t.Fatal(err)
	}
	browser := vectorBrowser()
	vectors := []struct{ name, got, want string }{
		{"sid", idp.Base32.EncodeToString(sequence(0x10, 16)), vectorSID},
		{"login id", idp.Base32.EncodeToString(sequence(0x30, 16)), vectorLoginID},
		{"user code", idp.Base64.EncodeToString(codeHash), "qlWZSEz7DOmYCSQHP-MYlwZDk05wTEydKAaw93im4vQ"},
		{"recovery code", idp.Base64.EncodeToString(recovery), "RkMBgeehGSHb2xmsa4UQWr6OBG9qvtxCjgzi2x1lkR0"},
		{"derived sid", sid, "JMVJIHPK24EGV3QSDUPI5X2VXY"},
		{"bh", idp.Base64.EncodeToString(browser[:]), "4Od6UHQSsSD27eYfYilbGnsv8Z09zI9yU-UWY0cMiI4"},
		{"ch", idp.Base64.EncodeToString(vectorClaimHash()), "wvSA1N2p9FIrn21ZABFjbZBKzP5Z8S-dZqAiHCVY46I"},
		{"context", contextHash, "K5fGyZH3t8lyNtfVFLqlDvV_fzwnGnOrNKoiED-blZw"},
		{"text with match", textHash(t, "482915", 330), "f23aAQFus5E_OSJmay3e7xd9iQAo-hfCyz34dT4H2S4"},
		{"text without match", textHash(t, "-", 325), "pOCmUCczvsbAYXMV82vug_OzNlBVAkMcH2TXWjrfp6A"},
	}
	for n, tag := range map[int]string{0: "4ZJEXN7EWUKY7KLD", 1: "P5TP5DUNTJUJ4E5X", 44: "LD4QM6M63EBST7LX"} {
		f, err := keys.NewFrame(1, vectorSID, n)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("https://id.example.com/m#1.%s.%d.%s", vectorSID, n, tag)
		vectors = append(vectors, struct{ name, got, want string }{fmt.Sprintf("frame %d", n), f.URL("https://id.example.com"), want})
	}
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			if v.got != v.want {
				t.Errorf("got %s, want %s", v.got, v.want)
			}
		})
	}
	t.Run("context bytes", func(t *testing.T) {
		got, err := login.CanonicalContext(vectorContext())
		const want = `{"app":{"entity_id":"https://sp.example.org/saml","host":"sp.example.org","name":"Payroll"},"browser":"Firefox 145","ip":"203.0.113.0/24","os":"Windows 11","place":"Ljubljana, SI","requested_at":1795370000,"v":1}`
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v", got, err)
		}
	})
}

func textHash(t *testing.T, match string, length int) string {
	t.Helper()
	text, err := login.TextOf(vectorSession(), match, login.NoValue)
	if err != nil {
		t.Fatal(err)
	}
	b, err := text.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != length {
		t.Errorf("text of %d bytes, want %d:\n%s", len(b), length, b)
	}
	sum := sha256.Sum256(b)
	return idp.Base64.EncodeToString(sum[:])
}

func TestTextRefusesValuesThatPassForLines(t *testing.T) {
	good, err := login.TextOf(vectorSession(), login.NoValue, login.NoValue)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"", "x\nexp:9", "x\r", "x\x00", "x\x7f", "x\u0085", "x\xff"} {
		bad := good
		bad.SP = value
		if b, err := bad.Bytes(); err == nil {
			t.Errorf("value %q accepted: %q", value, b)
		}
	}
}

func TestContextIsCanonicalJSON(t *testing.T) {
	c := vectorContext()
	c.App.Name = "A&B <Ž> \"\\\u2028\u2029\u007f\U0001f600\b\t\n\f\r\x01\x1f"
	got, err := login.CanonicalContext(c)
	if err != nil {
		t.Fatal(err)
	}
	want := `"name":"A&B <Ž> \"\\` + "\u2028\u2029\u007f\U0001f600" + `\b\t\n\f\r\u0001\u001f"`
	if !strings.Contains(string(got), want) {
		t.Errorf("got %s, want it to contain %s", got, want)
	}
	for name, bad := range map[string]func(*idp.Context){
		"not UTF-8":   func(c *idp.Context) { c.Place = "\xff" },
		"not exact":   func(c *idp.Context) { c.RequestedAt = 1 << 53 },
		"far too low": func(c *idp.Context) { c.RequestedAt = -1 << 63 },
	} {
		c := vectorContext()
		bad(&c)
		if _, err := login.CanonicalContext(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMasterKeysCannotBePrinted(t *testing.T) {
	keys := vectorKeys(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, keys); got != "[master keys]" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func TestLoginID(t *testing.T) {
	keys := vectorKeys(t)
	id := func(issuer, request string) string {
		t.Helper()
		s, err := keys.LoginID(1, issuer, request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := idp.DecodeBase32(s, 16); err != nil {
			t.Fatal(err)
		}
		return s
	}
	if first, again := id("https://sp-a.test", "_1"), id("https://sp-a.test", "_1"); first != again {
		t.Error("the same request has two ids")
	}
	if id("https://sp-a.test", "_1") == id("https://sp-b.test", "_1") {
		t.Error("requests of two issuers share an id")
	}
	if id("ab", "c") == id("a", "bc") {
		t.Error("issuer and request ID run into one another")
	}
}
