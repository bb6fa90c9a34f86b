package adminapi

import (
	"cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// NewInvite is the body of POST /v1/admin/invites.
type NewInvite struct {
	User string `json:"user"`           // e-mail address or id
	Life string `json:"life,omitempty"` // Go duration, 10m to 168h; empty: the deployment's setting

	// Policy is what the phone's key must prove: none, known or device_bound;
	// empty: the deployment's setting.
	Policy string `json:"policy,omitempty"`
}

// NewInviteAnswer carries the link, which is told this once only.
type NewInviteAnswer struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	ExpiresAt int64  `json:"expires_at"`
}

// Invite states.
const (
	InviteOpen    = "open"
	InviteUsed    = "used"
	InviteRevoked = "revoked"
	InviteExpired = "expired"
)

// Invite is an invite without its secret.
type Invite struct {
	ID        string `json:"id"`
	UserID    string `json:"user_id"`
	InvitedBy string `json:"invited_by"`
	State     string `json:"state"`
	Binding   string `json:"binding"`          // invite; device: an old device of the person asks for it
	Policy    string `json:"policy,omitempty"` // as in NewInvite
	CreatedAt int64  `json:"created_at"`
	ExpiresAt int64  `json:"expires_at"`
	UsedAt    int64  `json:"used_at,omitempty"`
	RevokedAt int64  `json:"revoked_at,omitempty"`
	DeviceID  string `json:"device_id,omitempty"`
}

// InviteOf makes the wire form.
func InviteOf(i *idp.Invite, now idp.Millis) Invite {
	state := InviteOpen
	switch {
	case i.UsedAt != 0:
		state = InviteUsed
	case i.RevokedAt != 0:
		state = InviteRevoked
	case i.ExpiresAt.Over(now):
		state = InviteExpired
	}
	return Invite{
		ID: i.ID, UserID: i.UserID, InvitedBy: i.InvitedBy, State: state, DeviceID: i.DeviceID,
		Binding: cmp.Or(i.Binding, idp.BindingInvite), Policy: i.Policy,
		CreatedAt: i.CreatedAt.Seconds(), ExpiresAt: i.ExpiresAt.Seconds(),
		UsedAt: i.UsedAt.Seconds(), RevokedAt: i.RevokedAt.Seconds(),
	}
}
