package preset

import (
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

func salesforceSettings() settings {
	return settings{
		name:   "Salesforce",
		nameID: "unspecified = federationId | email;lower",
	}
}

// applySalesforce takes the metadata that Salesforce offers for download, or
// My Domain alone. Salesforce signs every request; until its certificate is
// known, none can be verified, and the service provider stays a draft.
func applySalesforce(sp *idp.ServiceProvider, opts Options) error {
	if sp.EntityID == "" && opts.MyDomain == "" {
		return idp.E(idp.Invalid, "salesforce needs its metadata file or the host of My Domain, like example.my.salesforce.com")
	}
	if opts.MyDomain != "" {
		host := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(opts.MyDomain), "https://"), "/"))
		if !strings.HasSuffix(host, ".my.salesforce.com") || !isDomain(host) {
			return idp.E(idp.Invalid, "%q is not a My Domain host; it ends in .my.salesforce.com", host)
		}
		setDefault(&sp.EntityID, "https://"+host)
		if len(sp.ACS) == 0 {
			sp.ACS = postEndpoint("https://" + host)
		}
		if len(sp.SLO) == 0 {
			sp.SLO = []idp.Endpoint{{Binding: idp.BindingRedirect, Location: "https://" + host + "/services/auth/sp/saml2/logout"}}
		}
	}
	if sp.DefaultACS() == nil {
		return idp.E(idp.Invalid, "the URL that Salesforce receives answers at is missing")
	}
	sp.RequireSignedRequests = true
	sp.Draft = len(sp.SigningCerts) == 0
	return nil
}

func salesforceFields(sp *idp.ServiceProvider, us Us) []Field {
	const where = "Setup > Identity > Single Sign-On Settings > New"
	return compact([]Field{
		{where, "Name", us.DisplayName},
		{where, "SAML Version", "2.0"},
		{where, "Issuer", us.EntityID},
		{where, "Entity ID", sp.EntityID},
		{where, "Identity Provider Certificate", us.CertificatePEM},
		{where, "Request Signing Certificate", "Generate self-signed certificate, or one of your organization"},
		{where, "Request Signature Method", "RSA-SHA256"},
		{where, "Assertion Decryption Certificate", "Assertion not encrypted"},
		{where, "SAML Identity Type", "Assertion contains the Federation ID from the User object"},
		{where, "SAML Identity Location", "Identity is in the NameIdentifier element of the Subject statement"},
		{where, "Service Provider Initiated Request Binding", "HTTP POST"},
		{where, "Identity Provider Login URL", us.SSOURL},
		{where, "Identity Provider Single Logout URL", us.SLOURL},
		{where + " from Metadata URL (fills in most of these)", "Metadata URL", us.MetadataURL},
	})
}
