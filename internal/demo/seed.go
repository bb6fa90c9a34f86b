package demo

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
)

// appName is how the sign-in page and the phone call the application.
const appName = "Orchard Travel"

func demoUser() adminapi.NewUser {
	return adminapi.NewUser{
		Email: "dana@example.com", GivenName: "Dana", FamilyName: "Novak", DisplayName: "Dana Novak",
		Attributes: map[string][]string{"groups": {"staff", "travellers"}},
	}
}

// seed does what an administrator does with the command line, and what a
// person does with a phone: adds the application and a user, invites the user,
// and sets up the phone.
func (d *Demo) seed(ctx context.Context, application *application) error {
	c, err := d.admin()
	if err != nil {
		return err
	}
	if err := addApplication(ctx, c, application); err != nil {
		return fmt.Errorf("register the demo application: %w", err)
	}
	user := demoUser()
	if _, err := c.AddUser(ctx, user); err != nil && !refused(err, idp.Conflict) {
		return fmt.Errorf("add the demo user: %w", err)
	}
	d.device, err = d.setUpPhone(ctx, c, user.Email)
	return err
}

func addApplication(ctx context.Context, c *adminclient.Client, application *application) error {
	metadata, err := application.metadata()
	if err != nil {
		return err
	}
	name := appName
	groups := []string{
		"urn:oid:0.9.2342.19200300.100.1.3|mail = email",
		"urn:oid:2.5.4.42|givenName = givenName",
		"urn:oid:2.5.4.4|sn = familyName",
		"urn:oid:2.16.840.1.113730.3.1.241|displayName = displayName",
		"groups = groups",
	}
	_, err = c.AddServiceProvider(ctx, adminapi.NewServiceProvider{
		Metadata: metadata,
		Settings: adminapi.Settings{Name: &name, Attributes: &groups, AllowUnknownAttributes: true},
	})
	if refused(err, idp.Conflict) {
		return nil // of the demo before
	}
	return err
}

func (d *Demo) setUpPhone(ctx context.Context, c *adminclient.Client, email string) (*phone.Phone, error) {
	deps := phone.Deps{HTTP: d.http, Random: d.opt.Random, Clock: d.opt.Clock}
	p, err := phone.Load(deps, d.statePath())
	if err == nil && p.Info().URL == d.IDP {
		return p, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	invite, err := c.Invite(ctx, adminapi.NewInvite{User: email})
	if err != nil {
		return nil, fmt.Errorf("invite the demo user: %w", err)
	}
	if p, err = phone.Enroll(ctx, deps, invite.URL, "Demo phone"); err != nil {
		return nil, fmt.Errorf("set up the demo phone: %w", err)
	}
	return p, p.Save(d.statePath())
}

func refused(err error, code idp.Code) bool {
	var p *adminclient.Problem
	return errors.As(err, &p) && p.Code == code
}
