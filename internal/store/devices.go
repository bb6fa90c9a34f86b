package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

type deviceIndex struct {
	ID string `json:"id"`
}

// Device reads a credential by its id, strongly consistent.
func (s *Store) Device(ctx context.Context, id string) (*idp.Device, error) {
	d, version, err := get[idp.Device](ctx, s, credKey(id))
	if err != nil {
		return nil, err
	}
	if d.ID != id {
		return nil, ErrNotFound
	}
	d.Version = version
	return &d, nil
}

// DeviceOfPopKey reads the credential that a pop key belongs to.
func (s *Store) DeviceOfPopKey(ctx context.Context, kid string) (*idp.Device, error) {
	index, _, err := get[deviceIndex](ctx, s, popKey(kid))
	if err != nil {
		return nil, err
	}
	return s.Device(ctx, index.ID)
}

// Devices lists a user's devices, revoked ones too.
func (s *Store) Devices(ctx context.Context, uid string) ([]idp.Device, error) {
	var ids []string
	_, err := list(ctx, s, table.Query{PK: "USER#" + uid, Prefix: "device#"}, 0,
		func(v *deviceIndex, _ int64) { ids = append(ids, v.ID) })
	if err != nil {
		return nil, err
	}
	return getAll[idp.Device](ctx, s, ids, credKey, func(d *idp.Device, v int64) { d.Version = v })
}

// SaveDevice replaces a device that was read before; ErrConflict if it changed.
func (s *Store) SaveDevice(ctx context.Context, d *idp.Device) error {
	v, err := put(ctx, s, credKey(d.ID), d.Version, time.Time{}, d)
	if err == nil {
		d.Version = v
	}
	return err
}

// Enrolling is a new device with what allows it, each as it is to be stored.
type Enrolling struct {
	Device     *idp.Device
	Invite     *idp.Invite     // burnt by it; nil for a recovery code
	Enrollment *idp.Enrollment // closed by it; nil where the invite says it all
	Add        *idp.DeviceAdd  // told of it; nil but for the way from an old device
	Count      int64           // Enrolled, as read before the device's state was chosen
}

// Enrolled counts the changes of a user's set of devices, for Enrolling.Count and
// RemoveDevice: what is decided by the devices, read after it, holds only if it
// is still the same.
func (s *Store) Enrolled(ctx context.Context, uid string) (int64, error) {
	_, version, err := get[struct{}](ctx, s, enrolledKey(uid))
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return version, err
}

// Enroll stores a new device and burns what allowed it, both or neither.
// ErrExists: the credential is registered, the invite was used, or the user
// enrolled another device in the same moment.
func (s *Store) Enroll(ctx context.Context, e Enrolling) error {
	d := e.Device
	ops := []table.Op{}
	add := func(key table.Key, version int64, expires time.Time, v any) error {
		item, err := itemOf(key, version, expires, v)
		ops = append(ops, table.Op{Put: &item})
		return err
	}
	err := errors.Join(
		add(credKey(d.ID), 0, time.Time{}, d),
		add(deviceIndexKey(d.UserID, d.ID), 0, time.Time{}, deviceIndex{d.ID}),
		add(enrolledKey(d.UserID), e.Count, time.Time{}, struct{}{}),
	)
	if e.Invite != nil {
		err = errors.Join(err, add(inviteKey(e.Invite.TokenHash), e.Invite.Version, inviteSweep(e.Invite), e.Invite))
	}
	if e.Enrollment != nil {
		err = errors.Join(err, add(enrollKey(e.Enrollment.CookieHash), e.Enrollment.Version, sweepAt(e.Enrollment.ExpiresAt), e.Enrollment))
	}
	if e.Add != nil {
		err = errors.Join(err, add(addKey(e.Add.ID), e.Add.Version, sweepAt(e.Add.ExpiresAt), e.Add))
	}
	if d.PopKeyID != "" {
		err = errors.Join(err, add(popKey(d.PopKeyID), 0, time.Time{}, deviceIndex{d.ID}))
	}
	if err != nil {
		return err
	}
	err = s.table.Transact(ctx, ops...)
	if errors.Is(err, table.ErrConflict) {
		return fmt.Errorf("enroll device: %w", ErrExists)
	}
	if err == nil {
		d.Version = 1
	}
	return outside("enroll device", err)
}

type inviteIndex struct {
	ID        string `json:"id"`
	TokenHash []byte `json:"token_hash"`
}

// inviteSweep keeps invites for a while after they end, so that a late opener
// hears "used or too old" and administrators see what became of them.
func inviteSweep(inv *idp.Invite) time.Time { return inv.ExpiresAt.Time().Add(30 * 24 * time.Hour) }

// CreateInvite stores a new invite.
func (s *Store) CreateInvite(ctx context.Context, inv *idp.Invite) error {
	ops, err := inviteOps(inv)
	if err != nil {
		return err
	}
	err = s.table.Transact(ctx, ops...)
	if err == nil {
		inv.Version = 1
	}
	return outside("create invite", err)
}

func inviteOps(inv *idp.Invite) ([]table.Op, error) {
	item, err := itemOf(inviteKey(inv.TokenHash), 0, inviteSweep(inv), inv)
	if err != nil {
		return nil, err
	}
	index, err := itemOf(inviteIndexKey(inv.ID), 0, inviteSweep(inv), inviteIndex{inv.ID, inv.TokenHash})
	return []table.Op{{Put: &item}, {Put: &index}}, err
}

// Invite reads an invite by the hash of its token.
func (s *Store) Invite(ctx context.Context, tokenHash []byte) (*idp.Invite, error) {
	inv, version, err := get[idp.Invite](ctx, s, inviteKey(tokenHash))
	if err != nil {
		return nil, err
	}
	inv.Version = version
	return &inv, nil
}

// InviteByID reads an invite by its id.
func (s *Store) InviteByID(ctx context.Context, id string) (*idp.Invite, error) {
	index, _, err := get[inviteIndex](ctx, s, inviteIndexKey(id))
	if err != nil {
		return nil, err
	}
	return s.Invite(ctx, index.TokenHash)
}

// Invites lists up to limit invites after a cursor.
func (s *Store) Invites(ctx context.Context, after string, limit int) (out []idp.Invite, next string, err error) {
	var hashes []string
	next, err = list(ctx, s, table.Query{PK: "INDEX#INVITE", After: after}, limit,
		func(v *inviteIndex, _ int64) { hashes = append(hashes, string(v.TokenHash)) })
	if err != nil {
		return nil, "", err
	}
	out, err = getAll[idp.Invite](ctx, s, hashes, func(h string) table.Key { return inviteKey([]byte(h)) },
		func(i *idp.Invite, v int64) { i.Version = v })
	return out, next, err
}

// SaveInvite replaces an invite that was read before.
func (s *Store) SaveInvite(ctx context.Context, inv *idp.Invite) error {
	v, err := put(ctx, s, inviteKey(inv.TokenHash), inv.Version, inviteSweep(inv), inv)
	if err == nil {
		inv.Version = v
	}
	return err
}

// Enrollment reads the enrollment that a cookie (by its hash) opened.
func (s *Store) Enrollment(ctx context.Context, cookieHash []byte) (*idp.Enrollment, error) {
	e, version, err := get[idp.Enrollment](ctx, s, enrollKey(cookieHash))
	if err != nil {
		return nil, err
	}
	e.Version = version
	return &e, nil
}

// SaveEnrollment creates (Version 0) or replaces an enrollment.
func (s *Store) SaveEnrollment(ctx context.Context, e *idp.Enrollment) error {
	v, err := put(ctx, s, enrollKey(e.CookieHash), e.Version, sweepAt(e.ExpiresAt), e)
	if err == nil {
		e.Version = v
	}
	return err
}
