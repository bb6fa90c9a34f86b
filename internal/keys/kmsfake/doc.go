// Package kmsfake fakes the part of the AWS KMS API that Latchkey uses: Sign,
// GetPublicKey, DescribeKey, Encrypt, Decrypt and GenerateRandom, over the
// AWS JSON 1.1 protocol. It is for tests; it checks no credentials.
//
// A Fake is an http.Handler, for programs that are pointed at it with
// AWS_ENDPOINT_URL_KMS, and an http.RoundTripper, for an SDK client in the
// same process:
//
//	fake := kmsfake.New()
//	arn, err := fake.CreateRSA(2048)
//	server := httptest.NewServer(fake) // or
//	client := kms.New(kms.Options{HTTPClient: &http.Client{Transport: fake}, ...})
//
// Like KMS, it does not hash a DIGEST again, refuses a digest of the wrong
// length, signs no SHA-1, and gives ECDSA signatures as ASN.1 DER.
//
// Inject lets the next requests fail; Calls tells what was asked.
package kmsfake
