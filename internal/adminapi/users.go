package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// User is a person who may sign in.
type User struct {
	idp.User
	CreatedAt int64 `json:"created_at"`
	UpdatedAt int64 `json:"updated_at"`
}

// UserOf makes the wire form.
func UserOf(u *idp.User) User { return User{*u, u.CreatedAt.Seconds(), u.UpdatedAt.Seconds()} }

// NewUser is the body of POST /v1/admin/users, and a row of an import.
type NewUser struct {
	Email       string              `json:"email"`
	UPN         string              `json:"user_principal_name,omitempty"`
	GivenName   string              `json:"given_name,omitempty"`
	FamilyName  string              `json:"family_name,omitempty"`
	DisplayName string              `json:"display_name,omitempty"`
	Attributes  map[string][]string `json:"attributes,omitempty"` // custom ones: immutableId, groups, ...
	Disabled    bool                `json:"disabled,omitempty"`
}

// UserPatch is the body of PATCH /v1/admin/users/{id}. What is absent stays.
// An attribute that is given replaces that attribute; one with an empty list is
// removed.
type UserPatch struct {
	Email       *string             `json:"email,omitempty"`
	UPN         *string             `json:"user_principal_name,omitempty"`
	GivenName   *string             `json:"given_name,omitempty"`
	FamilyName  *string             `json:"family_name,omitempty"`
	DisplayName *string             `json:"display_name,omitempty"`
	Attributes  map[string][]string `json:"attributes,omitempty"`
	Disabled    *bool               `json:"disabled,omitempty"` // true also ends the SSO sessions
}

// MaxImport is how many rows one import may have; longer files are sent in
// parts.
const MaxImport = 500

// Import is the body of POST /v1/admin/users/import. All rows are judged before
// the first is stored. A row whose user exists with the same values is
// unchanged; with other values it is a mistake, or, with Update, an update: what
// the row leaves empty stays, and it never enables a disabled user.
type Import struct {
	Users  []NewUser `json:"users"`
	Update bool      `json:"update,omitempty"`
	DryRun bool      `json:"dry_run,omitempty"` // judge only
}

// ImportAnswer says what became of the rows.
type ImportAnswer struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
}

// Device is a phone of a user.
type Device struct {
	ID             string `json:"id"`
	Type           string `json:"type"`
	Name           string `json:"name"`
	Kind           string `json:"kind,omitempty"`
	State          string `json:"state"` // active, probation, pending, revoked
	Binding        string `json:"binding"`
	Synced         bool   `json:"synced"`                    // its key may leave the device
	Attested       bool   `json:"attested"`                  // its maker vouched for the model
	Suspect        bool   `json:"suspect"`                   // a copy of its key may exist
	Model          string `json:"model,omitempty"`           // AAGUID; a hint unless attested
	ProbationUntil int64  `json:"probation_until,omitempty"` // seconds
	CreatedAt      int64  `json:"created_at"`
	LastUsedAt     int64  `json:"last_used_at,omitempty"`
	LastUsedApp    string `json:"last_used_app,omitempty"`
	LastUsedPlace  string `json:"last_used_place,omitempty"`
}

// DevicePatch is the body of PATCH /v1/admin/users/{id}/devices/{device}.
type DevicePatch struct {
	Name string `json:"name"` // up to 40 printable characters
}

// DeviceOf makes the wire form; keys stay inside.
func DeviceOf(d *idp.Device) Device {
	return Device{
		ID: d.ID, Type: d.Type, Name: d.Name, Kind: d.Kind, State: d.State, Binding: d.Binding,
		Synced: d.BackupEligible, Attested: d.Attested, Suspect: d.CloneSuspect, Model: d.AAGUID,
		ProbationUntil: d.ProbationUntil.Seconds(), CreatedAt: d.CreatedAt.Seconds(),
		LastUsedAt: d.LastUsedAt.Seconds(), LastUsedApp: d.LastUsedApp, LastUsedPlace: d.LastUsedPlace,
	}
}

// Members lists what the patch sets, for the audit trail: names, no values.
func (p *UserPatch) Members() []string {
	var names []string
	for _, m := range []struct {
		name string
		set  bool
	}{
		{"email", p.Email != nil}, {"user_principal_name", p.UPN != nil}, {"given_name", p.GivenName != nil},
		{"family_name", p.FamilyName != nil}, {"display_name", p.DisplayName != nil},
		{"attributes", len(p.Attributes) > 0}, {"disabled", p.Disabled != nil},
	} {
		if m.set {
			names = append(names, m.name)
		}
	}
	return names
}
