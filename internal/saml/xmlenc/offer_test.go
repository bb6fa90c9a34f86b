package xmlenc_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/filesigner"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/keys/kmssigner"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
)

// TestOfferedIsDecrypted: what our metadata offers is decrypted by the keys of
// a deployment, in KMS and in a file, whichever of them was used [IIP-IDP19].
func TestOfferedIsDecrypted(t *testing.T) {
	fake := kmsfake.New()
	arn := fake.AddDecrypter(ours().Key.(*rsa.PrivateKey))
	client := kms.New(kms.Options{
		Region: "eu-central-1", HTTPClient: &http.Client{Transport: fake},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "TEST", SecretAccessKey: "ONLY"}, nil
		}),
	})
	dir := t.TempDir()
	file := filepath.Join(dir, "signing.pem")
	if err := filesigner.Create(file, keys.MinBits, rand.Reader); err != nil {
		t.Fatal(err)
	}
	db, err := embedded.Open(filepath.Join(dir, "keys.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ring := func(refs ...string) *keys.Ring {
		ring, err := keys.NewRing(keys.Options{
			Records: store.SigningKeys{Store: store.New(db, time.Now)}, DefaultRef: file, Issuer: "https://id.example.com",
			Clock: idp.Clock(time.Now), Random: rand.Reader,
			Open:        func(context.Context, string) (keys.Key, error) { return filesigner.Open(file) },
			DecryptRefs: refs,
			OpenDecrypter: func(ctx context.Context, ref string) (keys.Decrypter, error) {
				if ref == arn {
					return kmssigner.OpenDecrypter(ctx, client, ref, nil)
				}
				return filesigner.OpenDecrypter(ref)
			},
		})
		if err == nil {
			err = ring.Ensure(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		return ring
	}
	old := filepath.Join(dir, "old.pem")
	if err := filesigner.Create(old, keys.MinBits, rand.Reader); err != nil {
		t.Fatal(err)
	}
	all, err := ring(old, arn).Decrypters(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%d keys, %v", len(all), err)
	}
	for _, published := range []string{old, arn} {
		r := ring(published)
		r.Complete(t.Context())
		cert, err := r.EncryptionCertificate(t.Context())
		if err != nil || cert == nil {
			t.Fatalf("no certificate of %s: %v", published, err)
		}
		for _, content := range xmlenc.OfferedContents() {
			for _, transport := range xmlenc.OfferedTransports() {
				o := xmlenc.Options{Content: content, Transport: transport}
				message := encryptedID(t, nameIDXML, cert, o)
				got, err := xmlenc.DecryptID(received(t, message), all, xmlenc.Policy{})
				if err != nil || got.Text() != "ana&zoë@example.com" {
					t.Errorf("IIP-IDP19 %s: %v", o, err)
				}
				if _, err := xmlenc.DecryptID(received(t, message), append(decrypters(other()), without(all, cert.PublicKey)...), xmlenc.Policy{}); err == nil {
					t.Errorf("%s: decrypted with another key", o)
				}
			}
		}
	}
}

// without are the keys that have another public half.
func without(all []crypto.Decrypter, pub any) (out []crypto.Decrypter) {
	for _, key := range all {
		if !key.Public().(*rsa.PublicKey).Equal(pub) {
			out = append(out, key)
		}
	}
	return out
}
