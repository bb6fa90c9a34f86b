package kmsfake

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // registers SHA-384 and SHA-512
	"crypto/x509"
	"encoding/json"
	"errors"
)

// request has the members of all operations' requests.
type request struct {
	region string // where it is asked

	KeyId               string //nolint:revive // KMS spells it so
	Message             []byte
	MessageType         string
	SigningAlgorithm    string
	Plaintext           []byte
	CiphertextBlob      []byte
	EncryptionAlgorithm string
	EncryptionContext   map[string]string
	NumberOfBytes       int
}

type algorithm struct {
	hash crypto.Hash
	pss  bool
	ec   bool
}

var algorithms = map[string]algorithm{
	"RSASSA_PKCS1_V1_5_SHA_256": {hash: crypto.SHA256},
	"RSASSA_PKCS1_V1_5_SHA_384": {hash: crypto.SHA384},
	"RSASSA_PKCS1_V1_5_SHA_512": {hash: crypto.SHA512},
	"RSASSA_PSS_SHA_256":        {hash: crypto.SHA256, pss: true},
	"ECDSA_SHA_256":             {hash: crypto.SHA256, ec: true},
}

func (f *Fake) perform(op string, in request) (any, error) {
	switch op {
	case Sign:
		return f.sign(in)
	case GetPublicKey:
		return f.getPublicKey(in)
	case DescribeKey:
		return f.describeKey(in)
	case Encrypt:
		return f.encrypt(in)
	case Decrypt:
		return f.decrypt(in)
	case GenerateRandom:
		return generateRandom(in)
	default:
		return nil, refuse("UnknownOperationException", "the fake does not know %q", op)
	}
}

func (f *Fake) sign(in request) (any, error) {
	k, err := f.lookupFor(in.region, in.KeyId, signVerify)
	if err != nil {
		return nil, err
	}
	alg, ok := algorithms[in.SigningAlgorithm]
	if !ok {
		return nil, refuse("ValidationException", "SigningAlgorithm %q", in.SigningAlgorithm)
	}
	if _, isEC := k.private.(*ecdsa.PrivateKey); isEC != alg.ec {
		return nil, refuse("InvalidKeyUsageException", "algorithm %s does not fit key spec %s", in.SigningAlgorithm, k.spec)
	}
	digest, err := in.digest(alg.hash)
	if err != nil {
		return nil, err
	}
	var opts crypto.SignerOpts = alg.hash
	if alg.pss {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: alg.hash}
	}
	signer := k.private
	if k.signsWith != nil {
		signer = k.signsWith
	}
	signature, err := signer.Sign(rand.Reader, digest, opts)
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyId": k.arn, "Signature": signature, "SigningAlgorithm": in.SigningAlgorithm}, nil
}

// digest is what gets signed: the message itself if it is a DIGEST, else its hash.
func (in request) digest(hash crypto.Hash) ([]byte, error) {
	switch in.MessageType {
	case "DIGEST":
		if len(in.Message) != hash.Size() {
			return nil, refuse("ValidationException", "Digest is invalid length for algorithm %s.", in.SigningAlgorithm)
		}
		return in.Message, nil
	case "", "RAW":
		if n := len(in.Message); n == 0 || n > 4096 {
			return nil, refuse("ValidationException", "Message has %d bytes, 1 to 4096 are possible", n)
		}
		h := hash.New()
		h.Write(in.Message)
		return h.Sum(nil), nil
	default:
		return nil, refuse("ValidationException", "MessageType %q", in.MessageType)
	}
}

func (f *Fake) getPublicKey(in request) (any, error) {
	k, err := f.lookup(in.region, in.KeyId)
	if err != nil {
		return nil, err
	}
	if k.private == nil {
		return nil, refuse("UnsupportedOperationException", "%s is a symmetric key", k.arn)
	}
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"KeyId": k.arn, "KeySpec": k.spec, "KeyUsage": k.usage,
		"PublicKey": der, "SigningAlgorithms": k.algorithms(),
	}, nil
}

// oaep are the algorithms of asymmetric encryption keys.
var oaep = map[string]crypto.Hash{"RSAES_OAEP_SHA_1": crypto.SHA1, "RSAES_OAEP_SHA_256": crypto.SHA256}

// decryptRSA is Decrypt with an asymmetric key, which the request must name.
func (k key) decryptRSA(in request) (any, error) {
	hash, ok := oaep[in.EncryptionAlgorithm]
	if !ok || len(in.EncryptionContext) > 0 {
		return nil, refuse("ValidationException", "EncryptionAlgorithm %q does not fit key spec %s", in.EncryptionAlgorithm, k.spec)
	}
	plaintext, err := k.private.(*rsa.PrivateKey).Decrypt(nil, in.CiphertextBlob, &rsa.OAEPOptions{Hash: hash})
	if err != nil {
		return nil, refuse("InvalidCiphertextException", "")
	}
	return map[string]any{"KeyId": k.arn, "Plaintext": plaintext, "EncryptionAlgorithm": in.EncryptionAlgorithm}, nil
}

// algorithms are the names of those that fit a signing key.
func (k key) algorithms() []string {
	if k.usage != signVerify {
		return nil
	}
	_, isEC := k.private.(*ecdsa.PrivateKey)
	var names []string
	for name, alg := range algorithms {
		if alg.ec == isEC {
			names = append(names, name)
		}
	}
	return names
}

func (f *Fake) describeKey(in request) (any, error) {
	k, err := f.lookup(in.region, in.KeyId)
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyMetadata": map[string]any{
		"Arn": k.arn, "KeyId": k.id, "KeySpec": k.spec, "KeyUsage": k.usage,
		"Enabled": true, "KeyState": "Enabled", "AWSAccountId": "111122223333",
		"KeyManager": "CUSTOMER", "MultiRegion": true, "Origin": "AWS_KMS",
	}}, nil
}

// A ciphertext is the key's ID, which its replicas have, too, a zero byte, a nonce, and AES-256-GCM of the
// plaintext with the encryption context as additional data.
func (f *Fake) encrypt(in request) (any, error) {
	k, err := f.lookupFor(in.region, in.KeyId, encryptDecrypt)
	if err != nil {
		return nil, err
	}
	if n := len(in.Plaintext); n == 0 || n > 4096 {
		return nil, refuse("ValidationException", "Plaintext has %d bytes, 1 to 4096 are possible", n)
	}
	if k.private != nil {
		return nil, refuse("ValidationException", "the fake encrypts with symmetric keys only; asymmetric ones have a public half")
	}
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	blob := append([]byte(k.id), 0)
	blob = append(blob, aead.Seal(nil, nil, in.Plaintext, in.additionalData())...)
	return map[string]any{"KeyId": k.arn, "CiphertextBlob": blob, "EncryptionAlgorithm": symmetric}, nil
}

func (f *Fake) decrypt(in request) (any, error) {
	if named, err := f.lookup(in.region, in.KeyId); err == nil && named.private != nil {
		if _, err := f.lookupFor(in.region, in.KeyId, encryptDecrypt); err != nil {
			return nil, err
		}
		return named.decryptRSA(in)
	}
	id, sealed, ok := bytes.Cut(in.CiphertextBlob, []byte{0})
	if !ok {
		return nil, refuse("InvalidCiphertextException", "not a ciphertext")
	}
	k, err := f.lookupFor(in.region, string(id), encryptDecrypt)
	if err != nil {
		return nil, refuse("InvalidCiphertextException", "not a ciphertext")
	}
	if in.KeyId != "" {
		if named, err := f.lookup(in.region, in.KeyId); err != nil {
			return nil, err
		} else if named.arn != k.arn {
			return nil, refuse("IncorrectKeyException", "encrypted with another key")
		}
	}
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, nil, sealed, in.additionalData())
	if err != nil {
		return nil, refuse("InvalidCiphertextException", "ciphertext or encryption context is wrong")
	}
	return map[string]any{"KeyId": k.arn, "Plaintext": plaintext, "EncryptionAlgorithm": symmetric}, nil
}

func (k key) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// additionalData encodes the encryption context; JSON sorts its members.
func (in request) additionalData() []byte {
	if len(in.EncryptionContext) == 0 {
		return nil
	}
	data, err := json.Marshal(in.EncryptionContext)
	if err != nil {
		panic(errors.Join(errors.New("a map of strings always encodes"), err))
	}
	return data
}

func generateRandom(in request) (any, error) {
	if in.NumberOfBytes < 1 || in.NumberOfBytes > 1024 {
		return nil, refuse("ValidationException", "NumberOfBytes %d, 1 to 1024 are possible", in.NumberOfBytes)
	}
	out := make([]byte, in.NumberOfBytes)
	_, _ = rand.Read(out) // never fails
	return map[string]any{"Plaintext": out}, nil
}
