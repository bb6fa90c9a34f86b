package metadata_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

func TestNames(t *testing.T) {
	t.Run("Q21", func(t *testing.T) {
		for _, tt := range []struct{ name, in, want string }{
			{"plain", "Jira", "Jira"},
			{"NFC", "Knjiz\u030cnica", "Knjižnica"},
			{"composes over a dropped character", "z\u200b\u030c", "ž"},
			{"right to left override", "Bank\u202egro.live", "Bankgro.live"},
			{"isolates and marks", "\u2066a\u2069\u200e\u200f\u061cb", "ab"},
			{"zero width", "Sales\u200b\u200c\u200d\u2060\ufeffforce", "Salesforce"},
			{"soft hyphen, grapheme joiner", "a\u00ad\u034fb", "ab"},
			{"fillers", "a\u115f\u3164\uffa0\u2800b", "ab"},
			{"variation selectors, tags", "a\ufe0f\U000e0061b", "ab"},
			{"control", "a\x00\x1b[31m\u0085b", "a[31m b"},
			{"line breaks", " a\r\n\tb\u2028c ", "a b c"},
			{"not UTF-8", "a\xffb", "ab"},
			{"nothing left", "\u200b\u202e ", ""},
			{"look-alike stays; the host stands beside it", "Раураl", "Раураl"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				if got := metadata.CleanName(tt.in); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		}
		t.Run("300 characters", func(t *testing.T) {
			got := metadata.CleanName(strings.Repeat("ž", 300))
			if n := utf8.RuneCountInString(got); n != 64 {
				t.Errorf("%d characters", n)
			}
		})
	})
}

func FuzzCleanName(f *testing.F) {
	f.Add("Knjiz\u030cnica \u202e")
	f.Fuzz(func(t *testing.T, s string) {
		got := metadata.CleanName(s)
		if again := metadata.CleanName(got); again != got {
			t.Errorf("%q becomes %q", got, again)
		}
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 64 {
			t.Errorf("%q", got)
		}
	})
}
