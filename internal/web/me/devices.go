package me

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// deviceView is a device as its owner sees it.
type deviceView struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	Kind           string `json:"kind"`
	Type           string `json:"type"`
	State          string `json:"state"` // active, probation, pending
	Synced         bool   `json:"synced"`
	Attested       bool   `json:"attested"` // its maker vouched for the model
	Suspect        bool   `json:"suspect"`  // a copy of its key may exist
	Binding        string `json:"binding"`
	AddedAt        int64  `json:"added_at"`
	LastUsedAt     int64  `json:"last_used_at,omitempty"`
	LastUsedApp    string `json:"last_used_app,omitempty"`
	LastUsedPlace  string `json:"last_used_place,omitempty"`
	ProbationUntil int64  `json:"probation_until,omitempty"`
	This           bool   `json:"this"` // it approved the session that asks
}

func (h *Handlers) devices(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	devices, err := h.Store.Devices(r.Context(), p.ID)
	if err != nil {
		return err
	}
	items := []deviceView{}
	for i := range devices {
		if d := &devices[i]; d.State != idp.DeviceRevoked {
			items = append(items, h.deviceView(d, p))
		}
	}
	return web.JSON(w, http.StatusOK, deviceList{Items: items, Accepted: h.accepted(p.User, devices)})
}

type deviceList struct {
	Items    []deviceView `json:"items"`
	Accepted *accepted    `json:"accepted"` // null: this address cannot have passkeys
}

// accepted are the passkeys that are of use here, in the form of WebAuthn Level
// 3, 5.1.10.4 (AllAcceptedCredentialsOptions): a page tells the phone, which
// stops offering the person's others. One that waits for another device is
// among them: it will be of use, and a phone may not take back what it forgot.
type accepted struct {
	RPID   string   `json:"rpId"`
	UserID string   `json:"userId"`
	IDs    []string `json:"allAcceptedCredentialIds"`
}

func (h *Handlers) accepted(u *idp.User, devices []idp.Device) *accepted {
	handle, err := idp.DecodeBase32(u.ID, 16)
	if h.RP == nil || err != nil {
		return nil
	}
	a := &accepted{RPID: h.Config.Hostname(), UserID: idp.Base64.EncodeToString(handle), IDs: []string{}}
	for i := range devices {
		if d := &devices[i]; d.State != idp.DeviceRevoked && d.Type == passkey.Type {
			a.IDs = append(a.IDs, d.ID)
		}
	}
	return a
}

func (h *Handlers) deviceView(d *idp.Device, p person) deviceView {
	v := deviceView{
		ID: d.ID, Name: d.Name, Kind: d.Kind, Type: d.Type, State: d.State, Synced: d.BackupEligible, Attested: d.Attested, Suspect: d.CloneSuspect,
		Binding: d.Binding, AddedAt: d.CreatedAt.Seconds(), LastUsedAt: d.LastUsedAt.Seconds(), LastUsedApp: d.LastUsedApp,
		LastUsedPlace: d.LastUsedPlace, This: d.ID == p.session.CredentialID,
	}
	if d.State == idp.DeviceProbation {
		if d.ProbationUntil.Over(h.Now()) {
			v.State = idp.DeviceActive
		} else {
			v.ProbationUntil = d.ProbationUntil.Seconds()
		}
	}
	return v
}

type renameBody struct {
	Name string `json:"name"`
}

func (h *Handlers) rename(w http.ResponseWriter, r *http.Request) error {
	p, err := h.who(r)
	if err != nil {
		return err
	}
	var body renameBody
	if err := web.ReadJSON(r, web.MaxJSON, true, &body); err != nil {
		return err
	}
	name := idp.CleanName(body.Name)
	if name == "" {
		return idp.E(idp.Invalid, "A device needs a name.")
	}
	for range 4 {
		d, err := h.own(r, p)
		if err != nil {
			return err
		}
		if d.ID != p.session.Device.ID { // the old names tell a stranger's device apart
			if err := h.seasoned(p.session.Device); err != nil {
				return err
			}
		}
		d.Name = name
		err = h.Store.SaveDevice(r.Context(), d)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		h.audit(r, p, idp.AuditEvent{Event: idp.AuditDeviceRenamed, Device: d.Name, Cred: d.ID})
		return web.JSON(w, http.StatusOK, h.deviceView(d, p))
	}
	return idp.E(idp.Busy, "device kept changing")
}

// own is the device of the path, if it is the person's and was not removed.
func (h *Handlers) own(r *http.Request, p person) (*idp.Device, error) {
	d, err := h.theirs(r, p)
	if err == nil && d.State == idp.DeviceRevoked {
		return nil, mine(store.ErrNotFound)
	}
	return d, err
}

// theirs is own, removed or not.
func (h *Handlers) theirs(r *http.Request, p person) (*idp.Device, error) {
	d, err := h.Store.Device(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, mine(err)
	}
	if d.UserID != p.ID {
		return nil, mine(store.ErrNotFound)
	}
	return d, nil
}

type removeBody struct {
	Confirm string `json:"confirm"`
}

// remove revokes a device. The last one wants its name typed, because nobody
// can sign in afterwards; the session that asks ends if that device approved it.
// It may be repeated: the sessions of a device that is gone are ended again.
func (h *Handlers) remove(w http.ResponseWriter, r *http.Request) error {
	p, err := h.trusted(r, web.VerifiedFor)
	if err != nil {
		return err
	}
	var body removeBody
	if err := web.ReadJSON(r, web.MaxJSON, true, &body); err != nil {
		return err
	}
	d, err := h.revoke(r, p, body.Confirm)
	if err != nil {
		return err
	}
	if _, err := h.Store.EndSSOSessions(r.Context(), p.ID, d.ID); err != nil {
		return err
	}
	if d.ID == p.session.CredentialID {
		h.ClearCookie(w, web.CookieSSO)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// revoke decides by all the person's devices, on the condition that none came
// or went meanwhile: of the last two, removed in the same moment, the second is
// the last one.
func (h *Handlers) revoke(r *http.Request, p person, confirm string) (*idp.Device, error) {
	ctx := r.Context()
	for range 4 {
		count, err := h.Store.Enrolled(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		d, err := h.theirs(r, p)
		if err != nil || d.State == idp.DeviceRevoked {
			return d, err
		}
		devices, err := h.Store.Devices(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		if last(devices, d) && !strings.EqualFold(strings.TrimSpace(confirm), d.Name) {
			return nil, idp.E(idp.LastDevice, "the last device, without its name as confirmation")
		}
		err = h.Store.RemoveDevice(ctx, d, count)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, err
		}
		h.audit(r, p, idp.AuditEvent{Event: idp.AuditDeviceRevoked, Device: d.Name, Cred: d.ID, Detail: map[string]string{"by": "owner"}})
		return d, nil
	}
	return nil, idp.E(idp.Busy, "devices kept changing")
}

// last reports whether nobody could sign in without d.
func last(devices []idp.Device, d *idp.Device) bool {
	return d.Usable() && !slices.ContainsFunc(devices, func(o idp.Device) bool { return o.ID != d.ID && o.Usable() })
}
