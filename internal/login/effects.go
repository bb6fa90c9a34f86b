package login

import (
	"cmp"
	"strconv"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

func create(s *idp.QRSession, e Create, now idp.Millis) error {
	l := e.Login
	request := l.RequestID
	if request == "" {
		request = IdPInitiated
	}
	*s = idp.QRSession{
		SID:            e.SID,
		State:          s.State,
		Mode:           cmp.Or(e.Mode, ModeQR),
		Login:          l.ID,
		Browser:        e.Browser,
		SP:             l.SP,
		Issuer:         l.Issuer,
		Request:        request,
		ACR:            e.ACR,
		HasSubject:     l.Subject != nil,
		KeyVer:         e.KeyVer,
		LoginExpiresAt: l.ExpiresAt,
		CreatedAt:      now,
		Nonce:          e.Nonce,
		Context:        e.Context,
		Known:          e.Known,
		Version:        s.Version,
	}
	if s.Mode == ModeQR { // a passkey in the browser needs no number
		s.Number = e.Number
	}
	s.QRExpiresAt = within(s, now, QRLife)
	return nil
}

func showCode(s *idp.QRSession, e ShowCode, _ idp.Millis) error {
	s.Codes++
	s.CodeHash = e.CodeHash
	return nil
}

func extendQR(s *idp.QRSession, _ ExtendQR, _ idp.Millis) error {
	s.Extended |= extendedInCreated
	s.QRExpiresAt = within(s, s.QRExpiresAt, Extension)
	return nil
}

func takeClaim(s *idp.QRSession, e Claim, now idp.Millis) error {
	hold(s, e)
	s.Claims = 1
	s.ClaimNet = e.Net
	s.Context.App = e.App
	s.PhoneExpiresAt = within(s, now, ClaimLife)
	return nil
}

// takeOver gives the session to another phone of the same network; the time
// for the approval goes on.
func takeOver(s *idp.QRSession, e Claim, _ idp.Millis) error {
	hold(s, e)
	s.Claims++
	return nil
}

func hold(s *idp.QRSession, e Claim) {
	s.ClaimHash = e.ClaimHash
	s.Nonce = e.Nonce
	s.PhoneKind = e.PhoneKind
}

func contest(s *idp.QRSession, _ Claim, _ idp.Millis) error {
	s.Why = idp.WhyContested
	return idp.E(idp.Contested, "claimed from another network")
}

func extendClaim(s *idp.QRSession, _ ExtendClaim, _ idp.Millis) error {
	s.Extended |= extendedInScanned
	s.PhoneExpiresAt = within(s, s.PhoneExpiresAt, Extension)
	return nil
}

func approve(s *idp.QRSession, e Approve, now idp.Millis) error {
	s.UserID = e.UserID
	s.UserDisplay = e.UserDisplay
	s.CredentialID = e.CredentialID
	s.DeviceName = e.DeviceName
	s.ApprovalHash = e.ApprovalHash
	s.ReturnHash = e.ReturnHash
	s.ApprovedAt = now
	s.DoneExpiresAt = within(s, now, DoneLife)
	return nil
}

func passkey(s *idp.QRSession, e Passkey, now idp.Millis) error {
	s.ACR = e.ACR
	return approve(s, Approve{
		UserID: e.UserID, UserDisplay: e.UserDisplay, CredentialID: e.CredentialID, DeviceName: e.DeviceName,
		ApprovalHash: e.ApprovalHash,
	}, now)
}

// countNumber ends with a denial: somebody types who does not see the screen.
func countNumber(s *idp.QRSession, _ Approve, _ idp.Millis) error {
	s.NumTries++
	if s.NumTries >= MaxNumberTries {
		s.State, s.Why = denied, idp.WhyNumberMismatch
	}
	e := idp.E(idp.NumberMismatch, "wrong number, try %d", s.NumTries)
	e.Args = map[string]string{"n": strconv.Itoa(MaxNumberTries - s.NumTries)}
	return e
}

func noteMismatch(s *idp.QRSession, e Approve, _ idp.Millis) error {
	s.Mismatch = true
	return e.Refused
}

func countFailure(s *idp.QRSession, e BadApprove, _ idp.Millis) error {
	s.Fails++
	if s.Fails >= MaxFails {
		s.State, s.Why = cancelled, idp.WhyBadSignatures
	}
	if e.Err == nil {
		return idp.E(idp.BadSignature, "approval refused")
	}
	return e.Err
}

func deny(s *idp.QRSession, e Deny, _ idp.Millis) error {
	s.Why = e.Reason
	return nil
}

func cancel(s *idp.QRSession, _ Cancel, _ idp.Millis) error {
	s.Why = idp.WhyBrowser
	return nil
}

func supersede(s *idp.QRSession, _ Supersede, _ idp.Millis) error {
	s.Why = idp.WhySuperseded
	return nil
}

func consume(s *idp.QRSession, e Finish, now idp.Millis) error {
	s.FinishHash = e.FinishHash
	s.AssertionID = e.AssertionID
	s.ConsumedAt = now
	return nil
}

// askConsent gives time to read.
func askConsent(s *idp.QRSession, _ AskConsent, now idp.Millis) error {
	s.Extended |= extendedInApproved
	s.DoneExpiresAt = within(s, now, ConsentLife)
	return nil
}

// within is from + life, but no later than the end of the login (4.4).
func within(s *idp.QRSession, from idp.Millis, life time.Duration) idp.Millis {
	return idp.Earlier(from.Add(life), s.LoginExpiresAt)
}
