package kmssigner

import (
	"context"
	"crypto"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	smithy "github.com/aws/smithy-go/middleware"

	"github.com/latchkey-idp/latchkey/internal/keys"
)

// SignAPI is what a Signer uses of *kms.Client.
type SignAPI interface {
	publicAPI
	Sign(context.Context, *kms.SignInput, ...func(*kms.Options)) (*kms.SignOutput, error)
}

var algorithms = map[crypto.Hash]types.SigningAlgorithmSpec{
	crypto.SHA256: types.SigningAlgorithmSpecRsassaPkcs1V15Sha256,
	crypto.SHA384: types.SigningAlgorithmSpecRsassaPkcs1V15Sha384,
	crypto.SHA512: types.SigningAlgorithmSpecRsassaPkcs1V15Sha512,
}

// Signer is a keys.Key in KMS. It is safe for concurrent use.
type Signer struct {
	handle
	api SignAPI
}

var _ keys.Key = (*Signer)(nil)

// Open fetches the public key of a KMS key (ID, ARN or alias) once and checks
// that it is an RSA signing key of 2048 bits or more. An alias is resolved
// here: the Signer stays with the key that it named. log may be nil.
func Open(ctx context.Context, api SignAPI, keyID string, log *slog.Logger) (*Signer, error) {
	h, err := fetch(ctx, api, keyID, types.KeyUsageTypeSignVerify, log)
	if err != nil {
		return nil, err
	}
	return &Signer{handle: h, api: api}, nil
}

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
