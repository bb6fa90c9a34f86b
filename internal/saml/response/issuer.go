package response

import (
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// IssuerFor chooses our entityID by the domain of the user's
// userPrincipalName, where the SP is federated by domain: the domain itself or
// the federated domain that it lies in.
func IssuerFor(sp *idp.ServiceProvider, fallback string, u *idp.User) (string, error) {
	if len(sp.IssuerByDomain) == 0 {
		return fallback, nil
	}
	_, domain, _ := strings.Cut(strings.ToLower(u.PrincipalName()), "@")
	for d := domain; d != ""; {
		if issuer, ok := sp.IssuerByDomain[d]; ok {
			return issuer, nil
		}
		_, d, _ = strings.Cut(d, ".")
	}
	return "", &idp.Error{
		Code: idp.SignInRefused, Reason: idp.UserDomain, Args: map[string]string{"app": sp.Name},
		Detail: "user " + u.Email + " has userPrincipalName " + u.PrincipalName() + ", whose domain is not federated with " + sp.EntityID,
	}
}
