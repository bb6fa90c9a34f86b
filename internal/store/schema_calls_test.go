package store

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
)

// example is the value of a kind as examples have it.
func example[T any](name string) *T {
	v := new(T)
	fill(reflect.ValueOf(v).Elem(), name)
	return v
}

// calls are those that write over, or remove, what examples of every kind have,
// each as handlers make it: reading first where they read.
func calls() map[string]func(context.Context, *Store) error {
	sp, user, login, session := example[idp.ServiceProvider]("sp"), example[idp.User]("user"), example[idp.Login]("login"), example[idp.QRSession]("session")
	device, sso, password := example[idp.Device]("device"), example[idp.SSOSession]("sso-session"), example[idp.AppPassword]("app-password")
	return map[string]func(context.Context, *Store) error{
		"CreateLogin": func(ctx context.Context, s *Store) error { return second(s.CreateLogin(ctx, login)) },
		"UpdateLogin": func(ctx context.Context, s *Store) error {
			return second(s.UpdateLogin(ctx, login.ID, func(l *idp.Login) (bool, error) { l.Creates++; return true, nil }))
		},
		"CreateSession": func(ctx context.Context, s *Store) error { return s.CreateSession(ctx, session) },
		"UpdateSession": func(ctx context.Context, s *Store) error {
			_, _, err := s.UpdateSession(ctx, session.SID, func(a, b idp.QRSession) bool { return a.Fails == b.Fails },
				func(q idp.QRSession) (idp.QRSession, error) { q.Fails++; return q, nil })
			return err
		},
		"PutCode":        func(ctx context.Context, s *Store) error { return s.PutCode(ctx, hash, "S", at0()) },
		"SaveSSOSession": func(ctx context.Context, s *Store) error { return s.SaveSSOSession(ctx, sso) },
		"EndSSOSession":  func(ctx context.Context, s *Store) error { return s.EndSSOSession(ctx, sso.UserID, sso.SID) },
		"EndSSOSessions": func(ctx context.Context, s *Store) error { return second(s.EndSSOSessions(ctx, sso.UserID, "")) },
		"AddSignIn": func(ctx context.Context, s *Store) error {
			return s.AddSignIn(ctx, someone, &idp.SignIn{At: at0(), SID: session.SID})
		},
		"IndexName": func(ctx context.Context, s *Store) error {
			return s.IndexName(ctx, "https://sp.test", "TEST-ONLY-name", someone, at0().Add(1e6*time.Hour))
		},
		"RememberBrowser": func(ctx context.Context, s *Store) error {
			b, version, err := s.KnownBrowser(ctx, hash)
			return errors.Join(err, s.RememberBrowser(ctx, []byte("new"), b, hash, version))
		},
		"ForgetBrowser": func(ctx context.Context, s *Store) error {
			_, version, err := s.KnownBrowser(ctx, hash)
			return errors.Join(err, s.ForgetBrowser(ctx, hash, version))
		},
		"TakeTry": func(ctx context.Context, s *Store) error {
			_, _, err := s.TakeTry(ctx, "TEST-ONLY-limit", "203.0.113.7", 10, time.Minute)
			return err
		},
		"ReturnTry": func(ctx context.Context, s *Store) error {
			return s.ReturnTry(ctx, "TEST-ONLY-limit", "203.0.113.7", 10, time.Minute)
		},
		"TakeStepUp": func(ctx context.Context, s *Store) error { return second(s.TakeStepUp(ctx, hash)) },
		"SaveUser": func(ctx context.Context, s *Store) error {
			u, err := s.User(ctx, user.ID)
			if err != nil {
				return err
			}
			u.Email = "other@example.com"
			return s.SaveUser(ctx, u)
		},
		"SaveServiceProvider": func(ctx context.Context, s *Store) error {
			p, err := s.ServiceProvider(ctx, sp.EntityID)
			if err != nil {
				return err
			}
			return s.SaveServiceProvider(ctx, p)
		},
		"renamed SP": func(ctx context.Context, s *Store) error {
			p, err := s.ServiceProvider(ctx, sp.EntityID)
			if err != nil {
				return err
			}
			p.Slug = "renamed"
			return s.SaveServiceProvider(ctx, p)
		},
		"RevokeDevice": func(ctx context.Context, s *Store) error {
			return second(s.RevokeDevice(ctx, device.UserID, device.ID))
		},
		"RevokeAppPassword": func(ctx context.Context, s *Store) error {
			return second(s.RevokeAppPassword(ctx, password.UserID, password.ID))
		},
		"DeleteConsent": func(ctx context.Context, s *Store) error {
			return second(s.DeleteConsent(ctx, someone, idp.ConsentID(example[idp.Consent]("consent").SP)))
		},
		"KeyFetched": func(ctx context.Context, s *Store) error {
			return s.KeyFetched(ctx, "key-1", example[KeySeen]("key-fetched").EntityID)
		},
		"ConfirmKey": func(ctx context.Context, s *Store) error {
			return s.ConfirmKey(ctx, "key-1", example[KeySeen]("key-confirmed").EntityID, "admin", false)
		},
		"PutLogoutResult": func(ctx context.Context, s *Store) error {
			return s.PutLogoutResult(ctx, &idp.Logout{ID: "TEST-ONLY-logout"}, *example[idp.LogoutResult]("logout-result"))
		},
		"StartLogout": func(ctx context.Context, s *Store) error {
			return s.StartLogout(ctx, &idp.Logout{ID: example[idp.Logout]("logout").ID}, nil)
		},
		"SaveSigningKeys": func(ctx context.Context, s *Store) error { return saveSigningKeys(ctx, s) },
		"DeleteMetadataSource": func(ctx context.Context, s *Store) error {
			return s.DeleteMetadataSource(ctx, example[idp.MetadataSource]("metadata").EntityID)
		},
		"DeleteServiceProvider": func(ctx context.Context, s *Store) error { return s.DeleteServiceProvider(ctx, sp.EntityID) },
		"DeleteUser":            func(ctx context.Context, s *Store) error { return s.DeleteUser(ctx, user.ID) },
	}
}

func saveSigningKeys(ctx context.Context, s *Store) error {
	records, err := SigningKeys{s}.List(ctx)
	if err != nil {
		return err
	}
	for i := range records {
		records[i].State = keys.Retired
	}
	return SigningKeys{s}.Save(ctx, records...)
}

func at0() idp.Millis { return idp.At(day) }

func second[T any](_ T, err error) error { return err }
