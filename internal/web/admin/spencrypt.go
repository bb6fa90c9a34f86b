package admin

import (
	"reflect"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
)

// applyEncryption puts the settings about encryption that are given into sp.
func applyEncryption(sp *idp.ServiceProvider, s *adminapi.Settings) error {
	set(&sp.Encryption, s.Encryption)
	if sp.Encryption == "off" {
		sp.Encryption = idp.EncryptOff
	}
	set(&sp.EncryptionAlgorithm, s.EncryptionAlgorithm)
	set(&sp.EncryptionTransport, s.EncryptionTransport)
	set(&sp.AllowCBC, s.AllowCBC)
	if s.EncryptionCertificates == nil {
		return nil
	}
	certs, err := certificates("encryption_certificates", *s.EncryptionCertificates)
	if err != nil {
		return err
	}
	// Keys given by hand come without what metadata said about others. (The
	// map is shared with what is stored.)
	sp.EncryptCerts, sp.EncryptionMethods = certs, nil
	return nil
}

// checkEncryption refuses settings with which nobody could sign in: the reason
// would be found in the log only. What was stored before is not judged again.
func checkEncryption(before, sp *idp.ServiceProvider) error {
	if before != nil && reflect.DeepEqual(encryptionOf(before), encryptionOf(sp)) {
		return nil
	}
	switch {
	case !slices.Contains([]string{idp.EncryptOff, idp.EncryptIfKey, idp.EncryptRequired}, sp.Encryption):
		return invalid("encryption is off, %s or %s, not %q", idp.EncryptIfKey, idp.EncryptRequired, sp.Encryption)
	case sp.EncryptionAlgorithm != "" && !slices.Contains(xmlenc.ContentNames(), sp.EncryptionAlgorithm):
		return invalid("encryption_algorithm is one of %v, or empty, not %q", xmlenc.ContentNames(), sp.EncryptionAlgorithm)
	case sp.EncryptionTransport != "" && !slices.Contains(xmlenc.TransportNames(), sp.EncryptionTransport):
		return invalid("encryption_transport is one of %v, or empty, not %q", xmlenc.TransportNames(), sp.EncryptionTransport)
	}
	_, err := xmlenc.For(sp)
	switch {
	case err == nil:
		return nil
	case sp.Encryption == idp.EncryptRequired && !hasUsableKey(sp):
		return invalid("encryption is required, but %v: import metadata that has an RSA key of 2048 bits or more for encryption, "+
			"give its certificate (encryption_certificates), or choose %s or off", err, idp.EncryptIfKey)
	}
	return invalid("encryption: %v; or switch encryption off", err)
}

// hasUsableKey reports whether if-key would encrypt, or try to.
func hasUsableKey(sp *idp.ServiceProvider) bool {
	probe := idp.ServiceProvider{Encryption: idp.EncryptIfKey, EncryptCerts: sp.EncryptCerts}
	to, err := xmlenc.For(&probe)
	return err == nil && to != nil
}

// encryptionNotes says what an administrator may not expect.
func encryptionNotes(sp *idp.ServiceProvider) []string {
	to, err := xmlenc.For(sp)
	switch {
	case err != nil:
		return []string{"Assertions cannot be encrypted, so nobody can sign in: " + err.Error() + "."}
	case to == nil && sp.Encryption == idp.EncryptIfKey:
		return []string{"No usable encryption key (RSA, 2048 bits or more) is known: assertions are sent in plain until there is one."}
	case to != nil && (to.Options.Content == xmlenc.AES128CBC || to.Options.Content == xmlenc.AES256CBC):
		return []string{"Assertions are encrypted with AES-CBC, which is legacy."}
	}
	return nil
}

// encryptionOf is sp with nothing but what encryption depends on.
func encryptionOf(sp *idp.ServiceProvider) idp.ServiceProvider {
	return idp.ServiceProvider{
		Encryption: sp.Encryption, EncryptionAlgorithm: sp.EncryptionAlgorithm, EncryptionTransport: sp.EncryptionTransport,
		AllowCBC: sp.AllowCBC, EncryptCerts: sp.EncryptCerts, EncryptionMethods: sp.EncryptionMethods,
	}
}

// encryptionRank orders the settings by how much they protect.
func encryptionRank(sp *idp.ServiceProvider) int {
	return slices.Index([]string{idp.EncryptOff, idp.EncryptIfKey, idp.EncryptRequired}, sp.Encryption)
}
