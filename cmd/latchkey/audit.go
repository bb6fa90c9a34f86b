package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/auditchain"
)

type auditCmd struct {
	List   auditListCmd   `cmd:"" default:"withargs" help:"List the events of a day."`
	Verify auditVerifyCmd `cmd:"" help:"Look for events that were altered, put in or taken out."`
}

type auditListCmd struct {
	Day   string `help:"Day (UTC). Default: today." placeholder:"YYYY-MM-DD"`
	Event string `help:"Only events of this name, such as login.approved." placeholder:"EVENT"`
	User  string `help:"Only events of this person." placeholder:"EMAIL"`
	Limit int    `help:"At most so many, the newest first; 0 for all." default:"50"`
}

func (c *auditListCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	q := adminclient.AuditQuery{Day: c.Day, Event: c.Event, Limit: c.Limit}
	if c.User != "" {
		u, err := client.UserByEmail(e.ctx, c.User)
		if err != nil {
			return err
		}
		q.User = u.ID
	}
	events, err := client.Audit(e.ctx, q)
	if err != nil {
		return err
	}
	return e.show(events, func(p *printer) {
		var rows [][]string
		for _, v := range events {
			var detail []string
			for _, name := range slices.Sorted(maps.Keys(v.Detail)) {
				detail = append(detail, name+"="+v.Detail[name])
			}
			rows = append(rows, []string{v.At.Time().Format("15:04:05"), v.Event, orDash(v.Actor), orDash(v.SP), orDash(v.UserID), strings.Join(detail, " ")})
		}
		p.table("TIME (UTC) | EVENT | BY | APPLICATION | USER | DETAIL", rows, "Nothing happened on that day.")
	})
}

type auditVerifyCmd struct {
	From string   `help:"First day (UTC). Default: a week ago." placeholder:"YYYY-MM-DD"`
	To   string   `help:"Last day (UTC). Default: today." placeholder:"YYYY-MM-DD"`
	Seal []string `help:"What an earlier verification printed; repeat." placeholder:"SEAL"`
}

// verified is what the command says.
type verified struct {
	Events    int                  `json:"events"`
	Unchained int                  `json:"unchained"`
	Problems  []auditchain.Problem `json:"problems"`
	Seals     []string             `json:"seals"`
}

func (c *auditVerifyCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	today := time.Now().UTC()
	from, err := dayOr(c.From, today.AddDate(0, 0, -7))
	if err != nil {
		return err
	}
	to, err := dayOr(c.To, today)
	if err != nil {
		return err
	}
	check := auditchain.New()
	for _, text := range c.Seal {
		s, err := auditchain.ParseSeal(text)
		if err != nil {
			return usage("%v", err)
		}
		check.Expect(s)
	}
	for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
		name := day.Format(time.DateOnly)
		events, err := client.AuditChain(e.ctx, name)
		if err != nil {
			return err
		}
		for _, v := range events {
			check.Add(name, v.AuditEvent, v.Authentic)
		}
	}
	out := verified{Events: check.Events, Unchained: check.Unchained, Problems: check.Problems(), Seals: []string{}}
	for _, s := range check.Seals() {
		if s.Day >= today.Format(time.DateOnly) { // it goes on
			continue
		}
		out.Seals = append(out.Seals, s.String())
		if len(out.Problems) == 0 {
			if err := client.SealAudit(e.ctx, s.String()); err != nil {
				return err
			}
		}
	}
	if err := e.show(out, func(p *printer) { p.verified(out) }); err != nil {
		return err
	}
	if len(out.Problems) > 0 {
		return fmt.Errorf("the audit trail is not as it was written: %d problems", len(out.Problems))
	}
	return nil
}

func (p *printer) verified(v verified) {
	p.line("%d events, %d of them in no chain (written on a schedule, or before there were chains).", v.Events, v.Unchained)
	for _, problem := range v.Problems {
		p.line("%s %s: %s", problem.Day, orDash(problem.Event), problem.What)
	}
	if len(v.Problems) == 0 && len(v.Seals) > 0 {
		p.line("Nothing was altered, put in or taken out. Keep these elsewhere, for --seal:")
		for _, s := range v.Seals {
			p.line("  %s", s)
		}
	}
}

func dayOr(text string, fallback time.Time) (time.Time, error) {
	if text == "" {
		return fallback.Truncate(24 * time.Hour), nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, usage("%q is not a date like 2026-01-31", text)
	}
	return day, nil
}
