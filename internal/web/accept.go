package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/saml/message"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// Sender looks the issuer of a message up, exactly. The log names an unknown one
// by its hash only: it may be anything.
func (s *Site) Sender(ctx context.Context, issuer string) (*idp.ServiceProvider, error) {
	sp, err := s.Store.ServiceProvider(ctx, issuer)
	if errors.Is(err, store.ErrNotFound) {
		sum := sha256.Sum256([]byte(issuer))
		RecordFrom(ctx).SP = "unknown sha256:" + hex.EncodeToString(sum[:8])
		e := idp.Refuse(idp.SPUnknown, "no service provider has this entityID")
		e.Fix = "The application that sent this request is not registered here. Register it with: latchkey sp add --metadata FILE"
		return nil, e
	}
	if err == nil {
		RecordFrom(ctx).SP = sp.EntityID
	}
	return sp, err
}

// Issuer is our entityID towards an SP; where it depends on the user's domain
// it is chosen when the user is known.
func (s *Site) Issuer(sp *idp.ServiceProvider) string {
	if sp.Issuer != "" {
		return sp.Issuer
	}
	return s.Config.EntityID
}

// Window is how far messages may be from now.
func (s *Site) Window() message.Window {
	return message.Window{MaxAge: s.Config.RequestMaxAge, MaxSkew: s.Config.RequestMaxSkew}
}

// AcceptLogin stores a Login under the id that its request gives it, so that a
// request is accepted once, at whatever endpoint; one without a request has an
// id of its own. store.ErrExists, with the
// stored Login: the request was seen before.
func (s *Site) AcceptLogin(ctx context.Context, masters *login.MasterKeys, l *idp.Login) (*idp.Login, error) {
	if l.RequestID == "" {
		id, err := idp.NewID(s.Random)
		if err != nil {
			return nil, err
		}
		l.ID = id
		return s.Store.CreateLogin(ctx, l)
	}
	if err := s.seenUnderOlderKey(ctx, masters, l); err != nil {
		return nil, err
	}
	id, err := masters.LoginID(masters.Newest(), l.SP, l.RequestID)
	if err != nil {
		return nil, err
	}
	l.ID = id
	return s.Store.CreateLogin(ctx, l)
}

// Replayed refuses a request that was accepted before.
func Replayed() error { return idp.Refuse(idp.ReasonReplay, "request was accepted before") }

// seenUnderOlderKey looks for the Login of the same request under master keys
// before the newest, which exist only around a rotation.
func (s *Site) seenUnderOlderKey(ctx context.Context, masters *login.MasterKeys, l *idp.Login) error {
	for _, version := range masters.Versions()[1:] {
		id, err := masters.LoginID(version, l.SP, l.RequestID)
		if err != nil {
			return err
		}
		_, err = s.Store.Login(ctx, id)
		if err == nil {
			return Replayed()
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}
