package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// signInKeep is how long a person sees a sign-in in the list of their own.
const signInKeep = 90 * 24 * time.Hour

// knownKeep is how long a browser is remembered after the last sign-in in it
// (approval-protocol.md 3.1).
const knownKeep = 400 * 24 * time.Hour

// AddSignIn appends to the list of a person's sign-ins. Its ID is derived from
// the time and the sid, so that a repeated finish adds no second line.
func (s *Store) AddSignIn(ctx context.Context, uid string, in *idp.SignIn) error {
	id, err := signInID(in.At, in.SID)
	if err != nil {
		return err
	}
	in.ID = id
	for range 2 {
		if _, err = put(ctx, s, signInKey(uid, in.ID), 0, in.At.Time().Add(signInKeep), in); !errors.Is(err, ErrConflict) {
			return err
		}
		// It is there, or was only in the way of another write.
		if _, found := s.SignIn(ctx, uid, in.ID); !errors.Is(found, ErrNotFound) {
			return found
		}
	}
	return err
}

// signInID is the id of a sign-in's line: its time and what it came of, by the
// id of that: a QR session, or a login that an SSO session answered.
func signInID(at idp.Millis, of string) (string, error) {
	raw, err := idp.DecodeBase32(of, 16)
	if err != nil {
		return "", fmt.Errorf("id of sign-in: %w", err)
	}
	var id ulid.ULID
	if err := id.SetTime(uint64(at)); err != nil {
		return "", fmt.Errorf("id of sign-in: %w", err)
	}
	copy(id[6:], raw)
	return id.String(), nil
}

// SignIns lists a person's sign-ins, newest first, up to limit (0: all), after
// the id of the last one of the page before.
func (s *Store) SignIns(ctx context.Context, uid, after string, limit int) (out []idp.SignIn, next string, err error) {
	const prefix = "signin#"
	q := table.Query{PK: "USER#" + uid, Prefix: prefix, Reverse: true}
	if after != "" {
		q.After = prefix + after
	}
	next, err = list(ctx, s, q, limit, func(v *idp.SignIn, version int64) {
		v.Version = version
		out = append(out, *v)
	})
	return out, strings.TrimPrefix(next, prefix), err
}

// SignIn reads one of a person's sign-ins.
func (s *Store) SignIn(ctx context.Context, uid, id string) (*idp.SignIn, error) {
	in, version, err := get[idp.SignIn](ctx, s, signInKey(uid, id))
	if err != nil {
		return nil, err
	}
	in.Version = version
	return &in, nil
}

// SaveSignIn replaces a sign-in that was read before.
func (s *Store) SaveSignIn(ctx context.Context, uid string, in *idp.SignIn) error {
	v, err := put(ctx, s, signInKey(uid, in.ID), in.Version, in.At.Time().Add(signInKeep), in)
	if err == nil {
		in.Version = v
	}
	return err
}

// forgetSignIns removes the list of a person's sign-ins.
func (s *Store) forgetSignIns(ctx context.Context, uid string) error {
	list, _, err := s.SignIns(ctx, uid, "", 0)
	if err != nil {
		return err
	}
	for i := range list {
		err := s.table.Delete(ctx, table.Item{Key: signInKey(uid, list[i].ID), Version: list[i].Version})
		if err != nil {
			return outside("remove sign-in", err)
		}
	}
	return nil
}

// KnownBrowser reads what is known of a browser by the hash of its cookie; an
// empty one, of version 0, if nothing is.
func (s *Store) KnownBrowser(ctx context.Context, hash []byte) (idp.KnownBrowser, int64, error) {
	b, version, err := get[idp.KnownBrowser](ctx, s, browserKey(hash))
	if errors.Is(err, ErrNotFound) {
		return idp.KnownBrowser{}, 0, nil
	}
	return b, version, err
}

// RememberBrowser stores a browser under the hash of its new secret and forgets
// what was there under the old one, of the version that was read; 0: nothing.
func (s *Store) RememberBrowser(ctx context.Context, hash []byte, b idp.KnownBrowser, old []byte, version int64) error {
	item, err := itemOf(browserKey(hash), 0, s.clock().Add(knownKeep), b)
	if err != nil {
		return err
	}
	ops := []table.Op{{Put: &item}}
	if version > 0 {
		ops = append(ops, table.Op{Delete: &table.Item{Key: browserKey(old), Version: version}})
	}
	err = s.table.Transact(ctx, ops...)
	if errors.Is(err, ErrConflict) { // another tab finished and replaced the old one
		err = s.table.Transact(ctx, table.Op{Put: &item})
	}
	if errors.Is(err, ErrConflict) {
		return idp.E(idp.Busy, "known browser kept changing")
	}
	return outside("remember browser", err)
}

// ForgetBrowser removes a browser of the version that was read.
func (s *Store) ForgetBrowser(ctx context.Context, hash []byte, version int64) error {
	err := s.table.Delete(ctx, table.Item{Key: browserKey(hash), Version: version})
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
		return nil // somebody else did
	}
	return outside("forget browser", err)
}
