package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// SignOut is the body of POST /v1/admin/users/{id}/signout; it may be absent.
type SignOut struct {
	Device string `json:"device,omitempty"` // only the sessions that this device approved
}

// SignOutAll is the body of POST /v1/admin/signout.
type SignOutAll struct {
	Everybody bool   `json:"everybody"`       // must be true
	After     string `json:"after,omitempty"` // of the answer before, to go on
}

// SignedOut says whose sessions ended, and which applications were told.
type SignedOut struct {
	People       int           `json:"people"` // who had a session
	Applications []SignedOutOf `json:"applications"`
	After        string        `json:"after,omitempty"` // there are more people; empty: that was all
}

// SignedOutOf is an application that took part in a session. Only those with a
// SOAP endpoint can be told without the person's browser; the others are
// "untold".
type SignedOutOf struct {
	User     string            `json:"user"`
	EntityID string            `json:"entity_id"`
	Name     string            `json:"name"`
	Outcome  idp.LogoutOutcome `json:"outcome"`
}
