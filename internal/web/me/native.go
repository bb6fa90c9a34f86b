package me

import (
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// native is the device whose uv key signed a text.
func (h *Handlers) native(r *http.Request, text []byte, jws string) (*idp.Device, error) {
	id, err := devicekey.KeyID(jws)
	if err != nil {
		return nil, err
	}
	device, err := h.Store.Device(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		device, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := approver.Usable(device); err != nil {
		return nil, err
	}
	device.LastAH, err = devicekey.VerifyApproval(jws, text, device)
	return device, err
}

// seasoned refuses a device on probation: it lets nobody else in.
func (h *Handlers) seasoned(d *idp.Device) error {
	if approver.OnProbation(d, h.Now()) {
		return approver.ProbationError(d, "")
	}
	return nil
}
