package web

import (
	"context"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// RecordClone tells of a credential whose counter went back: somebody may hold
// a copy of the key (approval-protocol.md 6.3). It is an alert, not a refusal.
func (s *Site) RecordClone(ctx context.Context, actor string, d *idp.Device, session idp.QRSession) {
	s.Log.ErrorContext(ctx, "a passkey may have been copied", "event", "alert", "reason", idp.AuditCloneSuspect,
		"user", d.UserID, "corr_id", RecordFrom(ctx).CorrID)
	s.Record(ctx, idp.AuditEvent{
		Event: idp.AuditCloneSuspect, Actor: actor, UserID: d.UserID, SID: session.SID, Login: session.Login, SP: session.SP,
		Device: d.Name, Cred: d.ID,
	})
}

// RecordProbationEnd tells that a device is on probation no more.
func (s *Site) RecordProbationEnd(ctx context.Context, d *idp.Device) {
	s.Record(ctx, idp.AuditEvent{Event: idp.AuditProbationEnded, Actor: "system", UserID: d.UserID, Device: d.Name, Cred: d.ID})
}
