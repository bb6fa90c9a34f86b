package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/qr"
)

type deviceCmd struct {
	Invite deviceInviteCmd `cmd:"" help:"Make a one-time link with which somebody sets up a phone."`
	List   deviceListCmd   `cmd:"" help:"List somebody's phones."`
	Rename deviceRenameCmd `cmd:"" help:"Give a phone another name."`
	Revoke deviceRevokeCmd `cmd:"" help:"Revoke a phone, and end the sessions that it approved."`
}

type deviceInviteCmd struct {
	User   string        `help:"E-mail address of the person." required:"" placeholder:"EMAIL"`
	Life   time.Duration `help:"How long the link can be used, 10m to 168h." placeholder:"DURATION"`
	Policy string        `help:"What the phone's key must prove: none; known (a model that the deployment lists); device_bound (it cannot leave the device). Default: the deployment's setting." enum:",none,known,device_bound" default:"" placeholder:"POLICY"`
	NoQR   bool          `name:"no-qr" help:"Print the link only."`
}

func (c *deviceInviteCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	request := adminapi.NewInvite{User: c.User, Policy: c.Policy}
	if c.Life != 0 {
		request.Life = c.Life.String()
	}
	invite, err := client.Invite(e.ctx, request)
	if err != nil {
		return err
	}
	return e.show(invite, func(p *printer) {
		if code, err := qr.Encode(invite.URL); err == nil && !c.NoQR {
			p.line("%s", strings.TrimRight(code.Terminal(), "\n"))
			p.line("")
		}
		p.line("%s", invite.URL)
		p.line("")
		p.line("Hand this link to %s in person or on a safe channel: whoever opens it first sets up the phone.", c.User)
		p.line("It works once, until %s, and is not shown again.", when(invite.ExpiresAt))
		p.line("With a software phone: latchkey phone enroll --link '%s' --state phone.json", invite.URL)
	})
}

type deviceListCmd struct {
	User string `help:"E-mail address of the person." required:"" placeholder:"EMAIL"`
}

func (c *deviceListCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	u, err := client.UserByEmail(e.ctx, c.User)
	if err != nil {
		return err
	}
	devices, err := client.Devices(e.ctx, u.ID)
	if err != nil {
		return err
	}
	return e.show(devices, func(p *printer) {
		var rows [][]string
		for _, d := range devices {
			rows = append(rows, []string{d.Name, orDash(d.Kind), d.State, keyOf(d), when(d.CreatedAt), when(d.LastUsedAt), orDash(d.LastUsedPlace), d.ID})
		}
		p.table("NAME | KIND | STATE | KEY | SET UP | LAST USED | WHERE | ID", rows,
			fmt.Sprintf("%s has no phone yet. Invite them with: latchkey device invite --user %s", u.Email, u.Email))
	})
}

// keyOf says in a word or two what is known of a phone's key.
func keyOf(d adminapi.Device) string {
	word := "device-bound"
	switch {
	case d.Type == devicekey.Type:
		word = "native"
	case d.Synced:
		word = "synced"
	}
	if d.Attested {
		word += ", attested"
	}
	if d.Suspect {
		word += ", maybe copied"
	}
	return word
}

type deviceRenameCmd struct {
	Device string `arg:"" help:"Id of the phone, as latchkey device list shows it."`
	User   string `help:"E-mail address of the person." required:"" placeholder:"EMAIL"`
	Name   string `help:"The new name." required:""`
}

func (c *deviceRenameCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	u, err := client.UserByEmail(e.ctx, c.User)
	if err != nil {
		return err
	}
	d, err := client.RenameDevice(e.ctx, u.ID, c.Device, c.Name)
	if err != nil {
		return err
	}
	return e.show(d, func(p *printer) { p.line("The phone is called %s now.", d.Name) })
}

type deviceRevokeCmd struct {
	Device string `arg:"" help:"Id of the phone, as latchkey device list shows it."`
	User   string `help:"E-mail address of the person." required:"" placeholder:"EMAIL"`
}

func (c *deviceRevokeCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	u, err := client.UserByEmail(e.ctx, c.User)
	if err != nil {
		return err
	}
	// First, as a session that ends with its phone leaves nobody to tell.
	out, told := client.SignOut(e.ctx, u.ID, c.Device)
	if err := client.RevokeDevice(e.ctx, u.ID, c.Device); err != nil {
		return err
	}
	return e.show(map[string]string{"revoked": c.Device}, func(p *printer) {
		p.line("Revoked. The phone cannot approve any more, and the sessions that it approved were ended.")
		if told != nil {
			p.line("The applications could not be told: %v", told)
		}
		if out.People > 0 {
			p.signedOut(out.Applications)
		}
	})
}
