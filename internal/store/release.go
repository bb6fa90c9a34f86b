package store

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// ReleaseRules reads the rules of the deployment; an empty set, of version 0, if
// there are none.
func (s *Store) ReleaseRules(ctx context.Context) (*idp.ReleaseRules, error) {
	rules, version, err := get[idp.ReleaseRules](ctx, s, releaseKey())
	if errors.Is(err, ErrNotFound) {
		return &idp.ReleaseRules{}, nil
	}
	if err != nil {
		return nil, err
	}
	rules.Version = version
	return &rules, nil
}

// SaveReleaseRules replaces the rules; ErrConflict if they changed since they
// were read.
func (s *Store) SaveReleaseRules(ctx context.Context, rules *idp.ReleaseRules) error {
	version, err := put(ctx, s, releaseKey(), rules.Version, time.Time{}, rules)
	if err == nil {
		rules.Version = version
	}
	return err
}

// Consent reads what a person has agreed to for a service provider; ErrNotFound.
func (s *Store) Consent(ctx context.Context, uid, entityID string) (*idp.Consent, error) {
	c, version, err := get[idp.Consent](ctx, s, consentKey(uid, entityID))
	if err != nil {
		return nil, err
	}
	if c.SP != entityID {
		return nil, ErrNotFound
	}
	c.Version = version
	return &c, nil
}

// SaveConsent creates (Version 0) or replaces what a person has agreed to;
// ErrConflict.
func (s *Store) SaveConsent(ctx context.Context, uid string, c *idp.Consent) error {
	version, err := put(ctx, s, consentKey(uid, c.SP), c.Version, time.Time{}, c)
	if err == nil {
		c.Version = version
	}
	return err
}

// forgetConsents removes what a person has agreed to.
func (s *Store) forgetConsents(ctx context.Context, uid string) error {
	var all []idp.Consent
	_, err := list(ctx, s, table.Query{PK: userKey(uid).PK, Prefix: "consent#"}, 0, func(c *idp.Consent, v int64) {
		c.Version = v
		all = append(all, *c)
	})
	if err != nil {
		return err
	}
	for _, c := range all {
		err := s.table.Delete(ctx, table.Item{Key: consentKey(uid, c.SP), Version: c.Version})
		if err != nil && !errors.Is(err, table.ErrConflict) {
			return outside("delete consent", err)
		}
	}
	return nil
}
