package login_test

import (
	"bytes"
	"crypto/rand"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/login"
)

func TestRecoveryCode(t *testing.T) {
	shape := regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`)
	seen := map[string]bool{}
	for range 1000 {
		code, err := login.NewRecoveryCode(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		shown := login.DisplayCode(code)
		if !shape.MatchString(shown) || seen[code] {
			t.Fatalf("code %q, seen %v", shown, seen[code])
		}
		seen[code] = true
		if back, err := login.ParseRecoveryCode(shown); err != nil || back != code {
			t.Fatalf("%q came back as %q, %v", shown, back, err)
		}
	}
	t.Run("every character has five random bits", func(t *testing.T) {
		for b := range 256 {
			code, err := login.NewRecoveryCode(bytes.NewReader(bytes.Repeat([]byte{byte(b)}, 16)))
			want := strings.Repeat("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[b%32:b%32+1], 16)
			if err != nil || code != want {
				t.Fatalf("byte %d: %q, %v", b, code, err)
			}
		}
	})
	if _, err := login.NewRecoveryCode(strings.NewReader("short")); err == nil {
		t.Error("a code without randomness")
	}
}

func TestParseRecoveryCode(t *testing.T) {
	for typed, want := range map[string]string{
		"0123-4567-89AB-CDEF":       "0123456789ABCDEF",
		" 0123 4567 89ab cdef ":     "0123456789ABCDEF",
		"oI2l-4567-89ab-cdef":       "0121456789ABCDEF",
		"0123456789ABCDEF":          "0123456789ABCDEF",
		"0123-4567-89AB-CDE":        "",
		"0123-4567-89AB-CDEFG":      "",
		"0123-4567-89AB-CDEU":       "", // Crockford has no U
		"0123-4567-89AB-CDE!":       "",
		"０123-4567-89AB-CDEF":       "", // a full-width digit
		"":                          "",
		strings.Repeat(" ", 60_000): "",
	} {
		if got, err := login.ParseRecoveryCode(typed); got != want || (err == nil) != (want != "") {
			t.Errorf("%.40q: %q, %v; want %q", typed, got, err, want)
		}
	}
}
