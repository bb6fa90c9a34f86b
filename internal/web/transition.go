package web

import (
	"context"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
)

// RecordTransition writes the audit event and the metric of a session's change
// of state, if it changed. Who approved and what was finished is recorded by
// the handlers that know more.
func (s *Site) RecordTransition(ctx context.Context, actor string, before, after idp.QRSession) {
	if before.State == after.State || after.SID == "" {
		return
	}
	e := idp.AuditEvent{Actor: actor, SID: after.SID, Login: after.Login, SP: after.SP, UserID: after.UserID, Outcome: string(after.State)}
	switch after.State {
	case idp.StateExpired:
		e.Event = idp.AuditSessionExpired
		s.Metrics.Count(obs.LoginExpired, nil)
	case idp.StateCancelled:
		e.Event = idp.AuditSessionCancelled
		if after.Why == idp.WhyContested {
			e.Event = idp.AuditSessionContested
		}
		e.Detail = map[string]string{"reason": after.Why}
	case idp.StateDenied:
		e.Event = idp.AuditDenied
		e.Detail = map[string]string{"reason": after.Why}
		s.Metrics.Count(obs.LoginDenied, nil)
	case idp.StateScanned:
		e.Event = idp.AuditQRScanned
	case idp.StateApproved:
		e.Event = idp.AuditApproved
		e.Device, e.Cred = after.DeviceName, after.CredentialID
		e.Detail = map[string]string{"acr": after.ACR, "amr": AMR(after.ACR)}
		s.Metrics.Count(obs.LoginApproved, nil)
	default:
		return
	}
	s.Record(ctx, e)
}

// AMR names the methods of an approval in the audit trail, by the class that it
// reached (approval-protocol.md 14).
func AMR(class string) string {
	switch class {
	case idp.ACRPHR:
		return "phr user"
	case idp.ACRPHRHW:
		return "phrh user hwk"
	}
	return "pop user mfa"
}

// Initial is what an app's monogram shows: its first letter or digit, lower
// case ASCII, or "app".
func Initial(name string) string {
	for _, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			return string(r - 'A' + 'a')
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return string(r)
		}
	}
	return "app"
}
