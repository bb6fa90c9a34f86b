// Package crowd fills a table with the people, applications and sign-ins of a
// large deployment, as package store encodes them, so that tests can tell what a
// sign-in costs among them.
package crowd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// Size is how many of each there are.
type Size struct {
	Users            int // each with a phone
	ServiceProviders int
	Sessions         int // SSO sessions, each with the sign-in that it came of
}

const (
	batch = table.MaxTransact // items in each
	most  = 8                 // items that one call adds
)

// Fill writes a crowd, with so many writers at the same time. Ids are numbers in order, so that an engine that sorts
// has little to move.
func Fill(ctx context.Context, t table.Table, writers int, clock idp.Clock, n Size) error {
	c := newCollector(ctx, t, writers)
	s := store.New(c, clock)
	err := errors.Join(fillUsers(ctx, s, n.Users), fillProviders(ctx, s, n.ServiceProviders), fillSessions(ctx, s, clock.Now(), n))
	return errors.Join(err, c.close())
}

// ID is the id of the n-th of a kind.
func ID(kind byte, n int) string {
	var b [16]byte
	b[0] = kind
	binary.BigEndian.PutUint64(b[8:], uint64(n))
	id, _ := idp.NewID(bytes.NewReader(b[:])) // which has what it reads
	return id
}

func userID(n int) string { return ID('u', n) }

func fillUsers(ctx context.Context, s *store.Store, n int) error {
	key := make([]byte, 91) // of a P-256 key as PKIX
	for i := range n {
		u := &idp.User{ID: userID(i), Email: fmt.Sprintf("person%07d@example.com", i), GivenName: "Given", FamilyName: "Family"}
		if err := s.SaveUser(ctx, u); err != nil {
			return fmt.Errorf("add user %d: %w", i, err)
		}
		d := &idp.Device{
			ID: ID('d', i), UserID: u.ID, Type: "device-key", Name: "Phone", Kind: "Software phone", State: idp.DeviceActive,
			UVKey: key, PopKey: key, PopKeyID: ID('p', i), Binding: idp.BindingInvite,
		}
		if err := s.Enroll(ctx, store.Enrolling{Device: d}); err != nil {
			return fmt.Errorf("add device %d: %w", i, err)
		}
	}
	return nil
}

func entityID(n int) string { return fmt.Sprintf("https://app%05d.example.com/saml", n) }

func fillProviders(ctx context.Context, s *store.Store, n int) error {
	for i := range n {
		sp := &idp.ServiceProvider{
			EntityID: entityID(i), Slug: fmt.Sprintf("app%05d", i), Name: fmt.Sprintf("Application %d", i), Preset: "generic",
			ACS:          []idp.Endpoint{{Binding: idp.BindingPOST, Location: entityID(i) + "/acs"}},
			SigningCerts: [][]byte{make([]byte, 800)}, NameID: "emailAddress = email",
		}
		if err := s.SaveServiceProvider(ctx, sp); err != nil {
			return fmt.Errorf("add service provider %d: %w", i, err)
		}
	}
	return nil
}

// fillSessions makes the SSO session of a sign-in, and what the sign-in leaves
// behind until it is swept, or longer.
func fillSessions(ctx context.Context, s *store.Store, now idp.Millis, n Size) error {
	for i := range n.Sessions {
		uid, sid, app := userID(i%max(1, n.Users)), ID('s', i), entityID(i%max(1, n.ServiceProviders))
		hash := sha256.Sum256([]byte(sid))
		login := &idp.Login{ID: ID('l', i), SP: app, ACS: app + "/acs", RequestID: "_" + sid, CreatedAt: now, ExpiresAt: now.Add(time.Hour), Done: sid}
		session := &idp.QRSession{
			SID: sid, State: idp.StateConsumed, Login: login.ID, SP: app, Browser: hash, Nonce: hash[:], ClaimHash: hash[:],
			LoginExpiresAt: login.ExpiresAt, CreatedAt: now, UserID: uid, CredentialID: ID('d', i),
		}
		sso := &idp.SSOSession{
			SID: sid, UserID: uid, SecretHash: hash[:], CredentialID: session.CredentialID, ApprovedAt: now, ExpiresAt: now.Add(24 * time.Hour),
			Participants: []idp.Participant{{SP: app, NameID: "person@example.com", SessionIndex: "_" + sid, At: now}},
		}
		_, err := s.CreateLogin(ctx, login)
		err = errors.Join(err, s.CreateSession(ctx, session), s.SaveSSOSession(ctx, sso),
			s.AddSignIn(ctx, uid, &idp.SignIn{At: now, SID: sid, SP: app, AppName: "Application", Browser: "Firefox 145"}),
			s.IndexName(ctx, app, "person@example.com", uid, sso.ExpiresAt),
			s.RememberBrowser(ctx, hash[:], idp.KnownBrowser{Users: []idp.KnownUser{{ID: uid, Shown: "G...n F..."}}}, nil, 0))
		if err != nil {
			return fmt.Errorf("add session %d: %w", i, err)
		}
	}
	return nil
}

// collector is a table that is always found empty and hands on what is put into
// it, many items at a time.
type collector struct {
	full chan []table.Op
	done sync.WaitGroup

	ops []table.Op // the batch that is not full yet

	mu  sync.Mutex
	err error
}

var _ table.Table = (*collector)(nil)

func newCollector(ctx context.Context, t table.Table, writers int) *collector {
	c := &collector{full: make(chan []table.Op, writers)}
	for range writers {
		c.done.Go(func() {
			for ops := range c.full {
				if err := t.Transact(ctx, ops...); err != nil {
					c.fail(err)
				}
			}
		})
	}
	return c
}

func (c *collector) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = errors.Join(c.err, err)
}

func (c *collector) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *collector) close() error {
	if len(c.ops) > 0 {
		c.full <- c.ops
	}
	close(c.full)
	c.done.Wait()
	return c.err
}

func (c *collector) Transact(_ context.Context, ops ...table.Op) error {
	c.ops = append(c.ops, ops...)
	if len(c.ops) > batch-most {
		c.full <- c.ops
		c.ops = make([]table.Op, 0, batch)
	}
	return c.failed()
}

func (c *collector) Put(ctx context.Context, item table.Item) (int64, error) {
	return item.Version + 1, c.Transact(ctx, table.Op{Put: &item})
}

func (c *collector) Get(context.Context, table.Key, ...table.ReadOption) (table.Item, error) {
	return table.Item{}, table.ErrNotFound
}

func (c *collector) GetAll(_ context.Context, keys ...table.Key) ([]table.Item, error) {
	return make([]table.Item, len(keys)), nil
}

func (c *collector) Query(context.Context, table.Query) (table.Page, error) { return table.Page{}, nil }

func (c *collector) Delete(context.Context, table.Item) error {
	return errors.New("a crowd deletes nothing")
}
