package admin

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Authenticator tells who calls. The name goes to the audit trail; an error or
// an empty name refuses the call.
type Authenticator interface {
	Authenticate(r *http.Request) (actor string, err error)
}

// AuthenticatorFunc is a function as an Authenticator.
type AuthenticatorFunc func(r *http.Request) (string, error)

// Authenticate implements Authenticator.
func (f AuthenticatorFunc) Authenticate(r *http.Request) (string, error) { return f(r) }

// Bearer admits whoever presents the token with this SHA-256, as
// "Authorization: Bearer <token>". Invited people see the name. The zero hash
// admits nobody.
func Bearer(tokenHash [sha256.Size]byte) Authenticator {
	return AuthenticatorFunc(func(r *http.Request) (string, error) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(token))
		if !strings.EqualFold(scheme, "Bearer") || token == "" || !idp.Equal(got[:], tokenHash[:]) {
			return "", idp.E(idp.Unauthorized, "no or another admin token")
		}
		return "local administrator", nil
	})
}

// IAM admits whoever API Gateway's IAM authorizer has verified. Only the
// adapter of Lambda events puts a caller into the context; no header can.
func IAM() Authenticator {
	return AuthenticatorFunc(func(r *http.Request) (string, error) {
		caller := idp.CallerFrom(r.Context())
		if caller == "" {
			return "", idp.E(idp.Unauthorized, "no IAM caller")
		}
		return caller, nil
	})
}
