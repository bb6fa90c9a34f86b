package enroll

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// store burns the invite and keeps the device, both or neither. The same
// device in the same enrollment again is answered again (4.5).
func (h *Handlers) store(ctx context.Context, e *idp.Enrollment, d idp.Device, name, kind string) (*idp.Device, error) {
	inv, err := h.Store.Invite(ctx, e.TokenHash)
	if err != nil {
		return nil, err
	}
	if inv.UsedAt != 0 && inv.DeviceID == d.ID {
		return h.Store.Device(ctx, d.ID)
	}
	now := h.Now()
	if !inv.Open(now) {
		return nil, idp.E(idp.InviteUsed, "invite %s is used, withdrawn or too old", inv.ID)
	}
	user, err := h.Directory.User(ctx, e.UserID)
	if err != nil {
		return nil, err
	}
	if user.Disabled {
		return nil, idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	}
	d.UserID, d.Name, d.Kind, d.Binding, d.CreatedAt = user.ID, name, kind, "invite", now
	if d.Name == "" {
		d.Name = "Phone"
	}
	if err := h.begin(ctx, &d, now); err != nil {
		return nil, err
	}
	inv.UsedAt, inv.DeviceID = now, d.ID
	err = h.Store.Enroll(ctx, &d, inv)
	if errors.Is(err, store.ErrExists) {
		return h.lost(ctx, e, d)
	}
	if err != nil {
		return nil, err
	}
	h.Record(ctx, idp.AuditEvent{Event: idp.AuditInviteUsed, Actor: "phone", UserID: user.ID, Detail: map[string]string{"invite": inv.ID}})
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditEnrolled, Actor: "phone", UserID: user.ID, Device: d.Name, Cred: d.ID,
		Detail: map[string]string{"binding": d.Binding, "state": d.State, "type": d.Type},
	})
	return &d, nil
}

// begin decides how the device starts: on probation if the user has another.
func (h *Handlers) begin(ctx context.Context, d *idp.Device, now idp.Millis) error {
	devices, err := h.Store.Devices(ctx, d.UserID)
	if err != nil {
		return err
	}
	d.State = idp.DeviceActive
	for i := range devices {
		if devices[i].Usable() && h.Config.Probation > 0 {
			d.State, d.ProbationUntil = idp.DeviceProbation, now.Add(h.Config.Probation)
		}
	}
	return nil
}

// lost tells why the transaction did not go through: somebody used or withdrew
// the invite first, the keys are registered already, or another write came in
// between, which is over when the call is repeated.
func (h *Handlers) lost(ctx context.Context, e *idp.Enrollment, d idp.Device) (*idp.Device, error) {
	inv, err := h.Store.Invite(ctx, e.TokenHash)
	if err != nil {
		return nil, err
	}
	switch {
	case inv.UsedAt != 0 && inv.DeviceID == d.ID:
		return h.Store.Device(ctx, d.ID)
	case !inv.Open(h.Now()):
		return nil, idp.E(idp.InviteUsed, "invite %s was used or withdrawn meanwhile", inv.ID)
	}
	for _, registered := range []func() (*idp.Device, error){
		func() (*idp.Device, error) { return h.Store.Device(ctx, d.ID) },
		func() (*idp.Device, error) { return h.Store.DeviceOfPopKey(ctx, d.PopKeyID) },
	} {
		if _, err := registered(); err == nil {
			return nil, idp.E(idp.AlreadyRegistered, "credential is registered")
		} else if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return nil, idp.E(idp.Busy, "enrollment met another write")
}

// cleanName is a device's name as it may be shown: up to 40 printable
// characters.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if runes := []rune(s); len(runes) > 40 {
		s = string(runes[:40])
	}
	return s
}
