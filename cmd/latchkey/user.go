package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/userfile"
)

type userCmd struct {
	Add     userAddCmd     `cmd:"" help:"Add a person."`
	Import  userImportCmd  `cmd:"" help:"Add many from a file, all or none."`
	List    userListCmd    `cmd:"" help:"List the people."`
	Disable userDisableCmd `cmd:"" help:"Stop somebody from signing in, at once and everywhere."`
	Enable  userEnableCmd  `cmd:"" help:"Let somebody sign in again."`
	Remove  userRemoveCmd  `cmd:"" help:"Remove somebody with all phones."`

	Sessions      userSessionsCmd   `cmd:"" help:"List the browsers in which somebody is signed in."`
	Activity      userActivityCmd   `cmd:"" help:"List somebody's latest sign-ins."`
	Signout       userSignoutCmd    `cmd:"" help:"Sign somebody out of all browsers, and of the applications that can be told."`
	SignoutAll    userSignoutAllCmd `cmd:"" name:"signout-all" help:"Sign everybody out."`
	RecoveryCodes userCodesCmd      `cmd:"" help:"Tell how many recovery codes somebody has left, or void them."`
}

type userAddCmd struct {
	Email       string   `help:"E-mail address." required:"" placeholder:"EMAIL"`
	GivenName   string   `help:"Given name." placeholder:"NAME"`
	FamilyName  string   `help:"Family name." placeholder:"NAME"`
	DisplayName string   `help:"Name that people see; default: both." placeholder:"NAME"`
	UPN         string   `name:"user-principal-name" help:"userPrincipalName; default: the e-mail address." placeholder:"UPN"`
	Attribute   []string `help:"Custom attribute; repeat, also for more values of one." sep:"none" placeholder:"NAME=VALUE"`
}

func (c *userAddCmd) Run(e *env) error {
	u := adminapi.NewUser{
		Email: c.Email, GivenName: c.GivenName, FamilyName: c.FamilyName, DisplayName: c.DisplayName, UPN: c.UPN,
	}
	for _, a := range c.Attribute {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return usage("--attribute %q: give NAME=VALUE", a)
		}
		if u.Attributes == nil {
			u.Attributes = map[string][]string{}
		}
		u.Attributes[name] = append(u.Attributes[name], value)
	}
	client, err := e.admin()
	if err != nil {
		return err
	}
	added, err := client.AddUser(e.ctx, u)
	if err != nil {
		return err
	}
	return e.show(added, func(p *printer) {
		p.line("Added %s (%s).", added.Display(), added.Email)
		p.line("Next: latchkey device invite --user %s", added.Email)
	})
}

type userImportCmd struct {
	File   string `arg:"" help:"FILE.csv or FILE.json. A CSV file begins with a line of column names: email, given_name, family_name, display_name, user_principal_name, disabled, attributes.NAME."`
	Update bool   `help:"Change people who are there already."`
	DryRun bool   `help:"Judge the file only."`
}

func (c *userImportCmd) Run(e *env) error {
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	rows, err := userfile.Read(c.File, f)
	if err != nil {
		return fmt.Errorf("nothing was imported: %w", err)
	}
	client, err := e.admin()
	if err != nil {
		return err
	}
	// A long file goes in parts. All are judged before the first is stored.
	parts := slices.Collect(slices.Chunk(rows, adminapi.MaxImport))
	var total adminapi.ImportAnswer
	if len(parts) > 1 || c.DryRun {
		if total, err = c.send(e, client, parts, true); err != nil {
			return err
		}
	}
	if !c.DryRun {
		if total, err = c.send(e, client, parts, false); err != nil {
			return err
		}
	}
	return e.show(total, func(p *printer) {
		verb := "Imported"
		if c.DryRun {
			verb = "Would import"
		}
		p.line("%s %s: %d new, %d changed, %d as they were.", verb, c.File, total.Created, total.Updated, total.Unchanged)
	})
}

func (c *userImportCmd) send(e *env, client *adminclient.Client, parts [][]userfile.Row, dryRun bool) (adminapi.ImportAnswer, error) {
	var total adminapi.ImportAnswer
	for _, part := range parts {
		request := adminapi.Import{Update: c.Update, DryRun: dryRun}
		for _, row := range part {
			request.Users = append(request.Users, row.User)
		}
		answer, err := client.Import(e.ctx, request)
		if err != nil {
			return total, inFile(err, c.File, part)
		}
		total.Created += answer.Created
		total.Updated += answer.Updated
		total.Unchanged += answer.Unchanged
	}
	return total, nil
}

var rowNumber = regexp.MustCompile(`(?:; )?\brow ([0-9]+): `)

// inFile names file and line where the server names the row of what was sent.
func inFile(err error, file string, part []userfile.Row) error {
	var p *adminclient.Problem
	if !errors.As(err, &p) || p.Code != idp.Invalid && p.Code != idp.Conflict {
		return err
	}
	told := rowNumber.ReplaceAllStringFunc(p.Detail, func(found string) string {
		n, err := strconv.Atoi(rowNumber.FindStringSubmatch(found)[1])
		if err != nil || n < 1 || n > len(part) {
			return found
		}
		return fmt.Sprintf("\n  %s:%d: ", file, part[n-1].Line)
	})
	return errors.New(strings.ReplaceAll(told, ": \n", ":\n"))
}

type userListCmd struct{}

func (userListCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	users, err := client.Users(e.ctx)
	if err != nil {
		return err
	}
	return e.show(users, func(p *printer) {
		var rows [][]string
		for i := range users {
			state := "active"
			if users[i].Disabled {
				state = "disabled"
			}
			rows = append(rows, []string{users[i].Email, users[i].Display(), state, users[i].ID})
		}
		p.table("E-MAIL | NAME | STATE | ID", rows, "There is nobody yet. Add somebody with: latchkey user add --email EMAIL")
	})
}

// userNamed is a person by e-mail address.
type userNamed struct {
	Email string `arg:"" name:"email" help:"Their e-mail address."`
}

// find looks the person up by e-mail address.
func (c *userNamed) find(e *env) (*adminclient.Client, adminapi.User, error) {
	client, err := e.admin()
	if err != nil {
		return nil, adminapi.User{}, err
	}
	u, err := client.UserByEmail(e.ctx, c.Email)
	return client, u, err
}

type userDisableCmd struct{ userNamed }

func (c *userDisableCmd) Run(e *env) error { return c.setDisabled(e, true) }

type userEnableCmd struct{ userNamed }

func (c *userEnableCmd) Run(e *env) error { return c.setDisabled(e, false) }

func (c *userNamed) setDisabled(e *env, disabled bool) error {
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	after, err := client.UpdateUser(e.ctx, u.ID, adminapi.UserPatch{Disabled: &disabled})
	if err != nil {
		return err
	}
	return e.show(after, func(p *printer) {
		if disabled {
			p.line("%s cannot sign in any more; all sessions were ended.", after.Email)
			return
		}
		p.line("%s can sign in again.", after.Email)
	})
}

type userRemoveCmd struct{ userNamed }

func (c *userRemoveCmd) Run(e *env) error {
	client, u, err := c.find(e)
	if err != nil {
		return err
	}
	if err := client.RemoveUser(e.ctx, u.ID); err != nil {
		return err
	}
	return e.show(map[string]string{"removed": u.ID}, func(p *printer) { p.line("Removed %s with all phones.", u.Email) })
}
