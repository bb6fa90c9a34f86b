package signaudit

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Sign is a call of kms:Sign in CloudTrail.
type Sign struct {
	EventID, RequestID string
	At                 time.Time
	Key                string // ARN, or what the caller named
	Role               string // ARN of the role that called, else of whoever did
	Refused            string // code of the error; empty: it signed
}

// Line is a call of kms:Sign in the log of a function.
type Line struct {
	RequestID string // empty: KMS did not answer in time
	At        time.Time
}

// Kinds of findings.
const (
	Stranger = "stranger"     // somebody else called, with or without success
	Unlogged = "unlogged"     // one of our roles called, and no function says so
	Repeated = "repeated"     // two functions say that it was they
	Missing  = "not_in_trail" // a function says so, and CloudTrail does not: it is not complete
)

// Finding is something that has to be explained.
type Finding struct {
	Kind      string
	RequestID string
	At        time.Time
	Words     string
}

// Result is what a comparison says.
type Result struct {
	Signs      int // within the time
	Unanswered int // of these, matched with a call that got no answer, by their time
	Findings   []Finding
}

// near is how far apart the two times of a call may be: our line comes when we
// stop waiting, and clocks differ.
const near = 10 * time.Second

// Compare holds the calls from one time up to another against the lines. Both
// lists reach a little further, so that a call at midnight finds its line. roles
// are the ARNs of those that may sign.
func Compare(signs []Sign, lines []Line, roles []string, from, to time.Time) Result {
	signs = onceEach(signs)
	within := func(at time.Time) bool { return !at.Before(from) && at.Before(to) }
	said := map[string]int{}
	var unanswered []time.Time
	for _, l := range lines {
		if l.RequestID == "" {
			unanswered = append(unanswered, l.At)
		} else {
			said[l.RequestID]++
		}
	}
	var r Result
	find := func(kind, request string, at time.Time, words string, args ...any) {
		r.Findings = append(r.Findings, Finding{kind, request, at, fmt.Sprintf(words, args...)})
	}
	happened := map[string]bool{}
	for _, s := range signs {
		happened[s.RequestID] = true
		lines, excused := said[s.RequestID], false
		ours := slices.Contains(roles, s.Role)
		if ours && lines == 0 {
			excused = take(&unanswered, s.At)
		}
		if !within(s.At) {
			continue
		}
		r.Signs++
		switch {
		case !ours:
			find(Stranger, s.RequestID, s.At, "%s called kms:Sign%s", s.Role, refused(s))
		case excused:
			r.Unanswered++
		case lines == 0:
			find(Unlogged, s.RequestID, s.At, "%s called kms:Sign%s, and no function says so", s.Role, refused(s))
		case lines > 1:
			find(Repeated, s.RequestID, s.At, "%d lines of functions have this call", lines)
		}
	}
	for _, l := range lines {
		if l.RequestID != "" && within(l.At) && !happened[l.RequestID] {
			find(Missing, l.RequestID, l.At, "a function called kms:Sign, and CloudTrail does not have it")
		}
	}
	return r
}

// take uses up the first of some calls without an answer that was near a time.
func take(unanswered *[]time.Time, at time.Time) bool {
	i := slices.IndexFunc(*unanswered, func(l time.Time) bool { return l.Sub(at).Abs() <= near })
	if i >= 0 {
		*unanswered = slices.Delete(*unanswered, i, i+1)
	}
	return i >= 0
}

// onceEach sorts by time and drops what CloudTrail delivered twice.
func onceEach(signs []Sign) []Sign {
	out := slices.Clone(signs)
	slices.SortStableFunc(out, func(a, b Sign) int { return cmp.Or(cmp.Compare(a.EventID, b.EventID), a.At.Compare(b.At)) })
	out = slices.CompactFunc(out, func(a, b Sign) bool { return a.EventID == b.EventID })
	slices.SortStableFunc(out, func(a, b Sign) int { return a.At.Compare(b.At) })
	return out
}

func refused(s Sign) string {
	if s.Refused == "" {
		return ""
	}
	return " and was refused (" + s.Refused + ")"
}
