package xmlenc

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Names of what an administrator can choose instead of what Choose would take,
// in idp.ServiceProvider.EncryptionAlgorithm and EncryptionTransport.
var (
	contentNames = map[string]string{
		"aes128-gcm": AES128GCM, "aes256-gcm": AES256GCM, "aes128-cbc": AES128CBC, "aes256-cbc": AES256CBC,
	}
	transportNames = map[string]Transport{
		"rsa-oaep-mgf1p":        {Algorithm: OAEPMGF1P, Digest: SHA1},
		"rsa-oaep-mgf1p-sha256": {Algorithm: OAEPMGF1P, Digest: SHA256},
		"rsa-oaep-sha256":       {Algorithm: OAEP, Digest: SHA256, MGF: MGF1SHA256},
	}
)

// Settings are the administrator's.
type Settings struct {
	AllowCBC  bool
	Content   string // "aes256-gcm"; empty: the best that is declared
	Transport string // "rsa-oaep-sha256"; empty: the first that is declared
}

// ContentNames lists what Settings.Content may be.
func ContentNames() []string { return sortedKeys(contentNames) }

// TransportNames lists what Settings.Transport may be.
func TransportNames() []string { return sortedKeys(transportNames) }

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Recipient is a key of a service provider and what to use with it.
type Recipient struct {
	Certificate *x509.Certificate
	Options     Options
}

// For says how assertions for sp are encrypted; nil: they are not, as its
// settings say. It takes the first key that can be used and that has algorithms
// in common with us. An error means that nothing may be sent: encryption is
// required without a key, or there are keys, but no common algorithms. Its text
// is for the administrator.
func For(sp *idp.ServiceProvider) (*Recipient, error) {
	switch sp.Encryption {
	case idp.EncryptOff:
		return nil, nil //nolint:nilnil // nothing to encrypt is no error
	case idp.EncryptIfKey, idp.EncryptRequired:
	default:
		return nil, fmt.Errorf("encryption is %q, which is none of our settings", sp.Encryption)
	}
	settings := Settings{AllowCBC: sp.AllowCBC, Content: sp.EncryptionAlgorithm, Transport: sp.EncryptionTransport}
	var unusable, disagreed error
	for _, der := range sp.EncryptCerts {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			unusable = errors.New("an encryption certificate cannot be read")
			continue
		}
		if _, err := publicKey(cert); err != nil {
			unusable = err
			continue
		}
		o, err := Choose(sp.EncryptionMethodsOf(der), settings)
		if err == nil {
			return &Recipient{cert, o}, nil
		}
		if disagreed == nil {
			disagreed = err
		}
	}
	switch {
	case disagreed != nil:
		return nil, disagreed
	case sp.Encryption == idp.EncryptIfKey:
		return nil, nil //nolint:nilnil // as above
	case unusable != nil:
		return nil, fmt.Errorf("no usable encryption key: %w", unusable)
	}
	return nil, errors.New("no encryption key is known")
}

// Choose picks algorithms among those that a key's md:EncryptionMethods declare
// (SAML Metadata 2.4.1.1, [IIP-MD10]). Declared ones are taken in their order,
// AES-GCM before AES-CBC. Of a kind that is not declared, it takes what every
// implementation of XML Encryption 1.1 has: AES-128-GCM, and rsa-oaep-mgf1p with
// SHA-1. Where AllowCBC is set, AES-256-CBC stands for the former.
func Choose(declared []idp.EncryptionMethod, s Settings) (Options, error) {
	var o Options
	var err error
	if o.Content, err = chooseContent(declared, s); err != nil {
		return o, err
	}
	o.Transport, err = chooseTransport(declared, s)
	return o, err
}

func chooseContent(declared []idp.EncryptionMethod, s Settings) (string, error) {
	var uris []string
	for _, m := range declared {
		if isContent(m.Algorithm) {
			uris = append(uris, m.Algorithm)
		}
	}
	if s.Content != "" {
		uri, known := contentNames[s.Content]
		switch {
		case !known:
			return "", fmt.Errorf("content encryption %q is not one of %v", s.Content, ContentNames())
		case contents[uri].cbc && !s.AllowCBC:
			return "", fmt.Errorf("%s is legacy and has to be allowed (allow_cbc)", s.Content)
		case len(uris) > 0 && !slices.Contains(uris, uri):
			return "", fmt.Errorf("the service provider's metadata does not declare %s, only %s", s.Content, names(uris))
		}
		return uri, nil
	}
	if len(uris) == 0 {
		if s.AllowCBC {
			return AES256CBC, nil
		}
		return AES128GCM, nil
	}
	var legacy string
	for _, uri := range uris {
		c, known := contents[uri]
		if known && !c.cbc {
			return uri, nil
		}
		if known && legacy == "" {
			legacy = uri
		}
	}
	switch {
	case legacy == "":
		return "", fmt.Errorf("the service provider's metadata declares no content encryption that we have, only %s", names(uris))
	case !s.AllowCBC:
		return "", fmt.Errorf("the service provider's metadata declares no AES-GCM, only %s; allow AES-CBC (allow_cbc), which is legacy, or have it updated", names(uris))
	}
	return legacy, nil
}

func chooseTransport(declared []idp.EncryptionMethod, s Settings) (Transport, error) {
	var offered []Transport
	var uris []string
	for _, m := range declared {
		if !isTransport(m.Algorithm) {
			continue
		}
		uris = append(uris, m.Algorithm)
		t := Transport{m.Algorithm, m.Digest, m.MGF}
		if _, err := t.oaep(); err == nil && !m.Parameters {
			offered = append(offered, t)
		}
	}
	if len(uris) > 0 && len(offered) == 0 {
		return Transport{}, fmt.Errorf("the service provider's metadata declares no key transport that we have (RSA-OAEP), only %s", names(uris))
	}
	if s.Transport == "" {
		if len(offered) == 0 {
			return Transport{Algorithm: OAEPMGF1P, Digest: SHA1}, nil
		}
		return offered[0], nil
	}
	want, known := transportNames[s.Transport]
	if !known {
		return Transport{}, fmt.Errorf("key transport %q is not one of %v", s.Transport, TransportNames())
	}
	// A declaration without digest or mask leaves them open.
	if len(offered) > 0 && !slices.ContainsFunc(offered, func(t Transport) bool {
		return t.Algorithm == want.Algorithm && (t.Digest == "" || t.Digest == want.Digest) &&
			(t.MGF == "" || t.Algorithm == OAEPMGF1P || t.MGF == want.MGF)
	}) {
		return Transport{}, fmt.Errorf("the service provider's metadata does not declare %s, only %s", s.Transport, names(uris))
	}
	return want, nil
}
