package kmsfake

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
)

const (
	// Home is the region in which keys are made.
	Home = "eu-central-1"

	signVerify     = "SIGN_VERIFY"
	encryptDecrypt = "ENCRYPT_DECRYPT"
	symmetric      = "SYMMETRIC_DEFAULT"
)

// arnOf is the ARN that a key has in a region.
func arnOf(region, id string) string { return "arn:aws:kms:" + region + ":111122223333:key/" + id }

// key is one KMS key: asymmetric for signing or encryption, or symmetric.
type key struct {
	arn, id   string
	spec      string
	usage     string
	private   crypto.Signer // of an asymmetric key
	signsWith crypto.Signer // the fault of a wrong key
	secret    []byte
}

// CreateRSA makes an RSA signing key of that many bits and returns its ARN.
func (f *Fake) CreateRSA(bits int) (arn string, err error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return "", err
	}
	return f.AddRSA(private), nil
}

// AddRSA imports an RSA signing key and returns its ARN. It takes any size,
// other than KMS, which has none below 2048 bits.
func (f *Fake) AddRSA(private *rsa.PrivateKey) (arn string) {
	return f.add(&key{spec: fmt.Sprintf("RSA_%d", private.N.BitLen()), usage: signVerify, private: private})
}

// CreateECDSA makes a P-256 signing key and returns its ARN.
func (f *Fake) CreateECDSA() (arn string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	return f.add(&key{spec: "ECC_NIST_P256", usage: signVerify, private: private}), nil
}

// AddDecrypter imports an RSA encryption key and returns its ARN.
func (f *Fake) AddDecrypter(private *rsa.PrivateKey) (arn string) {
	return f.add(&key{spec: fmt.Sprintf("RSA_%d", private.N.BitLen()), usage: encryptDecrypt, private: private})
}

// CreateSymmetric makes an encryption key and returns its ARN.
func (f *Fake) CreateSymmetric() (arn string) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return f.add(&key{spec: symmetric, usage: encryptDecrypt, secret: secret})
}

func (f *Fake) add(k *key) string {
	// As template.yaml makes them, for several regions: see Replicate.
	k.id = "mrk-" + strings.ReplaceAll(requestID(), "-", "")
	k.arn = arnOf(Home, k.id)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[k.arn] = k
	return k.arn
}

// Replicate makes the replica of a key in another region, and returns its ARN.
func (f *Fake) Replicate(arn, region string) (replica string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := *f.keys[arn]
	k.arn = arnOf(region, k.id)
	f.keys[k.arn] = &k
	return k.arn
}

// Alias lets "alias/name" stand for a key, or moves it there.
func (f *Fake) Alias(name, arn string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.aliases["alias/"+strings.TrimPrefix(name, "alias/")] = arn
}

// SignWrongly makes a key sign with another private half than GetPublicKey
// shows.
func (f *Fake) SignWrongly(arn string, with crypto.Signer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[arn].signsWith = with
}

// lookup finds a key of a region by ARN, key ID or alias. It returns a copy.
func (f *Fake) lookup(region, id string) (key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if arn, ok := f.aliases[id]; ok {
		id = arn
	}
	for arn, k := range f.keys {
		if arn == arnOf(region, k.id) && (id == arn || id == k.id) {
			return *k, nil
		}
	}
	return key{}, refuse("NotFoundException", "Key '%s' does not exist", id)
}

// lookupFor finds a key for a use.
func (f *Fake) lookupFor(region, id, usage string) (key, error) {
	k, err := f.lookup(region, id)
	if err == nil && k.usage != usage {
		err = refuse("InvalidKeyUsageException", "%s key usage is %s", k.arn, k.usage)
	}
	return k, err
}
