package login_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/login"
)

func TestAppPassword(t *testing.T) {
	password, err := login.NewAppPassword(rand.Reader)
	if err != nil || len(password) != 28 {
		t.Fatalf("%q, %v", password, err)
	}
	shown := login.DisplayCode(password)
	if len(shown) != 34 || strings.Count(shown, "-") != 6 {
		t.Errorf("shown as %q", shown)
	}
	for _, typed := range []string{shown, password, strings.ToLower(shown), " " + strings.ReplaceAll(shown, "-", " ")} {
		got, err := login.ParseAppPassword(typed)
		if err != nil || !bytes.Equal(login.AppPasswordHash(got), login.AppPasswordHash(password)) {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", password[:27], password + "0", "U" + password[1:], strings.Repeat("-", 65) + password} {
		if got, err := login.ParseAppPassword(typed); err == nil {
			t.Errorf("%q is read as %q", typed, got)
		}
	}
	if _, err := login.NewAppPassword(strings.NewReader("short")); err == nil {
		t.Error("made without enough random bytes")
	}
}
