package preset

import "github.com/latchkey-idp/latchkey/internal/idp"

// genericSettings release the attributes that most service providers know, by
// the names of X.500/LDAP and eduPerson (SAML X.500/LDAP attribute profile).
func genericSettings() settings {
	return settings{
		nameID: "emailAddress = email",
		attributes: []string{
			"urn:oid:0.9.2342.19200300.100.1.3|mail = email",
			"urn:oid:2.5.4.42|givenName = givenName",
			"urn:oid:2.5.4.4|sn = familyName",
			"urn:oid:2.16.840.1.113730.3.1.241|displayName = displayName",
			"urn:oid:1.3.6.1.4.1.5923.1.1.1.6|eduPersonPrincipalName = userPrincipalName",
		},
	}
}

func applyGeneric(sp *idp.ServiceProvider, _ Options) error {
	if sp.EntityID == "" || sp.DefaultACS() == nil {
		return idp.E(idp.Invalid, "the generic preset needs the service provider's metadata, or its entityID and the URL of its assertion consumer service (with WS-Federation: its reply URL)")
	}
	setDefault(&sp.Name, hostOf(sp))
	return nil
}

func genericFields(_ *idp.ServiceProvider, us Us) []Field {
	const where = "SAML settings of the application"
	return compact([]Field{
		{where, "Identity provider metadata URL (enough where it is asked for)", us.MetadataURL},
		{where, "Identity provider entity ID (issuer)", us.EntityID},
		{where, "Single sign-on URL (HTTP-Redirect and HTTP-POST)", us.SSOURL},
		{where, "Single logout URL (HTTP-Redirect and HTTP-POST)", us.SLOURL},
		{where, "Signing certificate (X.509)", us.CertificatePEM},
		{where, "Certificate fingerprint (SHA-256)", us.fingerprint()},
	})
}
