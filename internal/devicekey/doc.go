// Package devicekey owns the credentials of native phones: two P-256 keys, of
// which uv is used only after a user check (biometrics) and pop without one
// (approval protocol 6.4, 6.5, 11.2). Which key signed is what proves the user
// check, so the two are never mixed up: not in a signature, not at enrollment.
//
// All signatures are compact JWS (RFC 7515) with a header of exactly three
// members: alg "ES256", typ, and kid, the RFC 7638 thumbprint of the key.
//
//	typ                    key      payload
//	latchkey-approval+jws  uv       the signed text of 6.1 (Approval)
//	latchkey-proof+jws     pop      JSON {htm,htu,sid,iat,jti} (Proof)
//	latchkey-enroll+jws    uv, pop  the enrollment text below (Register)
//
// # Enrollment
//
// POST /v1/enroll/options {"type":"device-key"} answers {"challenge":"..."},
// 32 bytes base64url. The phone makes its keys and calls POST /v1/enroll/finish
// with
//
//	{"type":"device-key",
//	 "jwks":  {"uv":{"kty":"EC","crv":"P-256","x":"...","y":"..."}, "pop":{...}},
//	 "proofs":{"uv":"<compact JWS>", "pop":"<compact JWS>"},
//	 "name":"Ana's phone", "kind":"iPhone"}
//
// A JWK has exactly these four members. Each key signs the same text, which
// names both, so that a key cannot be enrolled together with one of somebody
// else. It has 4 lines, each ended by a line feed:
//
//	latchkey-enroll/1
//	challenge:<the challenge as it was sent>
//	uv:<thumbprint of uv>
//	pop:<thumbprint of pop>
//
// The device's id is the thumbprint of uv.
package devicekey
