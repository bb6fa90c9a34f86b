// Package xmlenc encrypts assertions for service providers and decrypts what
// they send encrypted: XML Encryption 1.1 as far as SAML needs it (SAML Core 6,
// 2.2.4, 2.3.4; docs/saml-profile.md 4).
//
// There is one shape, for both directions: an EncryptedData of Type Element
// with its EncryptedKey inside its KeyInfo.
//
//	content        AES-128-GCM, AES-256-GCM; AES-128-CBC, AES-256-CBC as legacy
//	key transport  rsa-oaep-mgf1p, xmlenc11 rsa-oaep; digests SHA-1, -256, -384,
//	               -512; for the latter MGF1 with any of these
//
// RSA PKCS #1 v1.5 does not exist here, not even as a legacy switch: its
// padding is the classic oracle (Bleichenbacher), and OAEP is as old as SAML.
// SHA-1 within OAEP is no weakness, as nothing there rests on collisions.
//
// Invariants:
//
//   - What is encrypted stands alone: Encrypt refuses an element that uses a
//     prefix it does not declare. The octets are the canonical form in which
//     dsig signed it, so its signature verifies after decryption.
//   - Each EncryptedData has a new key and a new nonce; keys are never kept.
//   - Decrypt judges the shape, sizes and algorithms, which anyone can see,
//     before it uses a key. Whatever goes wrong afterwards is one and the same
//     error, after the same work: a key that cannot be unwrapped is replaced by
//     a random one, and bad padding is still parsed (XML Encryption 1.1 6.1).
//   - Nothing is fetched or followed: CipherReference, RetrievalMethod and
//     references are refused. Every key is tried; KeyInfo of an EncryptedKey is
//     at most a hint and is not read.
//   - What was decrypted is read by xmlsafe within limits, like all XML from
//     outside, and holds nothing encrypted again.
//
// Encryption is not authentication. Who may trust a decrypted element is
// decided by signatures alone.
package xmlenc
