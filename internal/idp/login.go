package idp

// Login is one pending request to sign somebody in (item LOGIN#<id>). Several QR sessions may
// follow one another in it without going back to the SP. It holds everything
// that the answer needs; nothing of the request comes back from the browser.
type Login struct {
	ID        string `json:"id"`              // 16 bytes, base32
	Protocol  string `json:"proto,omitempty"` // of request and answer, as in ServiceProvider
	SP        string `json:"app"`
	SPSlug    string `json:"slug"`
	Issuer    string `json:"issuer"` // our entityID in the answer; may be chosen by the user's domain later
	RequestID string `json:"req"`
	ACS       string `json:"acs"`
	Binding   string `json:"binding,omitempty"` // of the answer; empty: BindingPOST

	// App is what people see of the SP, as configured on arrival.
	App ContextApp `json:"ctx_app"`

	RelayState    string `json:"relay_state,omitempty"`
	HasRelayState bool   `json:"has_relay_state,omitempty"`

	NameIDFormat    string           `json:"nameid_format,omitempty"` // asked for by NameIDPolicy; empty: the SP's default
	SPNameQualifier string           `json:"sp_name_qualifier,omitempty"`
	AttributeIndex  *int             `json:"attr_idx,omitempty"` // AttributeConsumingServiceIndex, one that was registered on arrival
	ACRRequest      []string         `json:"acr_req,omitempty"`
	ACRComparison   string           `json:"acr_cmp,omitempty"` // exact, minimum, better, maximum
	Subject         *LoginSubject    `json:"subject,omitempty"`
	ChannelBindings []ChannelBinding `json:"cb,omitempty"`     // of a signed request of a program
	Signed          bool             `json:"signed,omitempty"` // the request was signed; set for programs only
	ForceAuthn      bool             `json:"force,omitempty"`
	MaxAgeMinutes   int              `json:"max_age,omitempty"`      // oldest approval that may answer; 0: not asked
	Passive         bool             `json:"passive,omitempty"`      // IsPassive: a session that suffices, or NoPassive
	PasskeyOnly     bool             `json:"passkey_only,omitempty"` // on arrival a scanned code was not enough; create judges again
	Browser         *BrowserSecret   `json:"bh,omitempty"`           // bound by the first create

	CreatedAt Millis `json:"created"`
	ExpiresAt Millis `json:"exp"`
	Creates   int    `json:"count"`
	LastAt    Millis `json:"last,omitempty"` // of the last create
	Current   string `json:"current,omitempty"`
	Done      string `json:"done,omitempty"`    // sid of what answered it; "none", "ecp"
	DoneAt    Millis `json:"done_at,omitempty"` // where an SSO session did it

	Version int64 `json:"-"`
}

// ChannelBinding names a secure channel (SAML Channel Binding Extensions 2.1):
// both ends of it see the same value.
type ChannelBinding struct {
	Type  string `json:"type"`  // registered name, such as tls-server-end-point
	Value string `json:"value"` // base64
}

// BrowserSecret is SHA-256 of the __Host-bs cookie's bytes.
type BrowserSecret [32]byte

// MarshalText is base64url: in items of which every byte is paid for, a third of
// what encoding/json makes of an array.
func (b BrowserSecret) MarshalText() ([]byte, error) { return Base64.AppendEncode(nil, b[:]), nil }

// UnmarshalText is the inverse of MarshalText.
func (b *BrowserSecret) UnmarshalText(text []byte) error {
	raw, err := DecodeBase64(string(text), len(b))
	if err == nil {
		copy(b[:], raw)
	}
	return err
}

// LoginSubject is the Subject of an AuthnRequest.
type LoginSubject struct {
	NameID          string `json:"name_id"`
	Format          string `json:"format,omitempty"`
	NameQualifier   string `json:"nq,omitempty"`
	SPNameQualifier string `json:"spnq,omitempty"`
}

// State of a QR session (approval-protocol.md 4.1).
type State string

// The states. Consumed, denied, cancelled and expired are final.
const (
	StateCreated   State = "created"
	StateScanned   State = "scanned"
	StateApproved  State = "approved"
	StateConsumed  State = "consumed"
	StateDenied    State = "denied"
	StateCancelled State = "cancelled"
	StateExpired   State = "expired"
)

// Final reports whether no event can leave the state.
func (s State) Final() bool {
	switch s {
	case StateConsumed, StateDenied, StateCancelled, StateExpired:
		return true
	}
	return false
}

// Reasons of denied and cancelled (`why`).
const (
	WhyContested     = "contested"
	WhyBadSignatures = "bad_signatures"
	WhyBrowser       = "browser"
	WhySuperseded    = "superseded"

	WhyNotMe        = "not_me"
	WhyMistake      = "mistake"
	WhyWrongDetails = "wrong_details"
	WhyOther        = "other"

	WhyNumberMismatch = "number_mismatch"
)

// QRSession is what the phone approves (item QRSESSION#<sid>, under 1 KB).
// Only login.Apply changes it.
type QRSession struct {
	SID     string        `json:"sid"` // 16 bytes, base32
	State   State         `json:"st"`
	Why     string        `json:"why,omitempty"`
	Mode    string        `json:"mode"` // qr
	Login   string        `json:"login"`
	Browser BrowserSecret `json:"bh"`
	SP      string        `json:"app"`
	Issuer  string        `json:"idp"` // our entityID in the signed text
	Request string        `json:"req"` // AuthnRequest ID
	ACR     string        `json:"acr"` // class of this approval

	HasSubject bool `json:"subj,omitempty"`     // the request names who must approve
	Mismatch   bool `json:"mismatch,omitempty"` // somebody else wanted to approve

	KeyVer int `json:"kv"` // version of the master key

	LoginExpiresAt Millis `json:"lexp"`
	CreatedAt      Millis `json:"cat"`
	QRExpiresAt    Millis `json:"qexp"`
	PhoneExpiresAt Millis `json:"pexp,omitempty"`
	DoneExpiresAt  Millis `json:"dexp,omitempty"`

	Extended   int    `json:"ext,omitempty"`   // bit 1: in created, bit 2: in scanned, bit 3: in approved
	Codes      int    `json:"codes,omitempty"` // user codes made
	CodeHash   []byte `json:"uch,omitempty"`   // HMAC of the live user code
	Fails      int    `json:"fails,omitempty"` // failed approvals
	Number     string `json:"num,omitempty"`   // digits that the screen shows and the phone's owner types; empty: none asked
	NumTries   int    `json:"mtry,omitempty"`  // wrong numbers
	ReturnHash []byte `json:"rn,omitempty"`    // SHA-256 of the nonce with which a native app leads back to the browser
	Nonce      []byte `json:"nonce"`           // 32 bytes, new at each claim
	Claims     int    `json:"clm,omitempty"`
	ClaimHash  []byte `json:"ch,omitempty"` // SHA-256 of the claim key
	ClaimNet   string `json:"cnet,omitempty"`
	PhoneKind  string `json:"dev_kind,omitempty"`

	Context Context     `json:"ctx"`
	Known   []KnownUser `json:"known,omitempty"` // who signed in in this browser before, newest last

	UserID       string `json:"uid,omitempty"`
	UserDisplay  string `json:"who,omitempty"` // shown masked to the browser, in full to the phone
	CredentialID string `json:"cred,omitempty"`
	DeviceName   string `json:"dev,omitempty"`
	ApprovalHash []byte `json:"ah,omitempty"`
	ApprovedAt   Millis `json:"aat,omitempty"` // AuthnInstant

	FinishHash  []byte `json:"fk,omitempty"`
	ConsumedAt  Millis `json:"cts,omitempty"`
	AssertionID string `json:"aid,omitempty"`

	Version int64 `json:"-"`
}

// Knows reports whether a person signed in in the session's browser before.
func (s *QRSession) Knows(uid string) bool {
	for _, u := range s.Known {
		if u.ID == uid {
			return true
		}
	}
	return false
}

// Context is what the phone shows and, by its hash, what it signs
// (approval-protocol.md 6.2). App names come only from configuration.
type Context struct {
	V           int        `json:"v"`
	App         ContextApp `json:"app"`
	Browser     string     `json:"browser"`
	OS          string     `json:"os"`
	Place       string     `json:"place"`
	IP          string     `json:"ip"` // coarse: /24 or /48
	RequestedAt int64      `json:"requested_at"`
}

// ContextApp is the application in a Context. Host is the ACS's host.
type ContextApp struct {
	EntityID string `json:"entity_id"`
	Host     string `json:"host"`
	Name     string `json:"name"`
}

// KnownBrowser is a browser in which people finished sign-ins before: the
// __Host-bid cookie, of which only the hash is kept (approval-protocol.md 3.1).
// It never signs anybody in; it spares "Continue as" and warns of new browsers.
type KnownBrowser struct {
	Users []KnownUser `json:"users"` // newest last, at most MaxKnownUsers
}

// MaxKnownUsers bounds how many people a browser is remembered for.
const MaxKnownUsers = 8

// Add returns b with a sign-in of a person noted as the newest.
func (b KnownBrowser) Add(u KnownUser) KnownBrowser {
	next := KnownBrowser{}
	for _, known := range b.Users {
		if known.ID == u.ID {
			u.First = known.First
			continue
		}
		next.Users = append(next.Users, known)
	}
	next.Users = append(next.Users, u)
	if over := len(next.Users) - MaxKnownUsers; over > 0 {
		next.Users = next.Users[over:]
	}
	return next
}

// KnownUser is one person of a KnownBrowser.
type KnownUser struct {
	ID    string `json:"uid"`
	Shown string `json:"shown"` // masked name, as a screen may show it
	First Millis `json:"first"`
	Last  Millis `json:"last"`
}

// SignIn is one line of a person's own list of recent sign-ins.
type SignIn struct {
	ID         string `json:"id"` // ULID
	At         Millis `json:"at"`
	SID        string `json:"sid"` // of the QR session and the SSO session
	SP         string `json:"app"`
	AppName    string `json:"app_name"`
	Browser    string `json:"browser"`
	OS         string `json:"os"`
	Place      string `json:"place"`
	IP         string `json:"ip"` // coarse: /24 or /48
	ACR        string `json:"acr"`
	DeviceID   string `json:"dev"`
	DeviceName string `json:"dev_name"`
	NewBrowser bool   `json:"new_browser,omitempty"`
	Continued  bool   `json:"continued,omitempty"`   // by an SSO session, without an approval of its own
	ReportedAt Millis `json:"reported_at,omitempty"` // "that wasn't me"

	Version int64 `json:"-"`
}

// SSOSession is a browser that is signed in. Written at finish, keyed by user
// and sid (a repeated finish replaces its secret); its cookie holds user, sid
// and secret, and only the secret's hash is kept.
type SSOSession struct {
	SID          string `json:"sid"`
	UserID       string `json:"uid"`
	SecretHash   []byte `json:"secret_hash"`
	CredentialID string `json:"cred"`
	ACR          string `json:"acr"`
	ApprovedAt   Millis `json:"approved_at"` // AuthnInstant
	CreatedAt    Millis `json:"created_at"`
	LastUsedAt   Millis `json:"last_used_at"`
	ExpiresAt    Millis `json:"expires_at"`            // absolute
	VerifiedAt   Millis `json:"verified_at,omitempty"` // last user check in this very browser (step-up)
	Browser      string `json:"browser,omitempty"`     // "Firefox 145", from the fixed vocabulary
	OS           string `json:"os,omitempty"`
	Place        string `json:"place,omitempty"`

	// Numbered: the approval was made with a number from the screen.
	Numbered bool `json:"numbered,omitempty"`

	Participants []Participant `json:"participants,omitempty"`

	Version int64 `json:"-"`
}

// MaxParticipants bounds how many identifiers service providers can be given in
// one SSO session; after that the person is asked again, in a new one.
const MaxParticipants = 100

// Participant is an SP that was given an assertion in an SSO session, with the
// identifiers it was given: those by which it knows the session, and by which
// it is told that the session is over (SAML Profiles 4.4).
type Participant struct {
	SP           string `json:"app"`
	Name         string `json:"app_name,omitempty"`
	Issuer       string `json:"idp,omitempty"` // our entityID in the assertion
	NameID       string `json:"name_id"`
	NameIDFormat string `json:"name_id_format"`
	Qualified    bool   `json:"qualified,omitempty"` // NameQualifier and SPNameQualifier were sent
	SessionIndex string `json:"session_index"`
	At           Millis `json:"at"`
}

// Join notes that an SP was given an assertion. The same identifiers again
// change the time only. It reports false when there is no more room.
func (s *SSOSession) Join(p Participant) bool {
	for i, known := range s.Participants {
		if known.SP == p.SP && known.NameID == p.NameID && known.NameIDFormat == p.NameIDFormat {
			p.SessionIndex = known.SessionIndex
			s.Participants[i] = p
			return true
		}
	}
	if len(s.Participants) >= MaxParticipants {
		return false
	}
	s.Participants = append(s.Participants, p)
	return true
}
