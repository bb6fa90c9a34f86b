package web

import (
	"context"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

// NewAppPassword makes an app password of a person for an application, which is
// shown as it is returned and never again. The caller stores it.
func (s *Site) NewAppPassword(ctx context.Context, u *idp.User, sp *idp.ServiceProvider, name, by string, life time.Duration) (p *idp.AppPassword, shown string, err error) {
	name = idp.CleanName(name)
	switch {
	case name == "":
		return nil, "", idp.E(idp.Invalid, "name is missing: give up to 40 printable characters")
	case !sp.ECP || sp.Disabled || sp.Draft:
		return nil, "", idp.E(idp.Invalid, "%s does not let programs sign in", sp.Name)
	case !sp.Admits(u):
		return nil, "", &idp.Error{Code: idp.AppNotAssigned, Args: map[string]string{"app": sp.Name}, Detail: "user " + u.ID}
	}
	have, err := s.Store.AppPasswords(ctx, u.ID)
	if err != nil {
		return nil, "", err
	}
	if len(have) >= idp.MaxAppPasswords {
		return nil, "", idp.E(idp.Invalid, "there are %d app passwords already; revoke those that are not used", len(have))
	}
	id, err := idp.NewID(s.Random)
	if err != nil {
		return nil, "", err
	}
	characters, err := login.NewAppPassword(s.Random)
	if err != nil {
		return nil, "", err
	}
	now := s.Now()
	return &idp.AppPassword{
		ID: id, UserID: u.ID, SP: sp.EntityID, AppName: sp.Name, Name: name, Hash: login.AppPasswordHash(characters),
		CreatedBy: by, CreatedAt: now, ExpiresAt: now.Add(life),
	}, login.DisplayCode(characters), nil
}

// AppPasswordDetail is what the audit trail says of an app password.
func AppPasswordDetail(p *idp.AppPassword) map[string]string {
	return map[string]string{"app_password": p.ID, "app_password_name": p.Name, "expires_at": p.ExpiresAt.Time().Format(time.RFC3339)}
}
