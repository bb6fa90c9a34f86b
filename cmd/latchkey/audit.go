package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
)

type auditCmd struct {
	Day   string `help:"Day (UTC). Default: today." placeholder:"YYYY-MM-DD"`
	Event string `help:"Only events of this name, such as login.approved." placeholder:"EVENT"`
	User  string `help:"Only events of this person." placeholder:"EMAIL"`
	Limit int    `help:"At most so many, the newest first; 0 for all." default:"50"`
}

func (c *auditCmd) Run(e *env) error {
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
