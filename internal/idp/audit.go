package idp

// AuditEvent is one line of the audit trail (approval-protocol.md 10). It
// never holds a secret, token, code or number.
type AuditEvent struct {
	ID      string `json:"id"` // ULID
	At      Millis `json:"ts"`
	Event   string `json:"event"`
	Actor   string `json:"actor,omitempty"` // user:<id>, browser, phone, admin:<name>, system, ActorRefresh
	UserID  string `json:"uid,omitempty"`
	SID     string `json:"sid,omitempty"`
	Login   string `json:"login,omitempty"`
	SP      string `json:"sp,omitempty"`
	Device  string `json:"dev,omitempty"`
	Cred    string `json:"cred,omitempty"`
	IP      string `json:"ip,omitempty"`
	Place   string `json:"place,omitempty"`
	UA      string `json:"ua_family,omitempty"`
	Outcome string `json:"outcome,omitempty"`

	// Detail holds what only this kind of event has (assertion_id, acr, amr,
	// session_index, reason, the exact cause of a refusal).
	Detail map[string]string `json:"detail,omitempty"`
}

// ActorRefresh is whoever refreshes metadata on a schedule. In AWS it has no key:
// its events are not authenticated (docs/adr/0025-audit-chain.md).
const ActorRefresh = "refresh"

// The audit events.
const (
	AuditRequestReceived  = "authn.request.received"
	AuditRequestRejected  = "authn.request.rejected"
	AuditSessionCreated   = "login.session.created"
	AuditSessionExpired   = "login.session.expired"
	AuditSessionCancelled = "login.session.cancelled"
	AuditSessionContested = "login.session.contested"
	AuditQRScanned        = "login.qr.scanned"
	AuditScanRejected     = "login.qr.scan_rejected"
	AuditApproved         = "login.approved"
	AuditApproveFailed    = "login.approve_failed"
	AuditConsentGiven     = "login.consent_given"
	AuditConsentWithdrawn = "user.consent_withdrawn"
	AuditDenied           = "login.denied"
	AuditFinished         = "login.finished"
	AuditFinishRejected   = "login.finish_rejected"
	AuditResponseFailed   = "login.response_failed"
	AuditRateLimited      = "rate.limited"
	AuditPolicyChanged    = "policy.changed"
	AuditPolicyWeakened   = "policy.weakened"
	AuditSessionsRevoked  = "user.sessions_revoked"
	AuditUserChanged      = "user.changed"
	AuditKeyChanged       = "key.changed"
	AuditEnrollStarted    = "device.enroll_started"
	AuditEnrolled         = "device.enrolled"
	AuditDeviceRevoked    = "device.revoked"
	AuditInviteCreated    = "invite.created"
	AuditInviteOpened     = "invite.opened"
	AuditInviteUsed       = "invite.used"
	AuditInviteRevoked    = "invite.revoked"
	AuditInviteExpired    = "invite.expired"
	AuditNumberMismatch   = "login.number_mismatch"
	AuditSignInReported   = "login.reported" // "that wasn't me", on the person's own pages
	AuditStepUp           = "user.stepped_up"
	AuditDeviceRenamed    = "device.renamed"
	AuditCloneSuspect     = "device.clone_suspect"
	AuditProbationEnded   = "device.probation_ended"
	AuditMetadataApplied  = "metadata.applied"  // a refresh changed a service provider
	AuditMetadataPending  = "metadata.pending"  // a refresh found what an administrator has to approve
	AuditMetadataApproved = "metadata.approved" // and that was approved
	AuditMetadataFailed   = "metadata.refresh_failed"
	AuditMetadataExpired  = "metadata.expired" // what is in force is used past its validUntil
	AuditLogoutStarted    = "logout.started"
	AuditLogoutTold       = "logout.told"     // what an application answered
	AuditLogoutAnswered   = "logout.answered" // what the application that wanted it was told
	AuditLogoutRejected   = "logout.rejected"
	AuditAppPasswordMade  = "app_password.created"
	AuditAppPasswordEnded = "app_password.revoked"
	AuditECPFinished      = "ecp.finished"     // an app password signed a program in
	AuditECPFailed        = "ecp.auth_failed"  // a wrong one
	AuditECPRejected      = "ecp.rejected"     // a right one, and the answer is a failed status
	AuditUnreadable       = "audit.unreadable" // never written: stands for an item that is not an event
	AuditRecoveryUsed     = "recovery.code_used"
	AuditRecoveryRenewed  = "recovery.codes_regenerated"
)
