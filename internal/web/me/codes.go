package me

import (
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// renewCodes makes eight recovery codes, which void all that were there before.
// They are shown once; only keyed hashes are kept.
func (h *Handlers) renewCodes(w http.ResponseWriter, r *http.Request) error {
	p, err := h.trusted(r, web.VerifiedFor)
	if err != nil {
		return err
	}
	former, err := h.Store.RecoveryCodes(r.Context(), p.ID)
	if err != nil {
		return err
	}
	codes := &idp.RecoveryCodes{CreatedAt: h.Now(), Version: former.Version}
	shown := make([]string, login.RecoveryCodeCount)
	for i := range shown {
		code, err := login.NewRecoveryCode(h.Random)
		if err != nil {
			return err
		}
		hash, err := h.Masters.RecoveryHash(h.Masters.Newest(), code)
		if err != nil {
			return err
		}
		shown[i] = login.DisplayCode(code)
		codes.Codes = append(codes.Codes, idp.RecoveryCode{Hash: hash, KeyVer: h.Masters.Newest()})
	}
	if err := h.Store.SaveRecoveryCodes(r.Context(), p.ID, codes); err != nil {
		return meanwhile(err)
	}
	h.audit(r, p, idp.AuditEvent{Event: idp.AuditRecoveryRenewed})
	return web.JSON(w, http.StatusCreated, map[string]any{"codes": shown})
}
