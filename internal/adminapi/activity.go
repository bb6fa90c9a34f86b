package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// Session is a browser in which a person is signed in.
type Session struct {
	ID         string `json:"id"`
	Browser    string `json:"browser"`
	OS         string `json:"os"`
	Place      string `json:"place"`
	ACR        string `json:"acr"`
	DeviceID   string `json:"device_id"` // that approved it
	CreatedAt  int64  `json:"created_at"`
	LastUsedAt int64  `json:"last_used_at"`
	ExpiresAt  int64  `json:"expires_at"`
}

// SessionOf makes the wire form; the secret's hash stays inside.
func SessionOf(s *idp.SSOSession) Session {
	return Session{
		ID: s.SID, Browser: s.Browser, OS: s.OS, Place: s.Place, ACR: s.ACR, DeviceID: s.CredentialID,
		CreatedAt: s.CreatedAt.Seconds(), LastUsedAt: s.LastUsedAt.Seconds(), ExpiresAt: s.ExpiresAt.Seconds(),
	}
}

// SignIn is one of a person's sign-ins, as that person sees it too.
type SignIn struct {
	ID         string `json:"id"`
	At         int64  `json:"at"`
	SP         string `json:"sp"`
	App        string `json:"app"`
	Browser    string `json:"browser"`
	OS         string `json:"os"`
	Place      string `json:"place"`
	IP         string `json:"ip"` // coarse
	ACR        string `json:"acr"`
	DeviceID   string `json:"device_id"`
	Device     string `json:"device"`
	NewBrowser bool   `json:"new_browser"`
	Continued  bool   `json:"continued,omitempty"`   // by the session, without an approval of its own
	ReportedAt int64  `json:"reported_at,omitempty"` // the person said that it was not theirs
}

// SignInOf makes the wire form.
func SignInOf(s *idp.SignIn) SignIn {
	return SignIn{
		ID: s.ID, At: s.At.Seconds(), SP: s.SP, App: s.AppName, Browser: s.Browser, OS: s.OS, Place: s.Place, IP: s.IP,
		ACR: s.ACR, DeviceID: s.DeviceID, Device: s.DeviceName, NewBrowser: s.NewBrowser, Continued: s.Continued, ReportedAt: s.ReportedAt.Seconds(),
	}
}

// RecoveryCodes tells of a person's recovery codes. Nobody can read the codes
// themselves.
type RecoveryCodes struct {
	Left      int   `json:"left"`
	CreatedAt int64 `json:"created_at,omitempty"`
}
