package kmssigner

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	smithy "github.com/aws/smithy-go/middleware"

	"github.com/latchkey-idp/latchkey/internal/keys"
)

// SignAPI is what a Signer uses of *kms.Client.
type SignAPI interface {
	GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
	Sign(context.Context, *kms.SignInput, ...func(*kms.Options)) (*kms.SignOutput, error)
}

var algorithms = map[crypto.Hash]types.SigningAlgorithmSpec{
	crypto.SHA256: types.SigningAlgorithmSpecRsassaPkcs1V15Sha256,
	crypto.SHA384: types.SigningAlgorithmSpecRsassaPkcs1V15Sha384,
	crypto.SHA512: types.SigningAlgorithmSpecRsassaPkcs1V15Sha512,
}

// Signer is a keys.Key in KMS. It is safe for concurrent use.
type Signer struct {
	api SignAPI
	log *slog.Logger
	arn string
	pub *rsa.PublicKey
}

var _ keys.Key = (*Signer)(nil)

// Open fetches the public key of a KMS key (ID, ARN or alias) once and checks
// that it is an RSA signing key of 2048 bits or more. An alias is resolved
// here: the Signer stays with the key that it named. log may be nil.
func Open(ctx context.Context, api SignAPI, keyID string, log *slog.Logger) (*Signer, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := call{name: "GetPublicKey", key: keyID, log: log}
	out, err := do(ctx, c, func(ctx context.Context) (*kms.GetPublicKeyOutput, smithy.Metadata, error) {
		out, err := api.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &keyID}, once)
		if err != nil {
			return nil, smithy.Metadata{}, err
		}
		return out, out.ResultMetadata, nil
	})
	if err != nil {
		return nil, err
	}
	pub, err := publicKey(out)
	if err != nil {
		return nil, fmt.Errorf("KMS key %s: %w", keyID, err)
	}
	return &Signer{api: api, log: log, arn: aws.ToString(out.KeyId), pub: pub}, nil
}

func publicKey(out *kms.GetPublicKeyOutput) (*rsa.PublicKey, error) {
	if out.KeyUsage != types.KeyUsageTypeSignVerify {
		return nil, fmt.Errorf("%w: key usage is %q, not SIGN_VERIFY", keys.ErrUnsupported, out.KeyUsage)
	}
	if aws.ToString(out.KeyId) == "" {
		return nil, errors.New("KMS named no key")
	}
	pub, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("parse public key: %w", err)
	}
	return keys.PublicRSA(pub)
}

// ID is the key's ARN.
func (s *Signer) ID() string { return s.arn }

// Public is the *rsa.PublicKey.
func (s *Signer) Public() crypto.PublicKey { return s.pub }

// Sign has KMS sign a SHA-256, SHA-384 or SHA-512 digest; other hashes fail
// with keys.ErrUnsupported.
func (s *Signer) Sign(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	hash, err := keys.Digest(digest, opts)
	if err != nil {
		return nil, err
	}
	algorithm, ok := algorithms[hash]
	if !ok {
		return nil, fmt.Errorf("%w: KMS does not sign %v", keys.ErrUnsupported, hash)
	}
	c := call{name: "Sign", key: s.arn, log: s.log}
	return do(ctx, c, func(ctx context.Context) ([]byte, smithy.Metadata, error) {
		out, err := s.api.Sign(ctx, &kms.SignInput{
			KeyId:            &s.arn,
			Message:          digest,
			MessageType:      types.MessageTypeDigest,
			SigningAlgorithm: algorithm,
		}, once)
		if err != nil {
			return nil, smithy.Metadata{}, err
		}
		return out.Signature, out.ResultMetadata, nil
	})
}
