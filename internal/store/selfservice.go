package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

type stepUp struct {
	Challenge []byte     `json:"challenge"`
	ExpiresAt idp.Millis `json:"exp"`
}

// CreateStepUp keeps a challenge for the browser that holds a secret (by its
// hash).
func (s *Store) CreateStepUp(ctx context.Context, hash, challenge []byte, expires idp.Millis) error {
	_, err := put(ctx, s, stepUpKey(hash), 0, sweepAt(expires), stepUp{challenge, expires})
	return err
}

// TakeStepUp returns the challenge of a browser's secret and removes it: it can
// be answered once. ErrNotFound: there is none, it is over or was taken;
// ErrConflict: something else came in between, and another try tells whether it
// was taken.
func (s *Store) TakeStepUp(ctx context.Context, hash []byte) (challenge []byte, err error) {
	v, version, err := get[stepUp](ctx, s, stepUpKey(hash))
	if err != nil {
		return nil, err
	}
	if err := s.table.Delete(ctx, table.Item{Key: stepUpKey(hash), Version: version}); err != nil {
		return nil, outside("take step-up", err)
	}
	if v.ExpiresAt.Over(s.clock.Now()) {
		return nil, ErrNotFound
	}
	return v.Challenge, nil
}

// CreateDeviceAdd stores the adding of a device with the invite that opens it.
func (s *Store) CreateDeviceAdd(ctx context.Context, add *idp.DeviceAdd, inv *idp.Invite) error {
	ops, err := inviteOps(inv)
	if err != nil {
		return err
	}
	item, err := itemOf(addKey(add.ID), 0, sweepAt(add.ExpiresAt), add)
	if err != nil {
		return err
	}
	err = s.table.Transact(ctx, append(ops, table.Op{Put: &item})...)
	if err == nil {
		add.Version, inv.Version = 1, 1
	}
	return outside("create device add", err)
}

// DeviceAdd reads one.
func (s *Store) DeviceAdd(ctx context.Context, id string) (*idp.DeviceAdd, error) {
	add, version, err := get[idp.DeviceAdd](ctx, s, addKey(id))
	if err != nil {
		return nil, err
	}
	add.Version = version
	return &add, nil
}

// ActivateDevice makes the new device of a DeviceAdd active, the adding done and
// the use of the device that vouched noted: all or nothing. ErrConflict if one of
// them changed, above all if one of the devices was revoked meanwhile.
func (s *Store) ActivateDevice(ctx context.Context, add *idp.DeviceAdd, fresh, old *idp.Device) error {
	addItem, err := itemOf(addKey(add.ID), add.Version, sweepAt(add.ExpiresAt), add)
	if err != nil {
		return err
	}
	ops := []table.Op{{Put: &addItem}}
	for _, d := range []*idp.Device{fresh, old} {
		cred, err := itemOf(credKey(d.ID), d.Version, time.Time{}, d)
		if err != nil {
			return err
		}
		ops = append(ops, table.Op{Put: &cred})
	}
	err = s.table.Transact(ctx, ops...)
	if err == nil {
		add.Version++
		fresh.Version++
		old.Version++
	}
	return outside("activate device", err)
}

// RemoveDevice revokes a device as it was read, on the condition that the user's
// devices are still those of count (Enrolled, read before them); ErrConflict.
// The sessions that it approved are the caller's to end.
func (s *Store) RemoveDevice(ctx context.Context, d *idp.Device, count int64) error {
	revoked := *d
	revoked.State = idp.DeviceRevoked
	cred, err := itemOf(credKey(d.ID), d.Version, time.Time{}, &revoked)
	if err != nil {
		return err
	}
	set, err := itemOf(enrolledKey(d.UserID), count, time.Time{}, struct{}{})
	if err != nil {
		return err
	}
	err = s.table.Transact(ctx, table.Op{Put: &cred}, table.Op{Put: &set})
	if err == nil {
		revoked.Version++
		*d = revoked
	}
	return outside("remove device", err)
}

// RecoveryCodes reads a person's codes; an empty set, of version 0, if there
// are none.
func (s *Store) RecoveryCodes(ctx context.Context, uid string) (*idp.RecoveryCodes, error) {
	codes, version, err := get[idp.RecoveryCodes](ctx, s, recoveryKey(uid))
	if errors.Is(err, ErrNotFound) {
		return &idp.RecoveryCodes{}, nil
	}
	if err != nil {
		return nil, err
	}
	codes.Version = version
	return &codes, nil
}

// SpendRecoveryCode keeps a person's codes, one of which is marked as used, and
// the enrollment that it opens: both or neither, so that no code is lost to a
// failure. ErrConflict if the codes changed since they were read.
func (s *Store) SpendRecoveryCode(ctx context.Context, codes *idp.RecoveryCodes, e *idp.Enrollment) error {
	spent, err := itemOf(recoveryKey(e.UserID), codes.Version, time.Time{}, codes)
	if err != nil {
		return err
	}
	opened, err := itemOf(enrollKey(e.CookieHash), e.Version, sweepAt(e.ExpiresAt), e)
	if err != nil {
		return err
	}
	err = s.table.Transact(ctx, table.Op{Put: &spent}, table.Op{Put: &opened})
	if err == nil {
		codes.Version++
		e.Version++
	}
	return outside("spend recovery code", err)
}

// SaveRecoveryCodes creates (Version 0) or replaces a person's codes;
// ErrConflict if they changed since they were read.
func (s *Store) SaveRecoveryCodes(ctx context.Context, uid string, codes *idp.RecoveryCodes) error {
	v, err := put(ctx, s, recoveryKey(uid), codes.Version, time.Time{}, codes)
	if err == nil {
		codes.Version = v
	}
	return err
}

// RevokeDevice revokes a person's device, for the next approval and for those
// that are not finished, and ends the sessions that it approved; also of one
// that was revoked before. ErrNotFound: it is not theirs.
func (s *Store) RevokeDevice(ctx context.Context, uid, id string) (*idp.Device, error) {
	for range tries {
		d, err := s.Device(ctx, id)
		if err != nil {
			return nil, err
		}
		if d.UserID != uid {
			return nil, fmt.Errorf("device of another user: %w", ErrNotFound)
		}
		if d.State != idp.DeviceRevoked {
			d.State = idp.DeviceRevoked
			err = s.SaveDevice(ctx, d)
		}
		if errors.Is(err, ErrConflict) { // it approves at the same moment
			continue
		}
		if err != nil {
			return nil, err
		}
		_, err = s.EndSSOSessions(ctx, uid, id)
		return d, err
	}
	return nil, idp.E(idp.Busy, "device kept changing")
}
