package pages_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/i18n"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// spoken, where a test sets it, is the only language besides English, and the
// one of all pages.
var spoken *i18n.Catalog

func catalog(t testing.TB) *i18n.Catalog {
	t.Helper()
	if spoken != nil {
		return spoken
	}
	c, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pageFrame is that of a page in the language of the test.
func pageFrame(t testing.TB) pages.Frame {
	t.Helper()
	if spoken == nil {
		return pages.Frame{}
	}
	l, _ := spoken.Locale(spoken.Languages()[1])
	return pages.Frame{Locale: l}
}
