package login

import "github.com/latchkey-idp/latchkey/internal/idp"

const (
	none = idp.State("") // before create
	same = idp.State("") // in column To: the state stays

	created   = idp.StateCreated
	scanned   = idp.StateScanned
	approved  = idp.StateApproved
	consumed  = idp.StateConsumed
	denied    = idp.StateDenied
	cancelled = idp.StateCancelled
)

// table is the table of transitions of 4.3. Who may send an event is said by
// the event's type. A rule is on(when, guard, effect): when chooses among rows
// with the same states and event, a failed guard refuses with its own error,
// and the effect may itself go with an error. Rows marked R are repeats: they
// change nothing. Rows of later milestones are added here.
var table = []row{
	// #, From, To, Event and its rule
	{"T1", in{none}, created, on[Create](nil, mayCreate, create)},
	{"T2", in{created}, same, on[ShowCode](nil, codesLeft, showCode)},
	{"T3", in{created}, same, on[ExtendQR](nil, firstExtendQR, extendQR)},
	{"T4", in{created}, scanned, on[Claim](nil, sawScreen, takeClaim)},
	{"T5", in{scanned}, same, repeat[Claim](samePhone)}, // R
	{"T6", in{scanned}, same, on[Claim](otherPhoneNear, mayTakeOver, takeOver)},
	{"T7", in{scanned}, cancelled, on[Claim](otherPhoneAway, knewScreen, contest)},
	{"T8", in{scanned}, same, on[ExtendClaim](nil, firstExtendClaim, extendClaim)},
	{"T9", in{scanned}, same, on[Approve](isMismatch, nil, noteMismatch)},
	{"T11", in{scanned}, same, on[Approve](isWrongNumber, nil, countNumber)},
	{"T9", in{scanned}, approved, on[Approve](nil, mayApprove, approve)},
	{"T10", in{scanned}, same, on[BadApprove](nil, nil, countFailure)},
	{"T12", in{approved, consumed}, same, repeat[Approve](sameApproval)}, // R
	{"T13", in{scanned}, denied, on[Deny](nil, knownReason, deny)},
	{"T14", in{denied}, same, repeat[Deny](always)}, // R
	{"T15", in{created, scanned, approved}, cancelled, on[Cancel](nil, nil, cancel)},
	{"T16", in{cancelled}, same, repeat[Cancel](always)}, // R
	{"T17", in{created, scanned}, cancelled, on[Supersede](nil, nil, supersede)},
	{"T18", in{approved}, consumed, on[Finish](nil, mayFinish, consume)},
	{"T19", in{consumed}, same, repeat[Finish](sameFinish)}, // R
	{"T20", in{created}, approved, on[Passkey](nil, mayPasskey, passkey)},
	{"T20", in{approved, consumed}, same, repeat[Passkey](samePasskey)}, // R
	{"T21", in{approved}, same, on[AskConsent](nil, firstAskConsent, askConsent)},
}
