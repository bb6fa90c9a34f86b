package kmssigner

import (
	"context"
	"crypto"
	"crypto/rsa"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	smithy "github.com/aws/smithy-go/middleware"

	"github.com/latchkey-idp/latchkey/internal/keys"
)

// DecryptAPI is what a Decrypter uses of *kms.Client.
type DecryptAPI interface {
	publicAPI
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// oaepAlgorithms are those of KMS, in which digest and mask have one hash.
var oaepAlgorithms = map[crypto.Hash]types.EncryptionAlgorithmSpec{
	crypto.SHA1:   types.EncryptionAlgorithmSpecRsaesOaepSha1,
	crypto.SHA256: types.EncryptionAlgorithmSpecRsaesOaepSha256,
}

// Decrypter is a keys.Decrypter in KMS. It is safe for concurrent use.
type Decrypter struct {
	handle
	api DecryptAPI
}

var _ keys.Decrypter = (*Decrypter)(nil)

// OpenDecrypter fetches the public key of a KMS key (ID, ARN or alias) once
// and checks that it is an RSA encryption key of 2048 bits or more. Who calls
// this only to publish the key needs no kms:Decrypt. log may be nil.
func OpenDecrypter(ctx context.Context, api DecryptAPI, keyID string, log *slog.Logger) (*Decrypter, error) {
	h, err := fetch(ctx, api, keyID, types.KeyUsageTypeEncryptDecrypt, log)
	if err != nil {
		return nil, err
	}
	return &Decrypter{handle: h, api: api}, nil
}

// Decrypt has KMS decrypt RSA-OAEP with SHA-1 or SHA-256 as both digest and
// mask; other combinations fail with keys.ErrUnsupported. What cannot be of
// this key, because of its length, is not sent.
func (d *Decrypter) Decrypt(ctx context.Context, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	oaep, err := keys.OAEP(opts)
	if err != nil {
		return nil, err
	}
	algorithm, ok := oaepAlgorithms[oaep.Hash]
	if mask := oaep.MGFHash; !ok || mask != 0 && mask != oaep.Hash {
		return nil, fmt.Errorf("%w: KMS has no RSA-OAEP with %v and a mask of %v", keys.ErrUnsupported, oaep.Hash, oaep.MGFHash)
	}
	if len(ciphertext) != d.pub.Size() {
		return nil, fmt.Errorf("KMS Decrypt with key %s: %w", d.arn, rsa.ErrDecryption)
	}
	c := call{name: "Decrypt", key: d.arn, log: d.log}
	return do(ctx, c, func(ctx context.Context) ([]byte, smithy.Metadata, error) {
		out, err := d.api.Decrypt(ctx, &kms.DecryptInput{
			KeyId:               &d.arn,
			CiphertextBlob:      ciphertext,
			EncryptionAlgorithm: algorithm,
		}, once)
		if err != nil {
			return nil, smithy.Metadata{}, err
		}
		return out.Plaintext, out.ResultMetadata, nil
	})
}
