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
	c, version, err := get[idp.Consent](ctx, s, consentKey(uid, idp.ConsentID(entityID)))
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
	version, err := put(ctx, s, consentKey(uid, idp.ConsentID(c.SP)), c.Version, time.Time{}, c)
	if err == nil {
		c.Version = version
	}
	return err
}

// Consents lists what a person has agreed to, in no particular order.
func (s *Store) Consents(ctx context.Context, uid string) ([]idp.Consent, error) {
	var all []idp.Consent
	_, err := list(ctx, s, table.Query{PK: userKey(uid).PK, Prefix: consentKey(uid, "").SK}, 0, func(c *idp.Consent, v int64) {
		c.Version = v
		all = append(all, *c)
	})
	return all, err
}

// DeleteConsent forgets that a person agreed, by the consent's id; ErrNotFound.
func (s *Store) DeleteConsent(ctx context.Context, uid, id string) (*idp.Consent, error) {
	c, version, err := get[idp.Consent](ctx, s, consentKey(uid, id))
	if err != nil {
		return nil, err
	}
	return &c, outside("delete consent", s.table.Delete(ctx, table.Item{Key: consentKey(uid, id), Version: version}))
}

// forgetConsents removes all that a person has agreed to.
func (s *Store) forgetConsents(ctx context.Context, uid string) error {
	all, err := s.Consents(ctx, uid)
	if err != nil {
		return err
	}
	for _, c := range all {
		if _, err := s.DeleteConsent(ctx, uid, idp.ConsentID(c.SP)); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}
