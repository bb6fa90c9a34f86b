package pages_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/i18n"
)

func catalog(t testing.TB) *i18n.Catalog {
	t.Helper()
	c, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
