package idptest

import (
	"crypto/rsa"
	"net/http"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// Elsewhere is an identity provider at Base whose handler is not in this
// process, with the service providers and users of New put into its table. Its
// clock is that of the machine. What New knows of the inside (App, Config,
// Masters, Log) is not there.
func Elsewhere(t testing.TB, handler http.Handler, tab table.Table) *IdP {
	t.Helper()
	i := &IdP{T: t, Handler: handler, Clock: &Clock{running: true}, Log: &Log{}, Key: newKey()}
	i.Store = store.New(tab, i.Clock.Now)
	i.seed()
	return i
}

// PrivateKey is the signing key of all identity providers of this package.
// TEST ONLY.
func PrivateKey() *rsa.PrivateKey { return sharedKey() }
