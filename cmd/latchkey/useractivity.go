package main

import (
	"strconv"
	"strings"
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

type userSignoutCmd struct{ userNamed }

func (c *userSignoutCmd) Run(e *env) error {
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	if err := client.SignOut(e.ctx, u.ID); err != nil {
		return err
	}
	return e.show(map[string]string{"signed_out": u.ID}, func(p *printer) {
		p.line("%s is signed out of all browsers here. Applications keep their own sessions until those end.", u.Email)
	})
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
