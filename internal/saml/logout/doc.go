// Package logout is the messages of single logout (SAML Core 3.7, Profiles
// 4.4): it reads and judges LogoutRequests and LogoutResponses of service
// providers, and makes ours.
//
// Parse functions return a claim. The Judge functions decide whether it is
// authentic, meant for us and of now; what they return was read from the bytes
// that the signature covers. A LogoutResponse must be signed. Whether an
// unsigned LogoutRequest will do is the service provider's setting
// (ConfirmUnsignedLogout), and then only the person's word ends a session.
//
// EncryptedID is decrypted only in a request whose signature was verified, so
// that nobody can use us to decrypt what they have overheard.
//
// Where our messages go is what metadata registered; nothing of a message says
// where an answer goes.
package logout
