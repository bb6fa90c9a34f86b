package kmssigner

import (
	"context"
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

// fetch asks KMS for the ARN and the RSA public key of a key, which must be
// for this use.
func fetch(ctx context.Context, api publicAPI, keyID string, usage types.KeyUsageType, log *slog.Logger) (string, *rsa.PublicKey, error) {
	c := call{name: "GetPublicKey", key: keyID, log: log}
	out, err := do(ctx, c, func(ctx context.Context) (*kms.GetPublicKeyOutput, smithy.Metadata, error) {
		out, err := api.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &keyID}, once)
		if err != nil {
			return nil, smithy.Metadata{}, err
		}
		return out, out.ResultMetadata, nil
	})
	if err != nil {
		return "", nil, err
	}
	pub, err := publicKey(out, usage)
	if err != nil {
		return "", nil, fmt.Errorf("KMS key %s: %w", keyID, err)
	}
	return aws.ToString(out.KeyId), pub, nil
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
