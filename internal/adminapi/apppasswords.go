package adminapi

import "github.com/latchkey-idp/latchkey/internal/idp"

// NewAppPassword is the body of POST /v1/admin/users/{id}/app-passwords.
type NewAppPassword struct {
	SP   string `json:"sp"`             // entityID or short name of the application
	Name string `json:"name"`           // up to 40 characters
	Life string `json:"life,omitempty"` // Go duration, 1h to 8784h; empty: 2160h
}

// NewAppPasswordAnswer carries the app password, which is told this once only.
type NewAppPasswordAnswer struct {
	AppPassword
	Username string `json:"username"`
	Password string `json:"password"`
}

// AppPassword is one without its secret.
type AppPassword struct {
	ID            string `json:"id"`
	SP            string `json:"sp"`
	App           string `json:"app"`
	Name          string `json:"name"`
	CreatedBy     string `json:"created_by"`
	CreatedAt     int64  `json:"created_at"`
	ExpiresAt     int64  `json:"expires_at"`
	LastUsedAt    int64  `json:"last_used_at,omitempty"`
	LastUsedPlace string `json:"last_used_place,omitempty"`
}

// AppPasswordOf makes the wire form.
func AppPasswordOf(p *idp.AppPassword) AppPassword {
	return AppPassword{
		ID: p.ID, SP: p.SP, App: p.AppName, Name: p.Name, CreatedBy: p.CreatedBy, CreatedAt: p.CreatedAt.Seconds(),
		ExpiresAt: p.ExpiresAt.Seconds(), LastUsedAt: p.LastUsedAt.Seconds(), LastUsedPlace: p.LastUsedPlace,
	}
}
