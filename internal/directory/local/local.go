// Package local is the directory of the users in the store.
package local

import (
	"context"
	"errors"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// Directory reads users from the store.
type Directory struct{ store *store.Store }

// New makes the directory.
func New(s *store.Store) *Directory { return &Directory{s} }

// User implements directory.Directory.
func (d *Directory) User(ctx context.Context, id string) (*idp.User, error) {
	u, err := d.store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, idp.E(idp.UserInactive, "user %s is gone", id)
	}
	return u, err
}

// Complete implements directory.Directory: all is in the table.
func (d *Directory) Complete(_ context.Context, stored *idp.User) (*idp.User, error) {
	if stored == nil {
		return nil, idp.E(idp.UserInactive, "user is gone")
	}
	return stored, nil
}
