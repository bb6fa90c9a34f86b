package admin

import (
	"context"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/web"
)

func (h *Handlers) listDevices(w http.ResponseWriter, r *http.Request) error {
	u, err := h.user(r)
	if err != nil {
		return err
	}
	devices, err := h.Store.Devices(r.Context(), u.ID)
	if err != nil {
		return err
	}
	page := adminapi.Page[adminapi.Device]{Items: []adminapi.Device{}}
	for i := range devices {
		page.Items = append(page.Items, adminapi.DeviceOf(&devices[i]))
	}
	return web.JSON(w, http.StatusOK, page)
}

func (h *Handlers) revokeDevice(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	u, err := h.user(r)
	if err != nil {
		return err
	}
	d, err := h.deviceOf(ctx, u, r.PathValue("device"))
	if err != nil {
		return err
	}
	event := idp.AuditEvent{Event: idp.AuditDeviceRevoked, UserID: u.ID, Device: d.Name, Cred: d.ID}
	if err := h.change(ctx, event, func() error {
		_, err := h.Store.RevokeDevice(ctx, u.ID, d.ID)
		return err
	}); err != nil {
		return err
	}
	return noContent(w)
}

func (h *Handlers) renameDevice(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.DevicePatch
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	name := idp.CleanName(req.Name)
	if name == "" {
		return invalid("name is missing: give up to 40 printable characters")
	}
	u, err := h.user(r)
	if err != nil {
		return err
	}
	d, err := h.deviceOf(ctx, u, r.PathValue("device"))
	if err != nil {
		return err
	}
	event := idp.AuditEvent{Event: idp.AuditDeviceRenamed, UserID: u.ID, Device: name, Cred: d.ID, Detail: map[string]string{}}
	recordValues(&event, map[string]any{"name": d.Name}, map[string]any{"name": name}, []string{"name"})
	d.Name = name
	if err := h.change(ctx, event, func() error { return h.Store.SaveDevice(ctx, d) }); err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, adminapi.DeviceOf(d))
}

// deviceOf reads a device if it is u's; a device of somebody else is answered
// like one that does not exist.
func (h *Handlers) deviceOf(ctx context.Context, u *idp.User, id string) (*idp.Device, error) {
	d, err := h.Store.Device(ctx, id)
	if err != nil {
		return nil, told(err)
	}
	if d.UserID != u.ID {
		return nil, notFound("device of another user")
	}
	return d, nil
}
