// Package passkey owns the WebAuthn ceremonies: what a browser is asked
// (CreationOptions, RequestOptions), and what its answer must hold before a
// credential is enrolled (VerifyRegistration) or an approval counts
// (VerifyAssertion). Approval protocol 6.3, 11.2 and 11.3; Web Authentication
// Level 3, sections 7.1 and 7.2.
//
// It reads and decides everything itself except CBOR, COSE keys, signatures
// and attestation statements, which go-webauthn reads. It keeps no state: the
// caller stores challenges and devices, looks devices up by CredentialID, and
// judges users, apps and levels.
//
// # Checks
//
// In this order; the first that fails gives the code. The text of the error is
// for the log only.
//
//	check                                            registration         assertion
//	sizes, JSON, base64url, CBOR                     bad_request          bad_signature
//	type public-key; id = rawId                      bad_request          bad_signature
//	id, type of the stored device                    -                    bad_signature
//	challenge                                        bad_challenge        bad_challenge
//	type webauthn.create, webauthn.get               bad_signature        bad_signature
//	origin byte for byte; crossOrigin absent, false  bad_origin           bad_origin
//	rpIdHash                                         bad_signature        bad_signature
//	UP                                               bad_signature        bad_signature
//	UV                                               uv_required          uv_required
//	not BE=0 with BS=1                               bad_signature        bad_signature
//	BE as stored                                     -                    bad_signature
//	AT: set at registration only                     bad_request          bad_signature
//	credential id attested = id; 16 to 512 bytes     bad_request          -
//	key: ES256, RS256 (2048 to 4096 bit), EdDSA      attestation_refused  bad_signature
//	userHandle present and the user's                -                    bad_signature
//	signature                                        -                    bad_signature
//	attestation (see Attestation)                    attestation_refused  -
//	counter                                          -                    Result.CloneSuspect
//
// Members that a browser adds to any of the JSON objects are ignored, and so
// are extension outputs: credProps is asked for as a hint only. A member that
// comes twice is refused, names are compared exactly, and base64url must be
// what an encoder would have produced.
package passkey
