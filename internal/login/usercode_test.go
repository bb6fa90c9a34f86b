package login_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

func TestUserCode(t *testing.T) {
	code, err := login.NewUserCode(bytes.NewReader([]byte{0, 255, 1, 240, 2, 3, 4, 5, 6, 239}))
	if err != nil || code != "BCDFGHJZ" {
		t.Fatalf("code %q, %v: bytes from 240 on must be dropped", code, err)
	}
	if got := login.DisplayUserCode(code); got != "BCDF-GHJZ" {
		t.Errorf("shown as %q", got)
	}
	if _, err := login.NewUserCode(bytes.NewReader(nil)); err == nil {
		t.Error("no error without randomness")
	}
}

func TestUserCodeLettersAreEquallyLikely(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	count := map[rune]int{}
	const codes = 20000
	for range codes {
		code, err := login.NewUserCode(random)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range code {
			count[r]++
		}
	}
	const expected = codes * 8 / 20
	for r, n := range count {
		if n < expected*95/100 || n > expected*105/100 {
			t.Errorf("letter %c comes %d times, expected about %d", r, n, expected)
		}
	}
	if len(count) != 20 {
		t.Errorf("%d letters", len(count))
	}
}

func TestParseUserCode(t *testing.T) {
	for _, input := range []string{"BCDFGHJK", "BCDF-GHJK", " bcdf ghjk\n", "b-c-d-f-g-h-j-k", "BCDF\u00a0GHJK"} {
		if got, err := login.ParseUserCode(input); err != nil || got != "BCDFGHJK" {
			t.Errorf("ParseUserCode(%q) = %q, %v", input, got, err)
		}
	}
	for _, input := range []string{"", "BCDFGHJ", "BCDFGHJKL", "BCDFGHJA", "BCDFGHJ1", "BCDFGHJ\u017f", "BCDFGHJ\x00", "BCDFGHJK" + strings.Repeat(" ", 99)} {
		if got, err := login.ParseUserCode(input); idp.CodeOf(err) != idp.QRInvalid {
			t.Errorf("ParseUserCode(%q) = %q, %v, want qr_invalid", input, got, err)
		}
	}
}

func FuzzUserCode(f *testing.F) {
	f.Add("BCDF-GHJK")
	f.Add(" b c d f\u00a0g h j k ")
	f.Fuzz(func(t *testing.T, input string) {
		letters, err := login.ParseUserCode(input)
		if err != nil {
			return
		}
		if again, err := login.ParseUserCode(login.DisplayUserCode(letters)); err != nil || again != letters {
			t.Errorf("%q is read as %q, that as %q, %v", input, letters, again, err)
		}
	})
}
