// Package directory is the port "who is this user, with which attributes".
// directory/local answers from the users in the store.
package directory

import (
	"context"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Directory finds users.
type Directory interface {
	// User returns the user with this id, with the attributes as of now. A user
	// who is gone is idp.UserInactive; a directory that does not answer, idp.Busy.
	User(ctx context.Context, id string) (*idp.User, error)

	// Complete is User for a caller that has just read what the table holds of
	// the person; nil: nothing.
	Complete(ctx context.Context, stored *idp.User) (*idp.User, error)
}
