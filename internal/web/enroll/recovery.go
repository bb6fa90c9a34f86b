package enroll

import (
	"context"
	"errors"
	"net/http"
	"slices"
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
// anybody lock a person out (docs/adr/0013).
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
	var opened *opening
	for range 4 {
		if opened, err = h.spend(r, body); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		return idp.E(idp.Busy, "recovery codes kept changing")
	case idp.CodeOf(err) == idp.CodeWrong:
		return &idp.Error{Code: idp.CodeWrong, Detail: idp.AsError(err).Detail, Args: map[string]string{"n": strconv.Itoa(left)}}
	case err != nil:
		return err
	}
	h.giveBack(ctx, h.recovers, address)
	return h.opened(w, r, opened, "", idp.AuditEvent{Event: idp.AuditRecoveryUsed, Actor: "phone", UserID: opened.user.ID})
}

// spend marks a person's code as used and opens an enrollment, exactly once.
// Errors: code_wrong; store.ErrConflict when another use came in between.
func (h *Handlers) spend(r *http.Request, body recoveryBody) (*opening, error) {
	ctx := r.Context()
	characters, err := login.ParseRecoveryCode(body.Code)
	if err != nil || len(body.Login) > 320 {
		return nil, idp.E(idp.CodeWrong, "not a code, or not an address")
	}
	user, err := h.recovering(ctx, body.Login)
	if err != nil {
		return nil, err
	}
	codes, err := h.Store.RecoveryCodes(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	at, err := h.find(codes, characters)
	if err != nil {
		return nil, err
	}
	if at < 0 || user.Disabled {
		return nil, idp.E(idp.CodeWrong, "no such person or code")
	}
	o, err := h.prepare(ctx, &idp.Enrollment{UserID: user.ID, Binding: idp.BindingRecovery, ExpiresAt: h.Now().Add(recoveryLife)})
	if err != nil {
		return nil, err
	}
	codes.Codes[at].UsedAt = h.Now()
	return o, h.Store.SpendRecoveryCode(ctx, codes, o.Enrollment)
}

// recovering is the person of an address; nobody, who has no codes, after the
// same reads where there is none.
func (h *Handlers) recovering(ctx context.Context, address string) (*idp.User, error) {
	user, err := h.Store.UserByEmail(ctx, address)
	if !errors.Is(err, store.ErrNotFound) {
		return user, err
	}
	nobody := &idp.User{ID: "NOBODY"}
	if _, err := h.Store.User(ctx, nobody.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return nobody, nil
}

// find is the place of an unused code, -1 if there is none. All are compared,
// and as many where there are none.
func (h *Handlers) find(codes *idp.RecoveryCodes, characters string) (at int, err error) {
	stored := codes.Codes
	if len(stored) == 0 {
		stored = slices.Repeat([]idp.RecoveryCode{{KeyVer: h.Masters.Newest()}}, login.RecoveryCodeCount)
	}
	at = -1
	for i, c := range stored {
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
