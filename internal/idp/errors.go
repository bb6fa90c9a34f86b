package idp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Code names an error to the caller: a closed list (approval-protocol.md 9).
type Code string

// Codes of M1.
const (
	BadRequest        Code = "bad_request"
	CrossSite         Code = "cross_site"
	CookiesNeeded     Code = "cookies_needed"
	QRStale           Code = "qr_stale"
	QRInvalid         Code = "qr_invalid"
	SessionExpired    Code = "session_expired"
	LoginExpired      Code = "login_expired"
	SessionUnknown    Code = "session_unknown"
	AlreadyScanned    Code = "already_scanned"
	Contested         Code = "contested"
	NotYourBrowser    Code = "not_your_browser"
	WrongState        Code = "wrong_state"
	UVRequired        Code = "uv_required"
	BadSignature      Code = "bad_signature"
	BadChallenge      Code = "bad_challenge"
	BadOrigin         Code = "bad_origin"
	CredentialUnknown Code = "credential_unknown"
	CredentialRevoked Code = "credential_revoked"
	UserInactive      Code = "user_inactive"
	UserMismatch      Code = "user_mismatch"
	AppNotAssigned    Code = "app_not_assigned"
	AppDisabled       Code = "app_disabled"
	SlowDown          Code = "slow_down"
	Busy              Code = "busy"

	PolicyPasskeyRequired Code = "policy_passkey_required"
	DeviceNotStrongEnough Code = "device_not_strong_enough"
	InviteUnknown         Code = "invite_unknown"
	InviteUsed            Code = "invite_used"
	EnrollExpired         Code = "enroll_expired"
	AlreadyRegistered     Code = "already_registered"
	AttestationRefused    Code = "attestation_refused"
	NumberMismatch        Code = "number_mismatch"
	StepupRequired        Code = "stepup_required"
	CodeWrong             Code = "code_wrong"
	LastDevice            Code = "last_device"
	Probation             Code = "probation"

	// Of the pages and the admin API.
	SAMLRefused     Code = "saml_refused"   // LOCAL-400: the request of an SP was refused
	LogoutRefused   Code = "logout_refused" // a logout message of an SP was refused
	SignInRefused   Code = "signin_refused" // the person cannot sign in to this app (cause in the log)
	NotFound        Code = "not_found"      //
	MethodNotAllow  Code = "method_not_allowed"
	TooLarge        Code = "too_large"
	UnsupportedType Code = "unsupported_media_type"
	Misdirected     Code = "misdirected"      // unknown Host
	Unauthorized    Code = "unauthorized"     //
	Authz           Code = "authz"            // authenticated, not allowed
	Invalid         Code = "invalid"          // admin input with a mistake; Detail names it and is shown
	Conflict        Code = "conflict"         // exists already
	VersionMismatch Code = "version_mismatch" // If-Match failed
	Internal        Code = "internal"
)

// Retry tells a program what helps.
type Retry string

// Retry values.
const (
	RetryRescan  Retry = "rescan"
	RetryRestart Retry = "restart"
	RetryWait    Retry = "wait"
	RetryAgain   Retry = "retry"
	RetryNone    Retry = "none"
)

// CodeInfo is how a code is told: HTTP status, title, plain words, remedy.
// {app}, {n} and {time} in Words are filled from Error.Args.
type CodeInfo struct {
	Status int
	Title  string
	Words  string
	Retry  Retry
}

const vague = "Something went wrong. Try again."

var catalog = map[Code]CodeInfo{
	BadRequest:        {http.StatusBadRequest, "Malformed request", vague, RetryNone},
	CrossSite:         {http.StatusForbidden, "Request from another site", "Open this page directly and try again.", RetryNone},
	CookiesNeeded:     {http.StatusBadRequest, "Cookies are needed", "Your browser blocks cookies. Allow them for this site and try again.", RetryAgain},
	QRStale:           {http.StatusGone, "The code has changed", "The code has changed since you scanned it. Please scan again.", RetryRescan},
	QRInvalid:         {http.StatusBadRequest, "Not one of our codes", "This is not one of our codes. Do not use it.", RetryNone},
	SessionExpired:    {http.StatusGone, "This took too long", `This took too long. Choose "Show a new code" on the other screen.`, RetryRescan},
	LoginExpired:      {http.StatusGone, "This took too long", "This took too long. Go back to the app and start again.", RetryRestart},
	SessionUnknown:    {http.StatusNotFound, "Sign-in not found", "We cannot find this sign-in. Start again.", RetryRestart},
	AlreadyScanned:    {http.StatusConflict, "Already scanned", "This code is already open on another device.", RetryNone},
	Contested:         {http.StatusConflict, "Stopped to be safe", "Two devices scanned this code. We stopped the sign-in to be safe.", RetryRescan},
	NotYourBrowser:    {http.StatusForbidden, "Another browser", "Finish in the browser where you started.", RetryNone},
	WrongState:        {http.StatusConflict, "Already done", "This step was already done.", RetryNone},
	UVRequired:        {http.StatusUnprocessableEntity, "Confirm it is you", "Use Face ID, fingerprint or the phone's PIN.", RetryAgain},
	BadSignature:      {http.StatusUnprocessableEntity, "Not accepted", vague, RetryAgain},
	BadChallenge:      {http.StatusUnprocessableEntity, "Not accepted", vague, RetryAgain},
	BadOrigin:         {http.StatusUnprocessableEntity, "Not accepted", vague, RetryAgain},
	CredentialUnknown: {http.StatusNotFound, "Phone not set up", "This phone is not set up yet.", RetryNone},
	CredentialRevoked: {http.StatusForbidden, "Phone removed", "This phone was removed from your account.", RetryNone},
	UserInactive:      {http.StatusForbidden, "Account not active", "Your account is not active.", RetryNone},
	UserMismatch:      {http.StatusForbidden, "Another account", "This sign-in is for another account.", RetryNone},
	AppNotAssigned:    {http.StatusForbidden, "No access", "You do not have access to {app}.", RetryNone},
	AppDisabled:       {http.StatusForbidden, "App switched off", "This app is switched off at the moment.", RetryNone},
	SlowDown:          {http.StatusTooManyRequests, "Too many tries", "Too many tries. Wait {n} seconds.", RetryWait},
	Busy:              {http.StatusServiceUnavailable, "Busy", "Please try again in a moment.", RetryWait},

	PolicyPasskeyRequired: {http.StatusForbidden, "Passkey needed", "This app needs a passkey on this computer.", RetryNone},
	DeviceNotStrongEnough: {http.StatusForbidden, "Stronger key needed", "This app needs a phone key that is not synced.", RetryNone},
	InviteUnknown:         {http.StatusNotFound, "Invite not valid", "This invite is not valid. Ask for a new one.", RetryNone},
	InviteUsed:            {http.StatusGone, "Invite used or too old", "This invite was used or is too old. If you did not use it, tell your administrator.", RetryNone},
	EnrollExpired:         {http.StatusGone, "This took too long", "This took too long. Open your invite again.", RetryRestart},
	AlreadyRegistered:     {http.StatusConflict, "Already set up", "This phone is already set up.", RetryNone},
	AttestationRefused:    {http.StatusUnprocessableEntity, "Key not allowed", "This kind of phone key is not allowed here.", RetryNone},
	NumberMismatch:        {http.StatusUnprocessableEntity, "The numbers do not match", "The numbers do not match. {n} tries left.", RetryAgain},
	StepupRequired:        {http.StatusForbidden, "Confirm it is you", "Confirm with Face ID or fingerprint first.", RetryAgain},
	CodeWrong:             {http.StatusUnprocessableEntity, "Code not right", "This code is not right. {n} tries left.", RetryAgain},
	LastDevice:            {http.StatusConflict, "Your last phone", "This is your last phone. Removing it locks you out.", RetryNone},
	Probation:             {http.StatusForbidden, "This phone is new", "This phone is new. This is possible after {time}.", RetryNone},

	SAMLRefused:     {http.StatusBadRequest, "This sign-in request was refused", "The application sent a sign-in request that cannot be accepted. Go back to the application and try again. If it happens again, give your administrator the reference below.", RetryRestart},
	LogoutRefused:   {http.StatusBadRequest, "This sign-out request was refused", "The application sent a sign-out message that cannot be accepted, and nothing was ended by it. You can sign out here yourself. If it happens again, give your administrator the reference below.", RetryNone},
	SignInRefused:   {http.StatusForbidden, "You cannot be signed in to this application", "Your account is not set up for {app} yet. Give your administrator the reference below.", RetryNone},
	NotFound:        {http.StatusNotFound, "Page not found", "There is nothing at this address. Open the application that you want to use and sign in from there.", RetryNone},
	MethodNotAllow:  {http.StatusMethodNotAllowed, "Method not allowed", "This address cannot be used in this way.", RetryNone},
	TooLarge:        {http.StatusRequestEntityTooLarge, "Too large", "What was sent is too large.", RetryNone},
	UnsupportedType: {http.StatusUnsupportedMediaType, "Unsupported media type", "This address expects application/json.", RetryNone},
	Misdirected:     {http.StatusMisdirectedRequest, "Wrong address", "This server does not answer under this host name.", RetryNone},
	Unauthorized:    {http.StatusUnauthorized, "Not signed in", "Administrator credentials are needed.", RetryNone},
	Authz:           {http.StatusForbidden, "Not allowed", "You are not allowed to do this.", RetryNone},
	Invalid:         {http.StatusUnprocessableEntity, "Not valid", "The input has a mistake.", RetryNone},
	Conflict:        {http.StatusConflict, "Exists already", "This exists already.", RetryNone},
	VersionMismatch: {http.StatusPreconditionFailed, "Changed meanwhile", "Somebody changed this meanwhile. Load it again and repeat your change.", RetryAgain},
	Internal:        {http.StatusInternalServerError, "Something went wrong", "Something went wrong on our side. Try again. If it happens again, give your administrator the reference below.", RetryAgain},
}

// Info returns how a code is told; that of Internal for a code that is not in
// the list.
func (c Code) Info() CodeInfo {
	if i, ok := catalog[c]; ok {
		return i
	}
	return catalog[Internal]
}

// Codes lists every code, for tests and the API description.
func Codes() []Code {
	out := make([]Code, 0, len(catalog))
	for c := range catalog {
		out = append(out, c)
	}
	return out
}

// Reason is what the log says about a refusal: a closed list, finer than Code.
type Reason string

// Reasons of refused SAML messages and of failures that only the log explains
// (security-requirements.md 3 and 5).
const (
	XMLDoctype        Reason = "xml.doctype"
	XMLDepth          Reason = "xml.depth"
	XMLSize           Reason = "xml.size"
	XMLRoundtrip      Reason = "xml.roundtrip"
	XMLComment        Reason = "xml.comment"
	XMLSchema         Reason = "xml.schema"
	XMLDuplicateID    Reason = "xml.duplicate_id"
	XMLEncoding       Reason = "xml.encoding"
	DeflateLimit      Reason = "deflate.limit"
	DeflateFormat     Reason = "deflate.format"
	BindingEncoding   Reason = "binding.encoding"
	BindingParams     Reason = "binding.params"
	BadBase64         Reason = "base64"
	SigReference      Reason = "sig.reference"
	SigShape          Reason = "sig.shape"
	SigTransform      Reason = "sig.transform"
	SigAlgorithm      Reason = "sig.algorithm"
	SigUntrustedKey   Reason = "sig.untrusted_key"
	SigRequired       Reason = "sig.required"
	EncShape          Reason = "enc.shape"
	EncAlgorithm      Reason = "enc.algorithm"
	EncFailed         Reason = "enc.failed"
	ReasonDestination Reason = "destination"
	ReasonReplay      Reason = "replay"
	ACSUnregistered   Reason = "acs.unregistered"
	ACSScheme         Reason = "acs.scheme"
	RelayStateSize    Reason = "relaystate.size"
	SPUnknown         Reason = "sp.unknown"
	SPDisabled        Reason = "sp.disabled"
	SPProtocol        Reason = "sp.protocol"         // a request in a protocol that the application is not registered for
	Unsupported       Reason = "request.unsupported" // it asks for what is not offered, and its protocol has no answer that says so
	TimeWindow        Reason = "time.window"
	SAMLVersion       Reason = "saml.version"
	AttrIllegalChar   Reason = "attr.illegal_char"
	AttrMissing       Reason = "attr.missing"
	AttrTooLarge      Reason = "attr.too_large"
	SLOUnsigned       Reason = "slo.unsigned"
	SLONotParticipant Reason = "slo.not_participant"
	SLOUnsolicited    Reason = "slo.unsolicited" // a LogoutResponse to nothing that is pending
	UserDomain        Reason = "user.domain"
	KeyMismatch       Reason = "kms.key_mismatch"
	KeyUnavailable    Reason = "kms.unavailable"
	KeyDenied         Reason = "kms.denied" // no permission, no valid credentials, a disabled key
	StoreUnavailable  Reason = "store.unavailable"
	StoreDenied       Reason = "store.denied"  // no permission, no valid credentials, no such table
	StoreCorrupt      Reason = "store.corrupt" // a stored item cannot be read
	SchemaVersion     Reason = "store.schema_version"
	ClientGone        Reason = "client.gone" // nobody waits for the answer any more
	EventUnknown      Reason = "event.unknown"
	DuplicateCookie   Reason = "cookie.duplicate"
	HostUnknown       Reason = "host.unknown"
	OriginUnavailable Reason = "origin.unavailable" // the secret that CloudFront sends is not known
	ECPOff            Reason = "ecp.off"            // the application does not let programs sign in
	ECPAuthFailed     Reason = "ecp.auth_failed"    // no app password of this person for this application
	SSRFBlocked       Reason = "ssrf.blocked"       // an address that must not be called (AD1)
	OutboundFailed    Reason = "outbound.failed"    // it may be called, but did not answer as it should
	Panic             Reason = "panic"
)

// Error is the one kind of error that reaches a person or a program outside.
// Code is told; Reason, Detail and Err go to the log only, except that Detail
// of Invalid and Conflict is shown to the administrator who caused it, and
// Fix, which never holds input from outside, is shown on the error page.
type Error struct {
	Code       Code
	Reason     Reason            // empty: Code
	Detail     string            // for the log
	Fix        string            // for an administrator: what to do, built from registered values only
	SP         string            // entityID of the registered SP, where known
	App        string            // its display name, where known
	Args       map[string]string // fills {app}, {n}, {time}
	RetryAfter time.Duration
	State      State // the session's state, set after the who check only
	Err        error
}

// E makes an Error with a code and a detail for the log.
func E(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Refuse makes a LOCAL-400 refusal of a SAML message.
func Refuse(reason Reason, format string, args ...any) *Error {
	return &Error{Code: SAMLRefused, Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Error gives code, reason and detail, for logs and tests.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Reason != "" {
		b.WriteString(" (" + string(e.Reason) + ")")
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Code: c}) true for every Error with code c
// (and, if set, the same Reason).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Reason == "" || t.Reason == e.Reason)
}

// LogReason is Reason, or the code where there is none.
func (e *Error) LogReason() string {
	if e.Reason != "" {
		return string(e.Reason)
	}
	return string(e.Code)
}

// Words is the plain sentence of the code with its arguments filled in.
func (e *Error) Words() string {
	words := e.Code.Info().Words
	for k, v := range e.Args {
		words = strings.ReplaceAll(words, "{"+k+"}", v)
	}
	return words
}

// AsError finds the Error in err's chain. An error without one becomes
// Internal, so that err.Error() never reaches a client.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Err: err}
}

// CodeOf is the code of AsError(err), or empty for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}
