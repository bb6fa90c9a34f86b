package kmssigner

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	smithy "github.com/aws/smithy-go/middleware"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// MaxPlaintext is the most that a Wrapper takes, in bytes (KMS Encrypt).
const MaxPlaintext = 4096

// WrapAPI is what a Wrapper uses of *kms.Client.
type WrapAPI interface {
	Encrypt(context.Context, *kms.EncryptInput, ...func(*kms.Options)) (*kms.EncryptOutput, error)
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// Wrapper encrypts small secrets, such as the 32-byte master key, with a
// symmetric KMS key. It is safe for concurrent use.
type Wrapper struct {
	api   WrapAPI
	log   *slog.Logger
	keyID string
}

// NewWrapper makes a Wrapper for a KMS key (ID, ARN or alias). log may be nil.
func NewWrapper(api WrapAPI, keyID string, log *slog.Logger) *Wrapper {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Wrapper{api: api, log: log, keyID: keyID}
}

// Wrap encrypts plaintext. encryptionContext is authenticated but not secret
// (CloudTrail shows it); Unwrap needs the same.
func (w *Wrapper) Wrap(ctx context.Context, plaintext idp.Secret, encryptionContext map[string]string) ([]byte, error) {
	if n := len(plaintext); n == 0 || n > MaxPlaintext {
		return nil, fmt.Errorf("wrap secret: %d bytes, 1 to %d are possible", n, MaxPlaintext)
	}
	c := call{name: "Encrypt", key: w.keyID, log: w.log}
	return do(ctx, c, func(ctx context.Context) ([]byte, smithy.Metadata, error) {
		out, err := w.api.Encrypt(ctx, &kms.EncryptInput{
			KeyId:             &w.keyID,
			Plaintext:         plaintext,
			EncryptionContext: encryptionContext,
		}, once)
		if err != nil {
			return nil, smithy.Metadata{}, err
		}
		return out.CiphertextBlob, out.ResultMetadata, nil
	})
}

// Unwrap decrypts what Wrap made. The key is named, so that a ciphertext of
// another key is refused.
func (w *Wrapper) Unwrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string) (idp.Secret, error) {
	c := call{name: "Decrypt", key: w.keyID, log: w.log}
	return do(ctx, c, func(ctx context.Context) (idp.Secret, smithy.Metadata, error) {
		out, err := w.api.Decrypt(ctx, &kms.DecryptInput{
			KeyId:             &w.keyID,
			CiphertextBlob:    wrapped,
			EncryptionContext: encryptionContext,
		}, once)
		if err != nil {
			return nil, smithy.Metadata{}, err
		}
		return out.Plaintext, out.ResultMetadata, nil
	})
}
