// Package kmssigner signs with an asymmetric AWS KMS key, which never leaves
// KMS, decrypts with another one, and wraps small secrets with a symmetric one.
//
//   - Signer is a keys.Key: RSASSA_PKCS1_V1_5 over a digest (MessageType DIGEST),
//     SHA-256, SHA-384 or SHA-512. KMS signs no SHA-1.
//   - Decrypter is a keys.Decrypter: RSAES_OAEP with SHA-1 or SHA-256.
//   - Wrapper encrypts and decrypts up to 4,096 bytes, bound to an encryption
//     context.
//
// Every call to KMS is bounded (security-requirements.md L12): throttling,
// failures of KMS and lost connections are retried with jitter for up to 2
// seconds in all and within the caller's deadline, then the call fails with
// keys.ErrUnavailable. A refusal (no access, unknown or disabled key) is not
// retried. The SDK's own retries are off, so that there is one budget.
//
// Each answered request is logged with its KMS request ID, so that CloudTrail
// can be matched with the log line by line (S18).
package kmssigner
