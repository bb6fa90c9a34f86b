package enroll

import (
	"context"
	"errors"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// store burns what opened the enrollment and keeps the device, both or neither.
// The same device in the same enrollment again is answered again (4.5).
func (h *Handlers) store(ctx context.Context, e *idp.Enrollment, d idp.Device) (*idp.Device, error) {
	now := h.Now()
	in := store.Enrolling{Device: &d}
	used, err := h.allowed(ctx, e, &in)
	if err != nil || used == d.ID {
		return h.again(ctx, used, err)
	}
	user, err := h.Directory.User(ctx, e.UserID)
	if err != nil {
		return nil, err
	}
	if user.Disabled {
		return nil, idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	}
	d.UserID, d.Binding, d.CreatedAt = user.ID, bindingOf(e), now
	if d.Name == "" {
		d.Name = "Phone"
	}
	// The count first: a device that appears after it makes the transaction fail.
	if in.Count, err = h.Store.Enrolled(ctx, user.ID); err != nil {
		return nil, err
	}
	if err := h.begin(ctx, &d, now); err != nil {
		return nil, err
	}
	h.burn(ctx, e, &in, now)
	err = h.Store.Enroll(ctx, in)
	if errors.Is(err, store.ErrExists) {
		return h.lost(ctx, e, d)
	}
	if err != nil {
		return nil, err
	}
	if in.Invite != nil {
		h.Record(ctx, idp.AuditEvent{Event: idp.AuditInviteUsed, Actor: "phone", UserID: user.ID, Detail: map[string]string{"invite": in.Invite.ID}})
	}
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditEnrolled, Actor: "phone", UserID: user.ID, Device: d.Name, Cred: d.ID,
		Detail: map[string]string{"binding": d.Binding, "state": d.State, "type": d.Type},
	})
	return &d, nil
}

// again answers for the device that was stored before.
func (h *Handlers) again(ctx context.Context, id string, err error) (*idp.Device, error) {
	if err != nil {
		return nil, err
	}
	return h.Store.Device(ctx, id)
}

// allowed reads what opened the enrollment. used is the device that it let in
// already; an error unless that is the one that is asked for again.
func (h *Handlers) allowed(ctx context.Context, e *idp.Enrollment, in *store.Enrolling) (used string, err error) {
	if bindingOf(e) == idp.BindingRecovery {
		in.Enrollment = e
		if e.DeviceID != "" && e.DeviceID != in.Device.ID {
			return "", idp.E(idp.EnrollExpired, "the recovery code let another device in")
		}
		return e.DeviceID, nil
	}
	inv, err := h.Store.Invite(ctx, e.TokenHash)
	if err != nil {
		return "", err
	}
	if inv.UsedAt != 0 && inv.DeviceID == in.Device.ID {
		return inv.DeviceID, nil
	}
	if !inv.Open(h.Now()) {
		return "", idp.E(idp.InviteUsed, "invite %s is used, withdrawn or too old", inv.ID)
	}
	in.Invite = inv
	if bindingOf(e) == idp.BindingDevice {
		if in.Add, err = h.Store.DeviceAdd(ctx, inv.ID); err != nil {
			return "", err
		}
	}
	return "", nil
}

// burn marks what opened the enrollment as used, and tells the old device, if
// one waits, which key it is asked to sign.
func (h *Handlers) burn(ctx context.Context, e *idp.Enrollment, in *store.Enrolling, now idp.Millis) {
	d := in.Device
	if in.Enrollment != nil {
		in.Enrollment.DeviceID = d.ID
	}
	if in.Invite != nil {
		in.Invite.UsedAt, in.Invite.DeviceID = now, d.ID
	}
	if in.Add == nil {
		return
	}
	client := idp.ClientFrom(ctx)
	in.Add.DeviceID, in.Add.Key = d.ID, thumbprint(d)
	copy(in.Add.Browser[:], e.CookieHash)
	in.Add.Context = idp.AddContext{
		V: 1, Kind: "add-device", Device: d.Kind, Place: client.Place, IP: login.CoarseIP(client.IP), RequestedAt: now.Seconds(),
	}
	if in.Add.Context.Place == "" {
		in.Add.Context.Place = login.Unknown
	}
}

// thumbprint names a new key in the text of 11.4. The id of a native device is
// that of its uv key already.
func thumbprint(d *idp.Device) string {
	if d.Type == passkey.Type {
		return passkey.Thumbprint(d)
	}
	return d.ID
}

// begin decides how the device starts: pending where an old device has to vouch
// for it, on probation after a recovery code, or if the user has another.
func (h *Handlers) begin(ctx context.Context, d *idp.Device, now idp.Millis) error {
	if d.Binding == idp.BindingDevice {
		d.State = idp.DevicePending
		return nil
	}
	devices, err := h.Store.Devices(ctx, d.UserID)
	if err != nil {
		return err
	}
	probation := d.Binding == idp.BindingRecovery
	for i := range devices {
		probation = probation || devices[i].Usable()
	}
	d.State = idp.DeviceActive
	if probation && h.Config.Probation > 0 {
		d.State, d.ProbationUntil = idp.DeviceProbation, now.Add(h.Config.Probation)
	}
	return nil
}

// lost tells why the transaction did not go through: somebody used or withdrew
// the invite first, the keys are registered already, or another write came in
// between, which is over when the call is repeated.
func (h *Handlers) lost(ctx context.Context, e *idp.Enrollment, d idp.Device) (*idp.Device, error) {
	if fresh, err := h.Store.Enrollment(ctx, e.CookieHash); err == nil {
		e = fresh
	}
	used, err := h.allowed(ctx, e, &store.Enrolling{Device: &d})
	if err != nil || used == d.ID {
		return h.again(ctx, used, err)
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
