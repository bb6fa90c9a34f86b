package xmlenc_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/elliptic"
	"strings"
	"testing"

	crewjam "github.com/crewjam/saml/xmlenc"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
)

func declared(uris ...string) []idp.EncryptionMethod {
	var out []idp.EncryptionMethod
	for _, uri := range uris {
		out = append(out, idp.EncryptionMethod{Algorithm: uri})
	}
	return out
}

const (
	tripleDES = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"
	aes192gcm = "http://www.w3.org/2009/xmlenc11#aes192-gcm"
	rsa15     = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
	kwAES     = "http://www.w3.org/2001/04/xmlenc#kw-aes128"
)

func TestChoose(t *testing.T) {
	mgf1p := xmlenc.Transport{Algorithm: xmlenc.OAEPMGF1P, Digest: xmlenc.SHA1}
	undigested := xmlenc.Transport{Algorithm: xmlenc.OAEPMGF1P}
	sha256 := xmlenc.Transport{Algorithm: xmlenc.OAEP, Digest: xmlenc.SHA256, MGF: xmlenc.MGF1SHA256}
	for name, tt := range map[string]struct {
		declared []idp.EncryptionMethod
		settings xmlenc.Settings
		want     xmlenc.Options
		refused  string
	}{
		"nothing declared":                   {want: xmlenc.Options{Content: xmlenc.AES128GCM, Transport: mgf1p}},
		"IIP-ALG04 AES-128-GCM":              {declared: declared(xmlenc.AES128GCM, xmlenc.AES128CBC), want: xmlenc.Options{Content: xmlenc.AES128GCM, Transport: mgf1p}},
		"IIP-ALG04 AES-256-GCM":              {declared: declared(xmlenc.AES256GCM), want: xmlenc.Options{Content: xmlenc.AES256GCM, Transport: mgf1p}},
		"the order of the metadata":          {declared: declared(aes192gcm, xmlenc.AES256GCM, xmlenc.AES128GCM), want: xmlenc.Options{Content: xmlenc.AES256GCM, Transport: mgf1p}},
		"GCM after CBC":                      {declared: declared(xmlenc.AES256CBC, xmlenc.AES128GCM), settings: xmlenc.Settings{AllowCBC: true}, want: xmlenc.Options{Content: xmlenc.AES128GCM, Transport: mgf1p}},
		"IIP-ALG05 CBC by itself":            {declared: declared(xmlenc.AES128CBC), refused: "no AES-GCM, only aes128-cbc"},
		"IIP-ALG05 CBC allowed":              {declared: declared(tripleDES, xmlenc.AES128CBC, xmlenc.AES256CBC), settings: xmlenc.Settings{AllowCBC: true}, want: xmlenc.Options{Content: xmlenc.AES128CBC, Transport: mgf1p}},
		"CBC allowed, nothing declared":      {settings: xmlenc.Settings{AllowCBC: true}, want: xmlenc.Options{Content: xmlenc.AES256CBC, Transport: mgf1p}},
		"3DES only":                          {declared: declared(tripleDES), settings: xmlenc.Settings{AllowCBC: true}, refused: "only tripledes-cbc"},
		"RSA 1.5 only":                       {declared: declared(rsa15, kwAES), refused: "only rsa-1_5"},
		"key wrapping says nothing":          {declared: declared(kwAES), want: xmlenc.Options{Content: xmlenc.AES128GCM, Transport: mgf1p}},
		"IIP-ALG06 mgf1p after RSA 1.5":      {declared: declared(rsa15, xmlenc.OAEPMGF1P, xmlenc.OAEP), want: xmlenc.Options{Content: xmlenc.AES128GCM, Transport: undigested}},
		"IIP-ALG06 rsa-oaep, default mask":   {declared: declared(xmlenc.OAEP), want: xmlenc.Options{Content: xmlenc.AES128GCM, Transport: xmlenc.Transport{Algorithm: xmlenc.OAEP}}},
		"IIP-ALG06 rsa-oaep with SHA-256":    {declared: []idp.EncryptionMethod{{Algorithm: xmlenc.OAEP, Digest: xmlenc.SHA256, MGF: xmlenc.MGF1SHA256}}, want: xmlenc.Options{Content: xmlenc.AES128GCM, Transport: sha256}},
		"IIP-MD10 unknown digest is skipped": {declared: []idp.EncryptionMethod{{Algorithm: xmlenc.OAEPMGF1P, Digest: "urn:whirlpool"}, {Algorithm: xmlenc.OAEPMGF1P, Digest: xmlenc.SHA1}}, want: xmlenc.Options{Content: xmlenc.AES128GCM, Transport: mgf1p}},
		"IIP-MD10 parameters":                {declared: []idp.EncryptionMethod{{Algorithm: xmlenc.OAEPMGF1P, Parameters: true}}, refused: "no key transport"},
		"override":                           {settings: xmlenc.Settings{Content: "aes256-gcm", Transport: "rsa-oaep-sha256"}, want: xmlenc.Options{Content: xmlenc.AES256GCM, Transport: sha256}},
		"override of an open digest":         {declared: declared(xmlenc.OAEP), settings: xmlenc.Settings{Transport: "rsa-oaep-sha256"}, want: xmlenc.Options{Content: xmlenc.AES128GCM, Transport: sha256}},
		"override by CBC":                    {declared: declared(xmlenc.AES128GCM, xmlenc.AES256CBC), settings: xmlenc.Settings{Content: "aes256-cbc", AllowCBC: true}, want: xmlenc.Options{Content: xmlenc.AES256CBC, Transport: mgf1p}},
		"override by CBC without leave":      {settings: xmlenc.Settings{Content: "aes256-cbc"}, refused: "legacy"},
		"IIP-MD10 override of content":       {declared: declared(xmlenc.AES128GCM), settings: xmlenc.Settings{Content: "aes256-gcm"}, refused: "does not declare aes256-gcm, only aes128-gcm"},
		"IIP-MD10 override of transport":     {declared: declared(xmlenc.OAEPMGF1P), settings: xmlenc.Settings{Transport: "rsa-oaep-sha256"}, refused: "only rsa-oaep-mgf1p"},
		"unknown content":                    {settings: xmlenc.Settings{Content: "rot13"}, refused: "not one of"},
		"unknown transport":                  {settings: xmlenc.Settings{Transport: "rsa-1_5"}, refused: "not one of"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := xmlenc.Choose(tt.declared, tt.settings)
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestFor(t *testing.T) {
	good, second := ours().Cert.Raw, other().Cert.Raw
	short, ec := samltest.RSA(1024).Cert.Raw, samltest.ECDSA(elliptic.P256()).Cert.Raw
	only := func(cert []byte, uris ...string) map[string][]idp.EncryptionMethod {
		return map[string][]idp.EncryptionMethod{idp.CertID(cert): declared(uris...)}
	}
	for name, tt := range map[string]struct {
		mode    string
		certs   [][]byte
		methods map[string][]idp.EncryptionMethod
		want    []byte
		refused string
	}{
		"off":                                    {"", [][]byte{good}, nil, nil, ""},
		"IIP-IDP09 if there is a key":            {"if-key", [][]byte{good}, nil, good, ""},
		"if-key, none":                           {"if-key", nil, nil, nil, ""},
		"if-key, EC only":                        {"if-key", [][]byte{ec}, nil, nil, ""},
		"if-key, algorithms that we refuse":      {"if-key", [][]byte{good}, only(good, rsa15), nil, "rsa-1_5"},
		"required":                               {"required", [][]byte{good}, nil, good, ""},
		"required, none":                         {"required", nil, nil, nil, "no encryption key is known"},
		"required, EC only":                      {"required", [][]byte{ec}, nil, nil, "ECDSA, not RSA"},
		"required, short only":                   {"required", [][]byte{short}, nil, nil, "1024 bits"},
		"required, unreadable":                   {"required", [][]byte{{1}}, nil, nil, "cannot be read"},
		"IIP-MD08 the first that can be used":    {"required", [][]byte{ec, short, {1}, second, good}, nil, second, ""},
		"IIP-MD08 the first that agrees with us": {"required", [][]byte{good, second}, only(good, tripleDES), second, ""},
		"unknown mode":                           {"sometimes", [][]byte{good}, nil, nil, "none of our settings"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := xmlenc.For(&idp.ServiceProvider{Encryption: tt.mode, EncryptCerts: tt.certs, EncryptionMethods: tt.methods})
			switch {
			case tt.refused != "":
				if err == nil || got != nil || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("got %v, %v", got, err)
				}
			case err != nil:
				t.Error(err)
			case tt.want == nil && got != nil, tt.want != nil && (got == nil || string(got.Certificate.Raw) != string(tt.want)):
				t.Errorf("got %+v", got)
			}
		})
	}
}

// Why there is a package of our own.
func TestCrewjamEncryptsZeros(t *testing.T) {
	t.Run("F5 crewjam/saml's AES-GCM", func(t *testing.T) {
		key, nonce := make([]byte, 16), make([]byte, 12)
		data, err := crewjam.AES128GCM.Encrypt(key, []byte("a secret of ours"), nonce)
		if err != nil {
			t.Fatal(err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		text, err := gcm.Open(nil, nonce, decode(t, data.FindElement("./CipherData/CipherValue").Text()), nil)
		if err != nil || len(bytes.Trim(text, "\x00")) > 0 {
			t.Errorf("it was mended: %q, %v", text, err)
		}
	})
}
