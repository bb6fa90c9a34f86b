package main

import (
	"strconv"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

type userSessionsCmd struct{ userNamed }

func (c *userSessionsCmd) Run(e *env) error {
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	sessions, err := client.Sessions(e.ctx, u.ID)
	if err != nil {
		return err
	}
	return e.show(sessions, func(p *printer) {
		var rows [][]string
		for _, s := range sessions {
			rows = append(rows, []string{orDash(s.Browser), orDash(s.OS), orDash(s.Place), when(s.CreatedAt), when(s.LastUsedAt), when(s.ExpiresAt)})
		}
		p.table("BROWSER | SYSTEM | WHERE | SIGNED IN | LAST USED | UNTIL", rows, u.Email+" is not signed in anywhere.")
	})
}

type userActivityCmd struct {
	userNamed
	Limit int `help:"How many, the newest first." default:"20"`
}

func (c *userActivityCmd) Run(e *env) error {
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	list, err := client.SignIns(e.ctx, u.ID, c.Limit)
	if err != nil {
		return err
	}
	return e.show(list, func(p *printer) {
		var rows [][]string
		for _, s := range list {
			var notes []string
			if s.NewBrowser {
				notes = append(notes, "new browser")
			}
			if s.ReportedAt != 0 {
				notes = append(notes, "REPORTED")
			}
			rows = append(rows, []string{when(s.At), s.App, s.Browser + " on " + s.OS, orDash(s.Place), s.Device, orDash(strings.Join(notes, ", "))})
		}
		p.table("WHEN | APPLICATION | BROWSER | WHERE | PHONE | NOTES", rows, u.Email+" has not signed in lately.")
	})
}

type userSignoutCmd struct {
	userNamed
	Device string `help:"Only the sessions that this phone approved."`
}

func (c *userSignoutCmd) Run(e *env) error {
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	out, err := client.SignOut(e.ctx, u.ID, c.Device)
	if err != nil {
		return err
	}
	return e.show(out, func(p *printer) {
		if out.People == 0 {
			p.line("%s was not signed in.", u.Email)
			return
		}
		p.line("%s is signed out here.", u.Email)
		p.signedOut(out.Applications)
	})
}

type userSignoutAllCmd struct {
	Yes bool `help:"End the sessions of all people, without asking." required:""`
}

func (c *userSignoutAllCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	var all adminapi.SignedOut
	for after := ""; ; after = all.After {
		out, err := client.SignOutEverybody(e.ctx, after)
		if err != nil {
			return err
		}
		all.People += out.People
		all.Applications = append(all.Applications, out.Applications...)
		if all.After = out.After; all.After == "" {
			break
		}
	}
	return e.show(all, func(p *printer) {
		p.line("%d people were signed in, and are signed out here.", all.People)
		p.signedOut(all.Applications)
	})
}

// signedOut lists what became of the applications' own sessions.
func (p *printer) signedOut(of []adminapi.SignedOutOf) {
	var rows [][]string
	for _, a := range of {
		rows = append(rows, []string{a.Name, a.User, outcomeWords[a.Outcome]})
	}
	p.table("APPLICATION | USER | ITS OWN SESSION", rows, "No application took part.")
}

var outcomeWords = map[idp.LogoutOutcome]string{
	idp.LogoutDone: "ended", idp.LogoutFailed: "the application could not end it", idp.LogoutSilent: "no answer in time",
	idp.LogoutUntold: "goes on until it ends by itself: it can be told through a browser only", idp.LogoutLeftOpen: "could not be reached",
	idp.LogoutPending: "no answer in time", idp.LogoutAsked: "was told; it does not answer",
}

type userCodesCmd struct {
	userNamed
	Void bool `help:"Make them worthless. The person can make new ones at /me."`
}

func (c *userCodesCmd) Run(e *env) error {
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	if c.Void {
		if err := client.VoidRecoveryCodes(e.ctx, u.ID); err != nil {
			return err
		}
	}
	codes, err := client.RecoveryCodes(e.ctx, u.ID)
	if err != nil {
		return err
	}
	return e.show(codes, func(p *printer) {
		if c.Void {
			p.line("The recovery codes of %s are void. New ones can be made at /me.", u.Email)
			return
		}
		p.line("%s has %s recovery codes left, made %s.", u.Email, strconv.Itoa(codes.Left), when(codes.CreatedAt))
	})
}
