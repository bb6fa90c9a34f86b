package login_test

import (
	"bytes"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

const t0 = idp.Millis(1_795_370_000_123)

var (
	theBrowser   = idp.BrowserSecret{1}
	otherBrowser = idp.BrowserSecret{2}
	thePhone     = []byte("claim hash of the phone")
	otherPhone   = []byte("claim hash of another phone")
	codeHash     = []byte("hash of the user code")
	finishHash   = []byte("hash of the finish key")
	approvalHash = []byte("hash of the approval")
	home         = login.Network("203.0.113.5")
	away         = login.Network("198.51.100.5")
	payroll      = idp.ContextApp{EntityID: "https://sp.example.org/saml", Host: "sp.example.org", Name: "Payroll"}
)

func pendingLogin() idp.Login {
	return idp.Login{
		ID: vectorLoginID, SP: "https://sp.example.org/saml", Issuer: "https://id.example.com/idp",
		RequestID: "_a1b2c3", CreatedAt: t0, ExpiresAt: t0.Add(login.LoginLife),
	}
}

// Events that succeed where the table allows them.

func createEvent() login.Create {
	return login.Create{
		Login: pendingLogin(), SID: vectorSID, Browser: theBrowser, ACR: "urn:latchkey:acr:qr", KeyVer: 1,
		Nonce: bytes.Repeat([]byte{1}, 32), Context: vectorContext(),
	}
}

func claimEvent(frame int) login.Claim {
	return login.Claim{ClaimHash: thePhone, Net: home, Frame: frame, Nonce: bytes.Repeat([]byte{2}, 32), PhoneKind: "iPhone", App: payroll}
}

func otherClaim(net string, frame int) login.Claim {
	c := claimEvent(frame)
	c.ClaimHash, c.Net, c.Nonce = otherPhone, net, bytes.Repeat([]byte{3}, 32)
	return c
}

func approveEvent() login.Approve {
	return login.Approve{ClaimHash: thePhone, UserID: "ana", CredentialID: "cred", DeviceName: "Ana's phone", ApprovalHash: approvalHash}
}

func finishEvent() login.Finish {
	return login.Finish{Browser: theBrowser, FinishHash: finishHash, AssertionID: "_assertion"}
}

// must applies an event that has to succeed.
func must(t testing.TB, s idp.QRSession, ev login.Event, now idp.Millis) idp.QRSession {
	t.Helper()
	next, err := login.Apply(s, ev, now)
	if err != nil {
		t.Fatalf("%T in %q: %v", ev, s.State, err)
	}
	return next
}

// session is one in created, made at t0.
func session(t testing.TB) idp.QRSession {
	t.Helper()
	return must(t, idp.QRSession{}, createEvent(), t0)
}

// sessionIn is one in the given state, reached at t0 by the shortest way.
func sessionIn(t testing.TB, state idp.State) idp.QRSession {
	t.Helper()
	s := session(t)
	scan := func() { s = must(t, s, claimEvent(0), t0) }
	switch state {
	case "":
		return idp.QRSession{}
	case idp.StateCreated:
	case idp.StateScanned:
		scan()
	case idp.StateApproved, idp.StateConsumed:
		scan()
		s = must(t, s, approveEvent(), t0)
		if state == idp.StateConsumed {
			s = must(t, s, finishEvent(), t0)
		}
	case idp.StateDenied:
		scan()
		s = must(t, s, login.Deny{ClaimHash: thePhone, Reason: idp.WhyNotMe}, t0)
	case idp.StateCancelled:
		scan()
		s = must(t, s, login.Cancel{Browser: theBrowser}, t0)
	case idp.StateExpired:
		scan()
		s, _ = login.Apply(s, login.ExtendClaim{ClaimHash: thePhone}, s.PhoneExpiresAt)
	}
	if s.State != state {
		t.Fatalf("session is %q, want %q", s.State, state)
	}
	return s
}
