package login

import "github.com/latchkey-idp/latchkey/internal/idp"

// Event is something that happens to a session. Events carry who acts, every
// random value, and the results of checks that need a store or a key; so Apply
// needs neither. The set is closed.
type Event interface {
	// who checks the actor against the session (step 1 of 4.2).
	who(s idp.QRSession) error
}

// Create starts a session (T1). Login is the item as read; Context is complete
// but for the app, which each claim sets anew.
type Create struct {
	Login   idp.Login
	SID     string // MasterKeys.NewSID
	Browser idp.BrowserSecret
	ACR     string // class of this approval
	Mode    string // ModeQR (also when empty), ModePasskey
	KeyVer  int    // master key of the frames
	Nonce   []byte // 32 random bytes
	Context idp.Context
	Number  string          // to be typed on the phone; empty: none
	Known   []idp.KnownUser // who signed in in this browser before
	Refused error           // app switched off, policy
}

// ShowCode makes another user code for the screen (T2); it voids the former.
type ShowCode struct {
	Browser  idp.BrowserSecret
	CodeHash []byte // MasterKeys.CodeHash
}

// ExtendQR asks for more time before the scan (T3).
type ExtendQR struct{ Browser idp.BrowserSecret }

// Claim is a phone's first call: it saw a frame, or was given a user code (T4
// to T7). Anybody may claim; the frame's tag has been verified.
type Claim struct {
	ClaimHash []byte // SHA-256 of the claim key
	Net       string // Network of the phone's address
	Frame     int    // number of the frame; not used if CodeHash is set
	Window    int    // steps for which a frame is fresh; 0 is DefaultWindow
	CodeHash  []byte // HMAC of the typed user code
	Takeover  bool   // the person wants to go on with this phone
	Nonce     []byte // 32 random bytes
	PhoneKind string
	App       idp.ContextApp // as registered now
}

// ExtendClaim asks for more time before the approval (T8).
type ExtendClaim struct{ ClaimHash []byte }

// Approve is an approval whose text and signature are right (T9, T11). Refused
// is the first of the other checks of 6.6 (credential, user, app, policy) that
// failed.
type Approve struct {
	ClaimHash    []byte
	Number       string // as typed; empty: none
	ReturnHash   []byte // of the nonce for the way back to the browser, if asked
	UserID       string
	UserDisplay  string
	CredentialID string
	DeviceName   string
	ApprovalHash []byte // ah of 4.5
	Refused      error
}

// Passkey is an approval by the browser itself, which needs no phone (T20). Its
// assertion is right, unless it only repeats an earlier one: that is told by
// ApprovalHash alone. Refused is the first of the other checks that failed.
type Passkey struct {
	Browser      idp.BrowserSecret
	UserID       string
	UserDisplay  string
	CredentialID string
	DeviceName   string
	ApprovalHash []byte
	ACR          string // class that was reached
	Refused      error
}

// BadApprove is an approval whose text or signature is wrong (T10). Err is the
// check that failed.
type BadApprove struct {
	ClaimHash []byte
	Err       error
}

// Deny is the phone's no (T13). Reason is one of the Why values for it.
type Deny struct {
	ClaimHash []byte
	Reason    string
}

// Cancel is the browser's no (T15).
type Cancel struct{ Browser idp.BrowserSecret }

// Supersede ends a session because its browser shows a new code (T17).
type Supersede struct{ Browser idp.BrowserSecret }

// Finish turns an approval into an assertion (T18). Refused is the first check
// of 5.4 that failed.
type Finish struct {
	Browser     idp.BrowserSecret
	FinishHash  []byte // SHA-256 of the page's finish_key
	AssertionID string // for a first finish; a repeat keeps the former
	Refused     error
}

// AskConsent is an approved browser's first look at what will be released, for
// which it gets more time (T21).
type AskConsent struct{ Browser idp.BrowserSecret }

func (e AskConsent) who(s idp.QRSession) error { return isBrowser(s, e.Browser) }

func (e Create) who(s idp.QRSession) error {
	if s.State == none {
		return nil
	}
	return isBrowser(s, e.Browser)
}

func (e Finish) who(s idp.QRSession) error {
	if isBrowser(s, e.Browser) != nil {
		return idp.E(idp.NotYourBrowser, "finish from another browser")
	}
	return nil
}

func (e Claim) who(idp.QRSession) error         { return nil }
func (e ShowCode) who(s idp.QRSession) error    { return isBrowser(s, e.Browser) }
func (e ExtendQR) who(s idp.QRSession) error    { return isBrowser(s, e.Browser) }
func (e Cancel) who(s idp.QRSession) error      { return isBrowser(s, e.Browser) }
func (e Supersede) who(s idp.QRSession) error   { return isBrowser(s, e.Browser) }
func (e ExtendClaim) who(s idp.QRSession) error { return isPhone(s, e.ClaimHash) }
func (e Approve) who(s idp.QRSession) error     { return isPhone(s, e.ClaimHash) }
func (e Passkey) who(s idp.QRSession) error     { return isBrowser(s, e.Browser) }
func (e BadApprove) who(s idp.QRSession) error  { return isPhone(s, e.ClaimHash) }
func (e Deny) who(s idp.QRSession) error        { return isPhone(s, e.ClaimHash) }

func isBrowser(s idp.QRSession, b idp.BrowserSecret) error {
	if !idp.Equal(s.Browser[:], b[:]) {
		return idp.E(idp.SessionUnknown, "another browser")
	}
	return nil
}

func isPhone(s idp.QRSession, claimHash []byte) error {
	if !idp.Equal(s.ClaimHash, claimHash) {
		return idp.E(idp.SessionUnknown, "another claim key")
	}
	return nil
}
