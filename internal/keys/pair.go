package keys

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
)

// Pair is a key with the certificate that publishes it.
type Pair struct {
	Key         Key
	Certificate *x509.Certificate
	RecordID    string
}

// newPair joins a key with its certificate, or fails with ErrKeyMismatch.
func newPair(id string, key Key, cert *x509.Certificate) (*Pair, error) {
	pub, err := PublicRSA(cert.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", id, err)
	}
	if !pub.Equal(key.Public()) {
		return nil, fmt.Errorf("%s (key %s): %w", id, key.ID(), ErrKeyMismatch)
	}
	return &Pair{Key: key, Certificate: cert, RecordID: id}, nil
}

// Signer signs within ctx and returns a signature only after it verified with
// the certificate's public key; else ErrKeyMismatch. The check costs about 3%
// of a local signature and nothing beside a call to KMS.
func (p *Pair) Signer(ctx context.Context) crypto.Signer {
	return verified{Bind(ctx, p.Key), p.Certificate.PublicKey}
}

// Check signs a digest and verifies the signature: the self-test of start-up
// and of diagnosis.
func (p *Pair) Check(ctx context.Context) error {
	digest := sha256.Sum256([]byte("latchkey self-test"))
	_, err := p.Signer(ctx).Sign(nil, digest[:], crypto.SHA256)
	return err
}

// verified is a signer whose signatures are checked with pub.
type verified struct {
	signer crypto.Signer
	pub    crypto.PublicKey
}

func (v verified) Public() crypto.PublicKey { return v.pub }

func (v verified) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	pub, err := PublicRSA(v.pub)
	if err != nil {
		return nil, err
	}
	hash, err := Digest(digest, opts)
	if err != nil {
		return nil, err
	}
	signature, err := v.signer.Sign(random, digest, opts)
	if err != nil {
		return nil, err
	}
	if err := rsa.VerifyPKCS1v15(pub, hash, digest, signature); err != nil {
		return nil, fmt.Errorf("verify own signature: %w", ErrKeyMismatch)
	}
	return signature, nil
}
