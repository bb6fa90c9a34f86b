package signaudit_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/signaudit"
)

const (
	day     = 24 * time.Hour
	ours    = "arn:aws:iam::111122223333:role/id-SSOFunctionRole-1"
	another = "arn:aws:iam::111122223333:user/eve"
)

var (
	from = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	noon = from.Add(12 * time.Hour)
)

// TestCompare: S18, each use of a key has exactly one line of ours.
func TestCompare(t *testing.T) {
	sign := func(n int) signaudit.Sign {
		id := strconv.Itoa(n)
		return signaudit.Sign{EventID: "e" + id, RequestID: "r" + id, At: noon.Add(time.Duration(n) * time.Minute), Role: ours}
	}
	line := func(n int) signaudit.Line {
		return signaudit.Line{RequestID: "r" + strconv.Itoa(n), At: noon.Add(time.Duration(n)*time.Minute + 40*time.Millisecond)}
	}
	by := func(s signaudit.Sign, role, code string) signaudit.Sign { s.Role, s.Refused = role, code; return s }
	at := func(s signaudit.Sign, when time.Time) signaudit.Sign { s.At = when; return s }
	for _, c := range []struct {
		name  string
		signs []signaudit.Sign
		lines []signaudit.Line
		want  []string // kind and request
	}{
		{"S18 nothing", nil, nil, nil},
		{"S18 each has its line", []signaudit.Sign{sign(1), sign(2)}, []signaudit.Line{line(2), line(1)}, nil},
		{"S18 one extra Sign", []signaudit.Sign{sign(1), sign(2), sign(3)}, []signaudit.Line{line(1), line(3)}, []string{"unlogged r2"}},
		{"S18 a stranger", []signaudit.Sign{sign(1), by(sign(2), another, "")}, []signaudit.Line{line(1)}, []string{"stranger r2"}},
		{"S18 a stranger who was refused", []signaudit.Sign{by(sign(2), another, "AccessDenied")}, nil, []string{"stranger r2"}},
		{"S18 a stranger with a line in our log", []signaudit.Sign{by(sign(2), another, "")}, []signaudit.Line{line(2)}, []string{"stranger r2"}},
		{"S18 two lines", []signaudit.Sign{sign(1)}, []signaudit.Line{line(1), line(1)}, []string{"repeated r1"}},
		{"S18 CloudTrail lacks one", []signaudit.Sign{sign(1)}, []signaudit.Line{line(1), line(2)}, []string{"not_in_trail r2"}},
		{"S18 delivered twice", []signaudit.Sign{sign(1), sign(1)}, []signaudit.Line{line(1)}, nil},
		{"S18 throttled, with its line", []signaudit.Sign{by(sign(1), ours, "ThrottlingException")}, []signaudit.Line{line(1)}, nil},
		{"S18 no answer in time", []signaudit.Sign{sign(1)}, []signaudit.Line{{At: sign(1).At.Add(900 * time.Millisecond)}}, nil},
		{"S18 no answer excuses one", []signaudit.Sign{sign(1), at(sign(2), sign(1).At)}, []signaudit.Line{{At: sign(1).At}}, []string{"unlogged r2"}},
		{"S18 no answer excuses none at another time", []signaudit.Sign{sign(1)}, []signaudit.Line{{At: sign(1).At.Add(time.Minute)}}, []string{"unlogged r1"}},
		{"S18 no answer excuses no stranger", []signaudit.Sign{by(sign(1), another, "")}, []signaudit.Line{{At: sign(1).At}}, []string{"stranger r1"}},
		{"S18 at midnight", []signaudit.Sign{at(sign(1), from), at(sign(2), from.Add(-time.Millisecond)), at(sign(3), from.Add(day))},
			[]signaudit.Line{{"r1", from.Add(-time.Millisecond)}, {"r2", from.Add(time.Millisecond)}, {"r3", from.Add(day - time.Millisecond)}}, nil},
		{"S18 of another day", []signaudit.Sign{at(sign(1), from.Add(-time.Second)), at(sign(2), from.Add(day))}, []signaudit.Line{{"r3", from.Add(day)}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := signaudit.Compare(c.signs, c.lines, []string{ours}, from, from.Add(day))
			var got []string
			for _, f := range r.Findings {
				got = append(got, f.Kind+" "+f.RequestID)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
