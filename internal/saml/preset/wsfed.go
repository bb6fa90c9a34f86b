package preset

import "github.com/latchkey-idp/latchkey/internal/idp"

// wsfed are the presets of service providers that speak WS-Federation. Names of
// attributes are URIs of claims there.
func wsfed() map[string]preset {
	const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	return map[string]preset{
		Generic: {settings{
			nameID: "emailAddress = email",
			attributes: []string{
				claims + "emailaddress = email", claims + "upn = userPrincipalName", claims + "name = displayName",
				claims + "givenname = givenName", claims + "surname = familyName",
			},
		}, applyGeneric, wsfedFields},
		Office365: {settings{
			name:   "Microsoft 365",
			nameID: "unspecified = immutableId",
			attributes: []string{
				"http://schemas.xmlsoap.org/claims/UPN = userPrincipalName !",
				"http://schemas.microsoft.com/LiveID/Federation/2008/05/ImmutableID = immutableId !",
			},
			defaultACR: multipleAuthn, // Entra reads it as the AuthenticationMethod
			acrMap:     map[string]string{multipleAuthn: idp.ACRQR},
		}, applyOffice365WSFed, office365Fields},
	}
}

func applyOffice365WSFed(sp *idp.ServiceProvider, opts Options) error {
	entityID, endpoint := microsoftCloud(opts.China)
	setDefault(&sp.EntityID, entityID)
	if len(sp.ACS) == 0 {
		sp.ACS = postEndpoint(endpoint)
	}
	return addIssuers(sp, opts)
}

func wsfedFields(sp *idp.ServiceProvider, us Us) []Field {
	const where = "WS-Federation settings of the application"
	return compact([]Field{
		{where, "Federation metadata URL (enough where it is asked for)", us.MetadataURL},
		{where, "Realm (wtrealm)", sp.EntityID},
		{where, "Issuer", us.EntityID},
		{where, "Passive endpoint (sign-in URL)", us.SSOURL},
		{where, "Signing certificate (X.509)", us.CertificatePEM},
		{where, "Certificate fingerprint (SHA-256)", us.fingerprint()},
	})
}
