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

type publicAPI interface {
	GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
}

// handle is what we hold of an RSA key in KMS.
type handle struct {
	arn string
	pub *rsa.PublicKey
	log *slog.Logger
}

// ID is the key's ARN.
func (h handle) ID() string { return h.arn }

// Public is the *rsa.PublicKey.
func (h handle) Public() crypto.PublicKey { return h.pub }

// fetch asks KMS for a key, which must be an RSA key for this use. log may be
// nil.
func fetch(ctx context.Context, api publicAPI, keyID string, usage types.KeyUsageType, log *slog.Logger) (handle, error) {
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
		return handle{}, err
	}
	pub, err := publicKey(out, usage)
	if err != nil {
		return handle{}, fmt.Errorf("KMS key %s: %w", keyID, err)
	}
	return handle{aws.ToString(out.KeyId), pub, log}, nil
}

func publicKey(out *kms.GetPublicKeyOutput, usage types.KeyUsageType) (*rsa.PublicKey, error) {
	if out.KeyUsage != usage {
		return nil, fmt.Errorf("%w: key usage is %q, not %s", keys.ErrUnsupported, out.KeyUsage, usage)
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
