package admin

import (
	"context"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// gate is what every part of the API has: who may call, and the audit trail of
// what they change.
type gate struct {
	*web.Site
	auth Authenticator
}

// Handlers serve the routes of functions/admin.
type Handlers struct {
	gate
	Keys    *keys.Ring
	refresh *mdrefresh.Runner
	auditor *audit.Verifier
}

// New makes the handlers. A nil Authenticator admits nobody.
func New(site *web.Site, ring *keys.Ring, refresh *mdrefresh.Runner, auditor *audit.Verifier, auth Authenticator) *Handlers {
	return &Handlers{gate: gate{site, auth}, Keys: ring, refresh: refresh, auditor: auditor}
}

// Mount adds the routes.
func (h *Handlers) Mount(mux web.Mux) {
	for pattern, handler := range map[string]web.Handler{
		"GET /v1/admin/status": h.status,

		"GET /v1/admin/service-providers":           h.listSPs,
		"POST /v1/admin/service-providers":          h.createSP,
		"GET /v1/admin/service-providers/{slug}":    h.getSP,
		"PATCH /v1/admin/service-providers/{slug}":  h.patchSP,
		"DELETE /v1/admin/service-providers/{slug}": h.deleteSP,

		"GET /v1/admin/service-providers/{slug}/metadata":          h.getMetadata,
		"PATCH /v1/admin/service-providers/{slug}/metadata":        h.patchMetadata,
		"POST /v1/admin/service-providers/{slug}/metadata/refresh": h.refreshMetadata,
		"POST /v1/admin/service-providers/{slug}/metadata/approve": h.approveMetadata,

		"GET /v1/admin/release-rules":         h.listRules,
		"POST /v1/admin/release-rules":        h.saveRule,
		"DELETE /v1/admin/release-rules/{id}": h.deleteRule,

		"GET /v1/admin/users":                               h.listUsers,
		"POST /v1/admin/users":                              h.createUser,
		"POST /v1/admin/users/import":                       h.importUsers,
		"GET /v1/admin/users/{id}":                          h.getUser,
		"PATCH /v1/admin/users/{id}":                        h.patchUser,
		"DELETE /v1/admin/users/{id}":                       h.deleteUser,
		"GET /v1/admin/users/{id}/devices":                  h.listDevices,
		"PATCH /v1/admin/users/{id}/devices/{device}":       h.renameDevice,
		"POST /v1/admin/users/{id}/devices/{device}/revoke": h.revokeDevice,
		"GET /v1/admin/users/{id}/sessions":                 h.listSessions,
		"GET /v1/admin/users/{id}/activity":                 h.listSignIns,
		"GET /v1/admin/users/{id}/recovery-codes":           h.recoveryCodes,
		"DELETE /v1/admin/users/{id}/recovery-codes":        h.voidRecoveryCodes,

		"GET /v1/admin/users/{id}/app-passwords":               h.listAppPasswords,
		"POST /v1/admin/users/{id}/app-passwords":              h.createAppPassword,
		"DELETE /v1/admin/users/{id}/app-passwords/{password}": h.revokeAppPassword,

		"GET /v1/admin/invites":         h.listInvites,
		"POST /v1/admin/invites":        h.createInvite,
		"DELETE /v1/admin/invites/{id}": h.revokeInvite,

		"GET /v1/admin/keys":                h.listKeys,
		"POST /v1/admin/keys":               h.announceKey,
		"GET /v1/admin/keys/{id}":           h.getKey,
		"POST /v1/admin/keys/{id}/activate": h.activateKey,
		"POST /v1/admin/keys/{id}/confirm":  h.confirmKey,
		"POST /v1/admin/keys/{id}/restore":  h.restoreKey,
		"POST /v1/admin/keys/{id}/retire":   h.retireKey,

		"GET /v1/admin/audit":        h.audit,
		"GET /v1/admin/audit/verify": h.verifyAudit,
	} {
		mux.Handle(pattern, h.API(h.guard(handler)))
	}
}

type actorKey struct{}

// guard admits authenticated callers only, by the rules against other sites.
func (h *gate) guard(next web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if h.auth == nil {
			return idp.E(idp.Unauthorized, "no administrators are configured")
		}
		name, err := h.auth.Authenticate(r)
		if err != nil {
			return err
		}
		if name == "" {
			return idp.E(idp.Unauthorized, "the caller has no name")
		}
		if err := h.SameOriginAPI(r); err != nil {
			return err
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), actorKey{}, "admin:"+name)))
	}
}

// actor is the caller as the audit trail names it.
func actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}
