package idp

import "slices"

// Logout is a single logout under way: SSO sessions that ended, and the
// applications that are told (SAML Profiles 4.4). Everything in it is fixed
// when it is written; what becomes of each application is a LogoutResult of
// its own. A logout that waits for the person's word (Asks) is the exception:
// it is replaced by one that does not.
type Logout struct {
	ID     string `json:"id"`
	UserID string `json:"uid,omitempty"` // empty: nobody known
	By     string `json:"by"`            // actor, as in the audit trail

	// Browser is the SHA-256 of the secret of the browser that goes on with it;
	// empty where there is none (SOAP, an administrator).
	Browser []byte `json:"browser,omitempty"`

	Request *LogoutRequest `json:"request,omitempty"` // nil: no application asked for it
	Asks    bool           `json:"asks,omitempty"`    // the request is not signed: the person decides
	Targets []LogoutTarget `json:"targets,omitempty"` // their number in this list is their name in results

	CreatedAt Millis `json:"created_at"`
	Deadline  Millis `json:"deadline"`   // who has not answered by then is not waited for
	ExpiresAt Millis `json:"expires_at"` // the end of everything about it

	Version int64 `json:"-"`
}

// LogoutRequest is what an application asked for, and where it is answered.
type LogoutRequest struct {
	SP     string `json:"sp"`
	Name   string `json:"name"` // the application's
	ID     string `json:"request_id"`
	Issuer string `json:"idp"` // our entityID towards it

	NameID          string   `json:"name_id"`
	NameIDFormat    string   `json:"name_id_format,omitempty"`
	NameQualifier   string   `json:"name_qualifier,omitempty"`
	SPNameQualifier string   `json:"sp_name_qualifier,omitempty"`
	SessionIndexes  []string `json:"session_indexes,omitempty"`

	Binding       string `json:"binding,omitempty"` // of the answer; empty: there is nowhere to answer to
	Location      string `json:"location,omitempty"`
	RelayState    string `json:"relay_state,omitempty"`
	HasRelayState bool   `json:"has_relay_state,omitempty"`
	Async         bool   `json:"async,omitempty"` // no answer is wanted
}

// Names reports whether the request is about what p was given: the NameID with
// what qualifies it (SAML Core 2.2.2, 3.7.3.2) and, where the request names
// sessions, one of these.
func (r *LogoutRequest) Names(p *Participant) bool {
	unspecified := r.NameIDFormat == "" || r.NameIDFormat == NameIDUnspecified
	return p.SP == r.SP && p.NameID != "" && p.NameID == r.NameID &&
		(unspecified || p.NameIDFormat == r.NameIDFormat) &&
		(r.NameQualifier == "" || r.NameQualifier == p.Issuer) &&
		(r.SPNameQualifier == "" || r.SPNameQualifier == p.SP) &&
		(len(r.SessionIndexes) == 0 || slices.Contains(r.SessionIndexes, p.SessionIndex))
}

// LogoutTarget is an application that is told, with the identifiers by which it
// knows the sessions.
type LogoutTarget struct {
	Participant
	SessionIndexes []string `json:"session_indexes,omitempty"`
	Binding        string   `json:"binding,omitempty"` // by which it is told; empty: it cannot be told

	// Address of a frame that tells it, where Binding is BindingVisit.
	Address string `json:"address,omitempty"`
}

// BindingVisit is how an application is told whose protocol has no messages for
// it: the browser visits an address, and no answer comes.
const BindingVisit = "visit"

// LogoutOutcome is what became of an application.
type LogoutOutcome string

// Outcomes.
const (
	LogoutPending  LogoutOutcome = "pending"
	LogoutDone     LogoutOutcome = "done"
	LogoutFailed   LogoutOutcome = "failed"    // it answered that it could not, or only in part
	LogoutSilent   LogoutOutcome = "no_answer" // by the deadline
	LogoutUntold   LogoutOutcome = "untold"    // it has no endpoint, or none that can be used without a browser
	LogoutLeftOpen LogoutOutcome = "left_open" // it could not be reached at all
	LogoutAsked    LogoutOutcome = "asked"     // it was told in a protocol in which nobody answers
)

// LogoutResult is the outcome of one target.
type LogoutResult struct {
	Target  int           `json:"n"`
	Outcome LogoutOutcome `json:"outcome"`
	At      Millis        `json:"at"`
}

// Outcomes is what has become of each target by a time, of the results so far.
func (l *Logout) Outcomes(results []LogoutResult, now Millis) []LogoutOutcome {
	out := make([]LogoutOutcome, len(l.Targets))
	for i, t := range l.Targets {
		switch {
		case t.Binding == "":
			out[i] = LogoutUntold
		case l.Deadline.Over(now):
			out[i] = LogoutSilent
		default:
			out[i] = LogoutPending
		}
	}
	for _, r := range results {
		if r.Target >= 0 && r.Target < len(out) {
			out[r.Target] = r.Outcome
		}
	}
	return out
}
