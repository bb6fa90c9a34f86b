package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
)

type appPasswordCmd struct {
	Add    appPasswordAddCmd    `cmd:"" help:"Make one, for one person and one application. It is shown once."`
	List   appPasswordListCmd   `cmd:"" help:"List somebody's app passwords."`
	Revoke appPasswordRevokeCmd `cmd:"" help:"Revoke one, at once."`
}

// appPasswordOwner names whose app passwords they are.
type appPasswordOwner struct {
	User string `help:"E-mail address of the person." required:"" placeholder:"EMAIL"`
}

func (o *appPasswordOwner) find(e *env) (*adminclient.Client, adminapi.User, error) {
	client, err := e.admin()
	if err != nil {
		return nil, adminapi.User{}, err
	}
	u, err := client.UserByEmail(e.ctx, o.User)
	return client, u, err
}

type appPasswordAddCmd struct {
	appPasswordOwner
	SP      string `name:"sp" help:"The application: its entityID or short name." required:"" placeholder:"ENTITYID"`
	Name    string `help:"What it is for, as the person sees it." default:"By an administrator" placeholder:"NAME"`
	Expires string `help:"How long it lasts, 1h to 366d." default:"90d" placeholder:"DURATION"`
}

func (c *appPasswordAddCmd) Run(e *env) error {
	life, err := duration(c.Expires)
	if err != nil {
		return err
	}
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	made, err := client.AddAppPassword(e.ctx, u.ID, adminapi.NewAppPassword{SP: c.SP, Name: c.Name, Life: life.String()})
	if err != nil {
		return err
	}
	return e.show(made, func(p *printer) {
		p.line("  User name    %s", made.Username)
		p.line("  Password     %s", made.Password)
		p.line("")
		p.line("It signs programs in to %s only, until %s, and is not shown again.", made.App, when(made.ExpiresAt))
	})
}

// duration is a Go duration, or a number of days: 90d.
func duration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, usage("%q is not a duration such as 12h or 90d", s)
	}
	return d, nil
}

type appPasswordListCmd struct{ appPasswordOwner }

func (c *appPasswordListCmd) Run(e *env) error {
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	list, err := client.AppPasswords(e.ctx, u.ID)
	if err != nil {
		return err
	}
	return e.show(list, func(p *printer) {
		var rows [][]string
		for _, a := range list {
			rows = append(rows, []string{a.Name, a.App, when(a.CreatedAt), when(a.LastUsedAt), orDash(a.LastUsedPlace), when(a.ExpiresAt), a.ID})
		}
		p.table("NAME | APPLICATION | MADE | LAST USED | WHERE | UNTIL | ID", rows, u.Email+" has no app passwords.")
	})
}

type appPasswordRevokeCmd struct {
	appPasswordOwner
	ID string `arg:"" help:"Its id, as latchkey app-password list shows it."`
}

func (c *appPasswordRevokeCmd) Run(e *env) error {
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	if err := client.RevokeAppPassword(e.ctx, u.ID, c.ID); err != nil {
		return err
	}
	return e.show(map[string]string{"revoked": c.ID}, func(p *printer) {
		p.line("Revoked. Programs cannot sign in with it any more; an application may keep a session that it has.")
	})
}
