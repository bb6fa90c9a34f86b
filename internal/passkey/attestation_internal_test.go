package passkey

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// TestTPMChain: the certificate of the W3C's TPM vector (16.13) names its
// maker in a critical extension that crypto/x509 cannot read. The vector's
// maker is invented, so that VerifyRegistration refuses it before.
func TestTPMChain(t *testing.T) {
	raw, err := os.ReadFile("testdata/w3c.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Root    string
		Vectors []struct {
			Section string
			Create  struct {
				AttestationObject string `json:"attestation_object"`
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	root, err := hex.DecodeString(file.Root)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(root)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)

	for _, v := range file.Vectors {
		if v.Section != "16.13" {
			continue
		}
		cbor, err := hex.DecodeString(v.Create.AttestationObject)
		if err != nil {
			t.Fatal(err)
		}
		var object protocol.AttestationObject
		if err := webauthncbor.Unmarshal(cbor, &object); err != nil {
			t.Fatal(err)
		}
		if err := (Attestation{Roots: roots}).verifyChain(&object); err != nil {
			t.Errorf("trusted root: %v", err)
		}
		if err := (Attestation{Roots: x509.NewCertPool()}).verifyChain(&object); err == nil {
			t.Error("no trusted root: accepted")
		}
		object.Format = "packed"
		if err := (Attestation{Roots: roots}).verifyChain(&object); err == nil {
			t.Error("a critical extension that nobody checked: accepted")
		}
		return
	}
	t.Fatal("no vector 16.13")
}
