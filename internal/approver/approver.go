// Package approver makes the checks of an approval that have nothing to do with
// how it is signed (approval-protocol.md 6.6, steps 5, 6 and 8): is the person
// active, the right one, and allowed to use the application; does the approval
// reach the level that the request demands; and the note on the credential.
//
// It is used for approvals by a phone and for passkeys in the browser that
// signs in.
package approver

import (
	"context"
	"errors"

	"github.com/latchkey-idp/latchkey/internal/directory"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// Approver makes the checks.
type Approver struct {
	Store     *store.Store
	Directory directory.Directory
	Pairwise  []byte // key of generated NameIDs, to recognize a Subject by
	Clock     idp.Clock
}

// Usable refuses a credential that is unknown or may not approve.
func Usable(d *idp.Device) error {
	switch {
	case d == nil:
		return idp.E(idp.CredentialUnknown, "no credential has this id")
	case d.State == idp.DevicePending:
		return idp.E(idp.CredentialUnknown, "credential waits for an old device's word")
	case !d.Usable():
		return idp.E(idp.CredentialRevoked, "credential is %s", d.State)
	}
	return nil
}

// May returns the person of the credential if they may approve this session.
func (a Approver) May(ctx context.Context, s idp.QRSession, facts store.Facts) (*idp.User, error) {
	user, err := a.Directory.User(ctx, facts.Device.UserID)
	if err != nil {
		return nil, err
	}
	sp := facts.SP
	switch {
	case user.Disabled:
		return nil, idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	case sp == nil || sp.Disabled || sp.Draft:
		return nil, idp.E(idp.AppDisabled, "service provider is gone or switched off")
	case !sp.Admits(user):
		return nil, &idp.Error{Code: idp.AppNotAssigned, Detail: "user " + user.ID, Args: map[string]string{"app": sp.Name}}
	}
	if err := a.isSubject(ctx, s, sp, user); err != nil {
		return nil, err
	}
	return user, a.trusted(facts.Device, sp)
}

// trusted refuses a device on probation where the application does.
func (a Approver) trusted(d *idp.Device, sp *idp.ServiceProvider) error {
	if sp.RefuseProbation && OnProbation(d, a.Clock.Now()) {
		return ProbationError(d, sp.Name)
	}
	return nil
}

// ProbationError refuses what a device on probation may not do.
func ProbationError(d *idp.Device, app string) error {
	return &idp.Error{Code: idp.Probation, Detail: "device is on probation", Args: map[string]string{
		"app": app, "time": d.ProbationUntil.Time().Format("2006-01-02 15:04 UTC"),
	}}
}

// OnProbation reports whether a device is still on probation (11.1).
func OnProbation(d *idp.Device, now idp.Millis) bool {
	return d.State == idp.DeviceProbation && !d.ProbationUntil.Over(now)
}

// isSubject: where the request names a Subject, nobody else may approve it.
func (a Approver) isSubject(ctx context.Context, s idp.QRSession, sp *idp.ServiceProvider, user *idp.User) error {
	if !s.HasSubject {
		return nil
	}
	l, err := a.Store.Login(ctx, s.Login)
	if errors.Is(err, store.ErrNotFound) {
		return idp.E(idp.LoginExpired, "login is gone")
	}
	if err != nil {
		return err
	}
	if !response.SubjectMatches(sp, l, user, a.Pairwise, s.SID) {
		return idp.E(idp.UserMismatch, "user %s is not the Subject of the request", user.ID)
	}
	return nil
}

// Reaches refuses a level that does not answer the request, or is below what the
// application demands, and says what would do: a passkey, or a stronger one.
// Where neither would, the level is above what was asked for (Comparison
// "maximum"), which the application has to mend if it demands that level, too.
func Reaches(level int, sp *idp.ServiceProvider, l *idp.Login) error {
	enough := func(level int) bool {
		_, ok := acr.Resolve(sp, l.ACRRequest, l.ACRComparison, level)
		return ok && level >= acr.Demanded(sp)
	}
	switch {
	case enough(level):
		return nil
	case level < acr.LevelPHR:
		return idp.E(idp.PolicyPasskeyRequired, "level %d does not meet the request", level)
	case level < acr.LevelPHRHW && enough(acr.LevelPHRHW):
		return idp.E(idp.DeviceNotStrongEnough, "level %d does not meet the request", level)
	}
	return idp.E(idp.SAMLRefused, "level %d is above what the request allows, %s of %v", level, l.ACRComparison, l.ACRRequest)
}

// Used notes the approval on the credential, on the condition that it has not
// changed since it was found active; store.ErrConflict if it has. The first use
// after probation ends it; ended says so.
func (a Approver) Used(ctx context.Context, d *idp.Device, app string, ah []byte) (ended bool, err error) {
	ended = a.Note(ctx, d, app, ah)
	return ended, a.Store.SaveDevice(ctx, d)
}

// Note is Used without the write, for a caller that writes more with it.
func (a Approver) Note(ctx context.Context, d *idp.Device, app string, ah []byte) (ended bool) {
	now := a.Clock.Now()
	d.LastUsedAt, d.LastUsedApp, d.LastUsedPlace, d.LastAH = now, app, idp.ClientFrom(ctx).Place, ah
	if ended = d.State == idp.DeviceProbation && !OnProbation(d, now); ended {
		d.State, d.ProbationUntil = idp.DeviceActive, 0
	}
	return ended
}

// Suspect notes on the credential that its counter went back (6.3), whatever
// becomes of the approval, so that a copy cannot hide behind the original.
func (a Approver) Suspect(ctx context.Context, d *idp.Device) error {
	d.CloneSuspect = true
	return a.Store.SaveDevice(ctx, d)
}

// Ours reports whether an error is a failure on our side, which is not the
// approval's fault and not counted against it.
func Ours(err error) bool {
	code := idp.CodeOf(err)
	return code == idp.Busy || code == idp.Internal
}
