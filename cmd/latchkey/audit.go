package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
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
	From       string   `help:"First day (UTC). Default: yesterday." placeholder:"YYYY-MM-DD"`
	To         string   `help:"Last day (UTC). Default: today." placeholder:"YYYY-MM-DD"`
	Checkpoint []string `help:"One that an earlier verification or the log of the function audit has; repeat." placeholder:"HOUR:MAC"`
}

// verified is what the command says.
type verified struct {
	Hours []adminapi.AuditHour `json:"hours"`
	Wrong int                  `json:"wrong"`
	Other []string             `json:"other_checkpoints"` // of Checkpoint, those that are not in the trail
}

func (c *auditVerifyCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	from, err := dayOr(c.From, today.AddDate(0, 0, -1))
	if err != nil {
		return err
	}
	to, err := dayOr(c.To, today)
	if err != nil {
		return err
	}
	kept, err := checkpoints(c.Checkpoint, from, to)
	if err != nil {
		return err
	}
	out := verified{Hours: []adminapi.AuditHour{}, Other: []string{}}
	for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
		hours, err := client.VerifyAudit(e.ctx, day.Format(time.DateOnly))
		if err != nil {
			return err
		}
		for _, h := range hours {
			out.Wrong += h.Wrong
			if mac, ok := kept[h.Hour]; ok && mac == h.MAC {
				delete(kept, h.Hour)
			}
		}
		out.Hours = append(out.Hours, hours...)
	}
	for _, hour := range slices.Sorted(maps.Keys(kept)) {
		out.Other = append(out.Other, hour+":"+kept[hour])
	}
	if err := e.show(out, func(p *printer) { p.verified(out) }); err != nil {
		return err
	}
	if n := out.Wrong + len(out.Other); n > 0 {
		return fmt.Errorf("the audit trail is not as it was written: %d findings", n)
	}
	return nil
}

// checkpoints reads HOUR:MAC, by hour. Each is of a day that is looked at.
func checkpoints(texts []string, from, to time.Time) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range texts {
		hour, mac, _ := strings.Cut(text, ":")
		at, err := time.Parse(idp.AuditHour, hour)
		if err != nil || mac == "" {
			return nil, usage("%q is not a checkpoint, such as 2026-01-31T12:1f0a...", text)
		}
		if at.Before(from) || !at.Before(to.AddDate(0, 0, 1)) {
			return nil, usage("the checkpoint of %s is not of a day from --from to --to", hour)
		}
		out[hour] = mac
	}
	return out, nil
}

func (p *printer) verified(v verified) {
	var rows [][]string
	keyless := 0
	for _, h := range v.Hours {
		keyless += h.Keyless
		if h.Events > 0 || h.Wrong > 0 || h.MAC != "" {
			rows = append(rows, []string{h.Hour, h.State, strconv.Itoa(h.Events), orDash(h.MAC)})
		}
	}
	p.table("HOUR (UTC) | STATE | EVENTS | CHECKPOINT", rows, "Nothing happened on these days.")
	for _, h := range v.Hours {
		for _, f := range h.Findings {
			p.line("%s  %s: %s %s", h.Hour, f.Kind, f.Words, f.Event)
		}
		if more := h.Wrong - len(h.Findings); more > 0 {
			p.line("%s  and %d more", h.Hour, more)
		}
	}
	for _, text := range v.Other {
		p.line("The trail has not the checkpoint %s.", text)
	}
	if keyless > 0 {
		p.line("%d events are by the metadata refresh, which has no key: who can write the table can write such, until the hour is closed.", keyless)
	}
	if v.Wrong == 0 && len(v.Other) == 0 {
		p.line("Nothing was altered, put in or taken out. Keep the newest checkpoint elsewhere, for --checkpoint HOUR:MAC: it stands for all before it.")
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
