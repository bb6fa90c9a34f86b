package web

import (
	"context"
	"errors"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
)

// KeyError tells a failure of the signing key: all of them are 503, with the
// reason in the log.
func KeyError(err error) error {
	var known *idp.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known): // of the table that the keys are listed in, or told before
		return err
	case errors.Is(err, keys.ErrKeyMismatch):
		return &idp.Error{Code: idp.Busy, Reason: idp.KeyMismatch, Err: err}
	case errors.Is(err, keys.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &idp.Error{Code: idp.Busy, Reason: idp.KeyUnavailable, Err: err}
	case errors.Is(err, keys.ErrDenied):
		return &idp.Error{Code: idp.Busy, Reason: idp.KeyDenied, Err: err}
	case errors.Is(err, context.Canceled):
		return &idp.Error{Code: idp.Busy, Reason: idp.ClientGone, Err: err}
	}
	return err
}
