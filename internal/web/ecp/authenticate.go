package ecp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// wrong is an app password that does not sign this person in to this
// application, with the person whose it is, if it is anybody's.
type wrong struct{ why, owner string }

func (w *wrong) Error() string { return w.why }

// authenticate finds the app password of a request and its person. A try is
// counted for the address before it is judged, and given back if it was right.
// For the name it is counted when it was wrong: too many of those change the
// answer to the next wrong one, never to the right one, or everybody could lock
// everybody out.
func (h *Handlers) authenticate(r *http.Request, sp *idp.ServiceProvider) (*idp.AppPassword, *idp.User, error) {
	name, typed, ok := r.BasicAuth()
	if !ok {
		return nil, nil, &idp.Error{Code: idp.Unauthorized, SP: sp.EntityID, Detail: "no Basic credentials"}
	}
	ctx, address := r.Context(), ratelimit.Address(idp.ClientFrom(r.Context()).IP)
	if _, err := h.addresses.Take(ctx, address); err != nil {
		return nil, nil, err
	}
	p, user, err := h.match(ctx, sp, name, typed)
	var refused *wrong
	if errors.As(err, &refused) {
		return nil, nil, h.refuse(ctx, sp, name, refused)
	}
	if back := h.addresses.Return(ctx, address); err == nil && back != nil {
		h.Log.WarnContext(ctx, "a right try was not given back", "corr_id", web.RecordFrom(ctx).CorrID, "error", back.Error())
	}
	if err == nil {
		web.RecordFrom(ctx).User = user.ID
	}
	return p, user, err
}

// refuse answers a wrong app password.
func (h *Handlers) refuse(ctx context.Context, sp *idp.ServiceProvider, name string, why *wrong) error {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(name))))
	named := hex.EncodeToString(sum[:])
	h.Record(ctx, idp.AuditEvent{
		Event: idp.AuditECPFailed, Actor: "program", UserID: why.owner, SP: sp.EntityID,
		Detail: map[string]string{"reason": why.why, "name_sha256": named[:16]},
	})
	if _, err := h.names.Take(ctx, named); err != nil {
		return err
	}
	return &idp.Error{Code: idp.Unauthorized, Reason: idp.ECPAuthFailed, SP: sp.EntityID, Detail: why.why}
}

// match finds the app password that was typed, by what it is and not by whose:
// a guess costs the same one read whoever it is said to be of. Errors: *wrong.
func (h *Handlers) match(ctx context.Context, sp *idp.ServiceProvider, name, typed string) (*idp.AppPassword, *idp.User, error) {
	characters, err := login.ParseAppPassword(typed)
	if err != nil {
		return nil, nil, &wrong{why: "not an app password"}
	}
	p, err := h.Store.FindAppPassword(ctx, login.AppPasswordHash(characters))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil, &wrong{why: "no such app password"}
	case err != nil:
		return nil, nil, err
	case p.SP != sp.EntityID:
		return nil, nil, &wrong{"app password for another application", p.UserID}
	case p.ExpiresAt.Over(h.Now()):
		return nil, nil, &wrong{"app password has expired", p.UserID}
	}
	user, err := h.Directory.User(ctx, p.UserID)
	if idp.CodeOf(err) == idp.UserInactive {
		return nil, nil, &wrong{"the person is gone", p.UserID}
	}
	if err != nil {
		return nil, nil, err
	}
	if !strings.EqualFold(name, user.Email) && !strings.EqualFold(name, user.PrincipalName()) {
		return nil, nil, &wrong{"app password of another person", p.UserID}
	}
	return p, user, h.used(ctx, p)
}

// used notes the use, on the condition that the password was not revoked since
// it was found. Another use at the same moment notes it as well.
func (h *Handlers) used(ctx context.Context, p *idp.AppPassword) error {
	p.LastUsedAt, p.LastUsedPlace = h.Now(), idp.ClientFrom(ctx).Place
	err := h.Store.SaveAppPassword(ctx, p)
	if errors.Is(err, store.ErrConflict) {
		_, err = h.Store.AppPassword(ctx, p.UserID, p.ID)
	}
	if errors.Is(err, store.ErrNotFound) {
		return &wrong{"app password was revoked at this moment", p.UserID}
	}
	return err
}
