package preset

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// multipleAuthn is how Microsoft Entra names an authentication with several
// factors; it takes ours for its own MFA when the domain is configured with
// acceptIfMfaDoneByFederatedIdp.
const multipleAuthn = "http://schemas.microsoft.com/claims/multipleauthn"

func office365Settings() settings {
	return settings{
		name:       "Microsoft 365",
		nameID:     "persistent = immutableId",
		attributes: []string{"IDPEmail = userPrincipalName !"},
		defaultACR: multipleAuthn,
		acrMap:     map[string]string{multipleAuthn: idp.ACRQR},
	}
}

func applyOffice365(sp *idp.ServiceProvider, opts Options) error {
	entityID, endpoint := microsoftCloud(opts.China)
	setDefault(&sp.EntityID, entityID)
	if len(sp.ACS) == 0 {
		sp.ACS = postEndpoint(endpoint)
	}
	if len(sp.SLO) == 0 {
		sp.SLO = []idp.Endpoint{{Binding: idp.BindingPOST, Location: endpoint}}
	}
	// Microsoft's requests have no Destination, and where a tenant has them
	// signed, some are signed with RSA-SHA1. Nothing of ours is.
	sp.AllowMissingDestination = true
	sp.ConfirmUnsignedLogout = true // as its LogoutRequests are
	sp.AllowSHA1 = true
	return addIssuers(sp, opts)
}

func microsoftCloud(china bool) (entityID, endpoint string) {
	if china {
		return "urn:federation:partner.microsoftonline.cn", "https://login.partner.microsoftonline.cn/login.srf"
	}
	return "urn:federation:MicrosoftOnline", "https://login.microsoftonline.com/login.srf"
}

// addIssuers gives each federated domain its issuer: Entra wants another one
// for each root domain of a tenant. Where none is given, the deployment's own
// is taken if no other domain has it.
func addIssuers(sp *idp.ServiceProvider, opts Options) error {
	domains, err := normalize(opts.Domains)
	if err != nil || len(domains) == 0 {
		return err
	}
	issuers := maps.Clone(sp.IssuerByDomain)
	if issuers == nil {
		issuers = make(map[string]string)
	}
	for domain, issuer := range domains {
		if issuer != "" {
			issuers[domain] = issuer
		}
	}
	for _, domain := range slices.Sorted(maps.Keys(domains)) {
		if issuers[domain] != "" {
			continue
		}
		if opts.Issuer == "" {
			return idp.E(idp.Invalid, "the issuer for the domain %s is missing", domain)
		}
		issuers[domain] = opts.Issuer
		if !unique(issuers) {
			issuers[domain] = domainIssuer(opts.Issuer, domain)
		}
	}
	if !unique(issuers) {
		return idp.E(idp.Invalid, "two domains have the same issuer; Microsoft wants one for each")
	}
	sp.IssuerByDomain = issuers
	return nil
}

// normalize writes domains in lower case and without the final dot.
func normalize(domains map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(domains))
	for domain, issuer := range domains {
		domain = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(domain), "."))
		if !isDomain(domain) {
			return nil, idp.E(idp.Invalid, "%q is not a domain", domain)
		}
		out[domain] = issuer
	}
	return out, nil
}

func unique(issuers map[string]string) bool {
	seen := make(map[string]bool, len(issuers))
	for _, issuer := range issuers {
		seen[issuer] = true
	}
	return len(seen) == len(issuers)
}

// domainIssuer is a URL at which our metadata can still be fetched.
func domainIssuer(issuer, domain string) string {
	separator := "?"
	if strings.Contains(issuer, "?") {
		separator = "&"
	}
	return issuer + separator + "domain=" + url.QueryEscape(domain)
}

// isDomain accepts DNS names with a dot, in their ASCII form.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	return len(s) <= 253 && len(labels) > 1 && !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
	})
}

func office365Fields(sp *idp.ServiceProvider, us Us) []Field {
	protocol := "saml"
	if sp.Protocol == idp.ProtocolWSFed {
		protocol = "wsFed"
	}
	var fields []Field
	for _, domain := range slices.Sorted(maps.Keys(sp.IssuerByDomain)) {
		fields = append(fields, office365Domain(domain, sp.IssuerByDomain[domain], protocol, us)...)
	}
	if len(fields) == 0 {
		fields = office365Domain("YOUR.DOMAIN", us.EntityID, protocol, us)
	}
	return fields
}

// office365Domain lists the parameters of New-MgDomainFederationConfiguration
// (Microsoft Graph PowerShell) and, in brackets, of the retired
// Set-MsolDomainAuthentication, which many guides still show.
func office365Domain(domain, issuer, protocol string, us Us) []Field {
	where := "New-MgDomainFederationConfiguration for " + domain
	fields := compact([]Field{
		{where, "-DomainId (-DomainName)", domain},
		{where, "-DisplayName (-FederationBrandName)", us.DisplayName},
		{where, "-IssuerUri (-IssuerUri)", issuer},
		{where, "-PassiveSignInUri (-PassiveLogOnUri)", us.SSOURL},
		{where, "-SignOutUri (-LogOffUri)", us.signOut()},
		{where, "-SigningCertificate (-SigningCertificate)", us.certificateBase64()},
		{where, "-PreferredAuthenticationProtocol (-PreferredAuthenticationProtocol)", protocol},
		{where, "-FederatedIdpMfaBehavior (-SupportsMfa $true)", "acceptIfMfaDoneByFederatedIdp"},
	})
	return append(fields, Field{"PowerShell, ready to paste", domain, powerShell(fields)})
}

// powerShell is the whole command. Values are quoted for PowerShell, where a
// quote within quotes is doubled.
func powerShell(fields []Field) string {
	var b strings.Builder
	b.WriteString("New-MgDomainFederationConfiguration")
	for _, f := range fields {
		name, _, _ := strings.Cut(f.Name, " ")
		b.WriteString(" `\n  " + name + " '" + strings.ReplaceAll(f.Value, "'", "''") + "'")
	}
	return b.String()
}
