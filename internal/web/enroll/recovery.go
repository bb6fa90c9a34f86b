package enroll

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

type recoveryBody struct {
	Login string `json:"login"` // e-mail address
	Code  string `json:"code"`
}

// recovery opens the enrollment of one device by a recovery code (12.3). A wrong
// code, an unknown person and one without codes are answered alike. Tries are
// limited by address only: a code has 80 bits, and a limit by person would let
// anybody lock a person out.
func (h *Handlers) recovery(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginAPI(r); err != nil {
		return err
	}
	var body recoveryBody
	if err := web.ReadJSON(r, web.MaxJSON, false, &body); err != nil {
		return err
	}
	ctx, address := r.Context(), ratelimit.Address(idp.ClientFrom(r.Context()).IP)
	left, err := h.recovers.Take(ctx, address)
	if err != nil {
		return err
	}
	user, err := h.spend(ctx, body)
	if idp.CodeOf(err) == idp.CodeWrong {
		e := idp.AsError(err)
		e.Args = map[string]string{"n": strconv.Itoa(left)}
		return e
	}
	if err := errors.Join(err, h.recovers.Return(ctx, address)); err != nil {
		return err
	}
	event := idp.AuditEvent{Event: idp.AuditRecoveryUsed, Actor: "phone", UserID: user.ID}
	return h.open(w, r, &idp.Enrollment{UserID: user.ID, Binding: idp.BindingRecovery, ExpiresAt: h.Now().Add(recoveryLife)}, "", event)
}

// spend marks a person's code as used, exactly once; code_wrong.
func (h *Handlers) spend(ctx context.Context, body recoveryBody) (*idp.User, error) {
	wrong := idp.E(idp.CodeWrong, "no such person or code")
	characters, err := login.ParseRecoveryCode(body.Code)
	if err != nil || len(body.Login) > 320 {
		return nil, wrong
	}
	user, err := h.Store.UserByEmail(ctx, body.Login)
	if errors.Is(err, store.ErrNotFound) {
		// The same work as for a person who is there.
		user, err = &idp.User{ID: "NOBODY"}, nil
	}
	if err != nil {
		return nil, err
	}
	for range 4 {
		codes, err := h.Store.RecoveryCodes(ctx, user.ID)
		if err != nil {
			return nil, err
		}
		at, err := h.find(codes, characters)
		if err != nil {
			return nil, err
		}
		if at < 0 || user.Disabled {
			return nil, wrong
		}
		codes.Codes[at].UsedAt = h.Now()
		err = h.Store.SaveRecoveryCodes(ctx, user.ID, codes)
		if !errors.Is(err, store.ErrConflict) {
			return user, err
		}
	}
	return nil, idp.E(idp.Busy, "recovery codes kept changing")
}

// find is the place of an unused code, -1 if there is none. All are compared.
func (h *Handlers) find(codes *idp.RecoveryCodes, characters string) (at int, err error) {
	at = -1
	for i, c := range codes.Codes {
		hash, err := h.Masters.RecoveryHash(c.KeyVer, characters)
		if err != nil {
			return -1, err
		}
		if idp.Equal(hash, c.Hash) && c.UsedAt == 0 {
			at = i
		}
	}
	return at, nil
}
