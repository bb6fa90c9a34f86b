package stackdoctor

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

type keysAPI interface {
	DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
	GetKeyPolicy(context.Context, *kms.GetKeyPolicyInput, ...func(*kms.Options)) (*kms.GetKeyPolicyOutput, error)
	GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
}

// purpose is what a key of the stack is for.
type purpose struct {
	spec    types.KeySpec
	usage   types.KeyUsageType
	guarded string // what its policy denies to everybody but roles with tag; empty: nothing
	tag     string
}

// purposes are the keys of template.yaml, by their logical ids.
func purposes() map[string]purpose {
	return map[string]purpose{
		"SigningKey":    {types.KeySpecRsa2048, types.KeyUsageTypeSignVerify, "kms:Sign", "latchkey:signs-for"},
		"EncryptionKey": {types.KeySpecRsa2048, types.KeyUsageTypeEncryptDecrypt, "kms:Decrypt", "latchkey:decrypts-for"},
		"WrappingKey":   {types.KeySpecSymmetricDefault, types.KeyUsageTypeEncryptDecrypt, "", ""},
	}
}

// signingKey is a key that the stack signs with.
type signingKey struct {
	arn string
	pub *rsa.PublicKey
}

// atKeys looks at the stack's keys and at MoreSigningKeys, which are of other
// stacks.
func (x *examination) atKeys(ctx context.Context) {
	known := purposes()
	found := false
	for _, r := range x.stack.of(typeKey, typeReplicaKey) {
		found = found || r.logical == "SigningKey"
		x.atKey(ctx, r.physical, r.logical, known[r.logical])
	}
	for logical, id := range x.stack.replicas() {
		found = found || logical == "SigningKey"
		x.atKey(ctx, id, logical, known[logical])
	}
	if !found {
		x.find("key.missing", x.stack.name, "the stack has no signing key; is it a stack of Latchkey's template.yaml?")
	}
	more := x.stack.parameters["MoreSigningKeys"]
	if x.stack.second() {
		more = x.stack.parameters["MoreSigningReplicas"]
	}
	for arn := range strings.SplitSeq(more, ",") {
		if arn != "" {
			x.atKey(ctx, arn, arn, known["SigningKey"])
		}
	}
}

func (x *examination) atKey(ctx context.Context, id, subject string, p purpose) {
	out, err := x.keys.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	switch {
	case err != nil && x.stack.second() && notFound(err):
		x.find("key.replica", subject, "this region has no replica of it: deploy infra/second-region.yaml here, or infra/signing-key.yaml for a further signing key")
		return
	case err != nil:
		x.failed(err, "key.missing", subject)
		return
	}
	key := out.KeyMetadata
	switch key.KeyState {
	case types.KeyStateEnabled:
	case types.KeyStatePendingDeletion, types.KeyStatePendingReplicaDeletion:
		when := "soon"
		if key.DeletionDate != nil {
			when = "on " + key.DeletionDate.UTC().Format("2006-01-02")
		}
		x.find("key.deletion", subject, "KMS deletes it %s, for good; aws kms cancel-key-deletion --key-id %s, then aws kms enable-key", when, id)
	default:
		x.find("key.disabled", subject, "it is %s, so nothing can be done with it: aws kms enable-key --key-id %s", key.KeyState, id)
	}
	if p.spec != "" && (key.KeySpec != p.spec || key.KeyUsage != p.usage) {
		x.find("key.spec", subject, "it is %s for %s, and must be %s for %s; deploy the template as it is", key.KeySpec, key.KeyUsage, p.spec, p.usage)
		return
	}
	if p.guarded != "" {
		x.atPolicy(ctx, id, subject, p)
	}
	if p.usage == types.KeyUsageTypeSignVerify && key.KeyState == types.KeyStateEnabled {
		x.takePublicKey(ctx, aws.ToString(key.Arn), subject)
	}
}

func (x *examination) takePublicKey(ctx context.Context, arn, subject string) {
	out, err := x.keys.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &arn})
	if err != nil {
		x.failed(err, "key.missing", subject)
		return
	}
	pub, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		x.find("aws.error", subject, "its public key cannot be read: %v", err)
		return
	}
	if k, ok := pub.(*rsa.PublicKey); ok {
		x.signing = append(x.signing, signingKey{arn, k})
	}
}

func (x *examination) atPolicy(ctx context.Context, id, subject string, p purpose) {
	out, err := x.keys.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &id, PolicyName: aws.String("default")})
	if err != nil {
		x.failed(err, "key.missing", subject)
		return
	}
	ok, err := denies(aws.ToString(out.Policy), p.guarded, p.tag, x.stack.name)
	switch {
	case err != nil:
		x.find("key.policy", subject, "its policy cannot be read: %v", err)
	case !ok:
		x.find("key.policy", subject, "its policy no longer denies %s to everybody but the roles with the tag %s=%s: whoever may use KMS "+
			"in this account may use it; put the policy of the template back (deploy the stack), and look in CloudTrail for PutKeyPolicy "+
			"and %s", p.guarded, p.tag, x.stack.name, strings.TrimPrefix(p.guarded, "kms:"))
	}
}
