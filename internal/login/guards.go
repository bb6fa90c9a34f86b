package login

import (
	"github.com/latchkey-idp/latchkey/internal/idp"
)

// When: which of several rows of a claim, or whether an event repeats one.

func samePhone(s idp.QRSession, e Claim, _ idp.Millis) bool {
	return idp.Equal(s.ClaimHash, e.ClaimHash)
}

func otherPhoneNear(s idp.QRSession, e Claim, now idp.Millis) bool {
	return !samePhone(s, e, now) && sameNetwork(s, e)
}

func otherPhoneAway(s idp.QRSession, e Claim, now idp.Millis) bool {
	return !samePhone(s, e, now) && !sameNetwork(s, e)
}

// sameNetwork: an unknown network is nobody's neighbour.
func sameNetwork(s idp.QRSession, e Claim) bool { return e.Net != "" && e.Net == s.ClaimNet }

func sameApproval(s idp.QRSession, e Approve, _ idp.Millis) bool {
	return idp.Equal(s.ApprovalHash, e.ApprovalHash)
}

func samePasskey(s idp.QRSession, e Passkey, _ idp.Millis) bool {
	return idp.Equal(s.ApprovalHash, e.ApprovalHash)
}

func sameFinish(s idp.QRSession, e Finish, now idp.Millis) bool {
	return idp.Equal(s.FinishHash, e.FinishHash) && !s.ConsumedAt.Add(FinishRepeat).Over(now)
}

// Guards: what a row asks for, and the error where it does not hold.

func mayCreate(_ idp.QRSession, e Create, now idp.Millis) error {
	if err := CheckBrowser(e.Login, &e.Browser, now); err != nil {
		return err
	}
	return e.Refused
}

func codesLeft(s idp.QRSession, _ ShowCode, _ idp.Millis) error {
	if s.Mode != ModeQR || s.Codes >= MaxCodes {
		return wrongState("%d user codes made", s.Codes)
	}
	return nil
}

// Bits of QRSession.Extended.
const (
	extendedInCreated = 1 << iota
	extendedInScanned
	extendedInApproved
)

func firstExtendQR(s idp.QRSession, _ ExtendQR, _ idp.Millis) error {
	return notExtended(s, extendedInCreated)
}

func firstExtendClaim(s idp.QRSession, _ ExtendClaim, _ idp.Millis) error {
	return notExtended(s, extendedInScanned)
}

func firstAskConsent(s idp.QRSession, _ AskConsent, _ idp.Millis) error {
	return notExtended(s, extendedInApproved)
}

func notExtended(s idp.QRSession, bit int) error {
	if s.Extended&bit != 0 {
		return wrongState("already extended")
	}
	return nil
}

// sawScreen: the phone proves that it sees the screen now.
func sawScreen(s idp.QRSession, e Claim, now idp.Millis) error {
	switch {
	case s.Mode != ModeQR: // it shows no code
		return idp.E(idp.QRInvalid, "session has no code")
	case e.CodeHash != nil && !idp.Equal(s.CodeHash, e.CodeHash):
		return idp.E(idp.QRInvalid, "not the current user code")
	case e.CodeHash == nil && !fresh(s, e, now):
		return idp.E(idp.QRStale, "frame %d is not fresh", e.Frame)
	}
	return nil
}

func mayTakeOver(s idp.QRSession, e Claim, now idp.Millis) error {
	if !e.Takeover || e.CodeHash != nil || !fresh(s, e, now) || s.Claims >= MaxClaims {
		return idp.E(idp.AlreadyScanned, "claim %d", s.Claims+1)
	}
	return nil
}

// knewScreen: whoever stops a session must have seen its screen at some time.
// For a frame the tag, checked before, says so.
func knewScreen(s idp.QRSession, e Claim, _ idp.Millis) error {
	if e.CodeHash != nil && !idp.Equal(s.CodeHash, e.CodeHash) {
		return wrongState("not the current user code")
	}
	return nil
}

func fresh(s idp.QRSession, e Claim, now idp.Millis) bool {
	return Fresh(s.CreatedAt, now, e.Frame, e.Window)
}

// isMismatch: the right signature of a person who is not the request's Subject.
// The phone is refused; the service provider hears why if nobody else approves.
func isMismatch(_ idp.QRSession, e Approve, _ idp.Millis) bool {
	return idp.CodeOf(e.Refused) == idp.UserMismatch
}

// isWrongNumber comes after all other checks, so that nobody learns of a number
// who could not have approved with it.
func isWrongNumber(s idp.QRSession, e Approve, _ idp.Millis) bool {
	return e.Refused == nil && s.Number != "" && !NumberMatches(s, e.Number)
}

func mayApprove(_ idp.QRSession, e Approve, _ idp.Millis) error {
	if e.Refused != nil {
		return e.Refused
	}
	// An approval without these would be one that nobody can be held to.
	if e.UserID == "" || e.CredentialID == "" || len(e.ApprovalHash) == 0 {
		return idp.E(idp.BadSignature, "approval without user, credential or hash")
	}
	return nil
}

func mayPasskey(_ idp.QRSession, e Passkey, _ idp.Millis) error {
	if e.Refused != nil {
		return e.Refused
	}
	if e.UserID == "" || e.CredentialID == "" || len(e.ApprovalHash) == 0 || e.ACR == "" {
		return idp.E(idp.BadSignature, "passkey without user, credential, hash or class")
	}
	return nil
}

func knownReason(_ idp.QRSession, e Deny, _ idp.Millis) error {
	if !ValidReason(e.Reason) {
		return idp.E(idp.BadRequest, "unknown reason to deny")
	}
	return nil
}

// ValidReason reports whether a phone may give this reason for denying.
func ValidReason(reason string) bool {
	switch reason {
	case idp.WhyNotMe, idp.WhyMistake, idp.WhyWrongDetails, idp.WhyOther:
		return true
	}
	return false
}

func mayFinish(_ idp.QRSession, e Finish, _ idp.Millis) error {
	if e.Refused != nil {
		return e.Refused
	}
	// Without them a repeat could not be told from a second finish.
	if len(e.FinishHash) == 0 || e.AssertionID == "" {
		return idp.E(idp.BadRequest, "finish without key or assertion ID")
	}
	return nil
}
