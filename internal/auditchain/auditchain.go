// Package auditchain looks for what was done to the audit trail afterwards
// (security-requirements.md AD10).
//
// Every process that writes events has a chain of its own, since one chain for
// all would make every sign-in wait for every other. An event carries the name of
// its chain, its number, the MAC of the event before, and a MAC of all that, under
// a key which only our functions have. So whoever can write the table, but has
// not the key, cannot alter an event, put one in, change the order, or take one
// out of the middle.
//
// What the chains alone do not show is that the end of a chain, or a whole one,
// is missing: nobody knows when a process has written its last event. A seal
// shows that. It is an event that says how many events a day had, and their
// digest, when somebody verified it; and that person can keep it elsewhere.
//
// Invariant: pure. Whether an event's MAC is right is for the caller to say.
package auditchain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Problem is something that should not be.
type Problem struct {
	Event string `json:"event"` // id of the event at which it shows; empty: of a day
	Day   string `json:"day"`
	What  string `json:"what"`
}

// Seal says how much there was of a day, up to an event.
type Seal struct {
	Day    string // UTC, 2026-01-31
	Events int    // chained ones
	Digest string // SHA-256 over their MACs, hexadecimal
}

// String is the seal in one line, to be kept elsewhere.
func (s Seal) String() string { return fmt.Sprintf("%s:%d:%s", s.Day, s.Events, s.Digest) }

// ParseSeal reads what String wrote.
func ParseSeal(text string) (s Seal, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 || len(parts[2]) != hex.EncodedLen(sha256.Size) {
		return s, fmt.Errorf("%q is not a seal, DAY:EVENTS:DIGEST", text)
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || n < 0 {
		return s, fmt.Errorf("%q is not a seal: %q is no number of events", text, parts[1])
	}
	return Seal{parts[0], n, parts[2]}, nil
}

// Detail is the seal as an event of the trail keeps it.
func (s Seal) Detail() map[string]string { return map[string]string{"seal": s.String()} }

// Checker takes the events of one day after the other, in the order of their ids.
type Checker struct {
	heads    map[string]idp.AuditEvent // last event of each chain
	days     map[string][][sha256.Size]byte
	first    string // day
	order    []string
	seals    []Seal
	problems []Problem

	Events    int // all
	Unchained int // written without a key: on a schedule, or before there were chains
}

// New begins with nothing.
func New() *Checker {
	return &Checker{heads: map[string]idp.AuditEvent{}, days: map[string][][sha256.Size]byte{}}
}

// Add judges one event of a day. authentic: its MAC is right.
func (c *Checker) Add(day string, e idp.AuditEvent, authentic bool) {
	if c.first == "" {
		c.first = day
	}
	if _, known := c.days[day]; !known {
		c.days[day] = nil
		c.order = append(c.order, day)
	}
	c.Events++
	wrong := func(what string, args ...any) {
		c.problems = append(c.problems, Problem{Event: e.ID, Day: day, What: fmt.Sprintf(what, args...)})
	}
	if e.Chain == "" && e.MAC == "" {
		c.Unchained++
		if len(c.heads) > 0 && !strings.HasPrefix(e.Event, "metadata.") {
			wrong("%s is in no chain: it was put in, or its chain was removed", e.Event)
		}
		return
	}
	if !authentic {
		wrong("%s was altered, or was not written by us", e.Event)
		return
	}
	c.link(day, e, wrong)
	c.tally(day, e)
	if e.Event == idp.AuditSealed {
		if s, err := ParseSeal(e.Detail["seal"]); err == nil {
			c.seals = append(c.seals, s)
		}
	}
}

// link compares an event with the one before in its chain.
func (c *Checker) link(day string, e idp.AuditEvent, wrong func(string, ...any)) {
	before, known := c.heads[e.Chain]
	switch {
	case !known && e.Seq == 1 && e.Prev == "":
	case !known && day == c.first: // it goes on from the day before, which is not looked at
	case !known:
		wrong("%d events of its chain are missing before it", e.Seq-1)
	case e.Seq <= before.Seq:
		wrong("it is out of order: number %d after %d", e.Seq, before.Seq)
		return
	case e.Seq > before.Seq+1:
		wrong("%d events of its chain are missing before it", e.Seq-before.Seq-1)
	case e.Prev != before.MAC:
		wrong("it does not name the event before")
	}
	c.heads[e.Chain] = e
}

func (c *Checker) tally(day string, e idp.AuditEvent) {
	all := c.days[day]
	var last [sha256.Size]byte
	if len(all) > 0 {
		last = all[len(all)-1]
	}
	c.days[day] = append(all, sha256.Sum256(append(last[:], e.MAC...)))
}

// Expect has the trail compared with a seal that was kept elsewhere.
func (c *Checker) Expect(s Seal) { c.seals = append(c.seals, s) }

// Seals are those of the days that were looked at, as they are now.
func (c *Checker) Seals() []Seal {
	var out []Seal
	for _, day := range c.order {
		if all := c.days[day]; len(all) > 0 {
			last := all[len(all)-1]
			out = append(out, Seal{day, len(all), hex.EncodeToString(last[:])})
		}
	}
	return out
}

// Problems are all that was found, those of the seals last.
func (c *Checker) Problems() []Problem {
	out := c.problems
	for _, s := range c.seals {
		all, looked := c.days[s.Day]
		switch {
		case !looked && s.Day < c.first, s.Events == 0: // not looked at
		case len(all) < s.Events:
			out = append(out, Problem{Day: s.Day, What: fmt.Sprintf("%d events, but there were %d when it was sealed", len(all), s.Events)})
		case hex.EncodeToString(all[s.Events-1][:]) != s.Digest:
			out = append(out, Problem{Day: s.Day, What: "the events are not those that were there when it was sealed"})
		}
	}
	return out
}
