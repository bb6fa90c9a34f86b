package preset

import (
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

const (
	atlassianEntityID = "https://auth.atlassian.com/saml/"
	atlassianACS      = "https://auth.atlassian.com/login/callback?connection=saml-"
)

// AtlassianDraft is the entityID of an Atlassian service provider whose own is
// not known yet: Atlassian shows it only after our values were entered there.
const AtlassianDraft = "urn:latchkey:draft:atlassian"

func atlassianSettings() settings {
	const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	return settings{
		name:   "Atlassian",
		nameID: "emailAddress = email",
		attributes: []string{
			claims + "givenname = givenName",
			claims + "surname = familyName",
			claims + "name = id", // stable: people's addresses change, their accounts stay
			"email = email",
			"firstname = givenName",
			"lastname = familyName",
		},
	}
}

func applyAtlassian(sp *idp.ServiceProvider, opts Options) error {
	id := strings.TrimSpace(opts.ConnectionID)
	id = strings.TrimPrefix(id, atlassianEntityID) // the whole URL was pasted
	switch {
	case id != "":
		if strings.Trim(strings.ToLower(id), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return idp.E(idp.Invalid, "%q is not the ID at the end of Atlassian's SP entity URL", id)
		}
		if sp.EntityID == AtlassianDraft {
			sp.EntityID, sp.Draft = "", false
		}
		setDefault(&sp.EntityID, atlassianEntityID+id)
		if len(sp.ACS) == 0 {
			sp.ACS = postEndpoint(atlassianACS + id)
		}
	case sp.EntityID != "" && sp.EntityID != AtlassianDraft && sp.DefaultACS() != nil:
		// Both values were given by hand.
	case opts.Draft:
		sp.EntityID, sp.Draft = AtlassianDraft, true
	default:
		return idp.E(idp.Invalid, "atlassian needs the ID of its SAML configuration; where Atlassian has not shown it yet, save a draft first")
	}
	return nil
}

func atlassianFields(_ *idp.ServiceProvider, us Us) []Field {
	const where = "Atlassian Administration > Security > Identity providers > Set up SAML single sign-on > Add SAML details"
	return compact([]Field{
		{where, "Identity provider Entity ID", us.EntityID},
		{where, "Identity provider SSO URL", us.SSOURL},
		{where, "Public x509 certificate", us.CertificatePEM},
	})
}
