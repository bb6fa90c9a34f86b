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
	arnPrefix = "arn:aws:kms:eu-central-1:111122223333:key/"

	signVerify     = "SIGN_VERIFY"
	encryptDecrypt = "ENCRYPT_DECRYPT"
	symmetric      = "SYMMETRIC_DEFAULT"
)

// key is one KMS key: asymmetric for signing or encryption, or symmetric.
type key struct {
	arn       string
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
	k.arn = arnPrefix + requestID()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[k.arn] = k
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

// lookup finds a key by ARN, key ID or alias. It returns a copy.
func (f *Fake) lookup(id string) (key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if arn, ok := f.aliases[id]; ok {
		id = arn
	}
	for arn, k := range f.keys {
		if id == arn || arnPrefix+id == arn {
			return *k, nil
		}
	}
	return key{}, refuse("NotFoundException", "Key '%s' does not exist", id)
}

// lookupFor finds a key for a use.
func (f *Fake) lookupFor(id, usage string) (key, error) {
	k, err := f.lookup(id)
	if err == nil && k.usage != usage {
		err = refuse("InvalidKeyUsageException", "%s key usage is %s", k.arn, k.usage)
	}
	return k, err
}
