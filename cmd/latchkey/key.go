package main

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
)

type keyCmd struct {
	List     keyListCmd     `cmd:"" help:"List the signing keys."`
	Show     keyShowCmd     `cmd:"" help:"Show a key, and which service providers know it."`
	Roll     keyRollCmd     `cmd:"" help:"Publish the certificate of a new key, which does not sign yet."`
	Confirm  keyConfirmCmd  `cmd:"" help:"Say that a service provider has the new key."`
	Activate keyActivateCmd `cmd:"" help:"Let a published key sign. Taken back by activating the one before."`
	Retire   keyRetireCmd   `cmd:"" help:"Stop publishing a key that does not sign."`
	Restore  keyRestoreCmd  `cmd:"" help:"Publish a retired key again."`
}

type keyListCmd struct{}

func (keyListCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	keys, err := client.Keys(e.ctx)
	if err != nil {
		return err
	}
	return e.show(keys, func(p *printer) {
		var rows [][]string
		for _, k := range keys {
			rows = append(rows, []string{k.ID, k.State, when(k.NotAfter), progress(k), k.Ref, k.SHA256})
		}
		p.table("ID | STATE | EXPIRES | KNOWN BY | KEY | SHA-256 OF THE CERTIFICATE", rows, "There is no signing key.")
	})
}

// progress is how many service providers know a key, where that is a question.
func progress(k adminapi.Key) string {
	if k.Progress == nil {
		return "-"
	}
	words := fmt.Sprintf("%d of %d", k.Progress.Confirmed, k.Progress.ServiceProviders)
	if k.Progress.Fetched > 0 {
		words += fmt.Sprintf(", perhaps %d more", k.Progress.Fetched)
	}
	return words
}

// keyNamed is a key by its id.
type keyNamed struct {
	ID string `arg:"" name:"id" help:"Id of the key, such as key-2."`
}

type keyShowCmd struct{ keyNamed }

func (c *keyShowCmd) Run(e *env) error {
	return c.call(e, (*adminclient.Client).Key, func(p *printer, a adminapi.KeyAnswer) { p.key(a) })
}

func (p *printer) key(a adminapi.KeyAnswer) {
	k := a.Key
	p.line("%s is %s", k.ID, k.State)
	p.line("  Key          %s", k.Ref)
	p.line("  Announced    %s", when(k.AnnouncedAt))
	p.line("  Activated    %s", when(k.ActivatedAt))
	p.line("  Expires      %s", when(k.NotAfter))
	p.line("  SHA-256      %s", orDash(k.SHA256))
	if k.Progress != nil {
		p.line("")
		p.seen(a.ServiceProviders)
	}
	p.line("")
	p.line("%s", k.Certificate)
}

// seen lists who knows a key. "Fetched" says that somebody has read the
// service provider's metadata with it, which anybody can.
func (p *printer) seen(sps []adminapi.KeySeen) {
	var rows [][]string
	for _, sp := range sps {
		confirmed := when(sp.ConfirmedAt)
		if sp.ConfirmedBy != "" {
			confirmed += " by " + sp.ConfirmedBy
		}
		rows = append(rows, []string{sp.Slug, confirmed, when(sp.FetchedAt), sp.EntityID})
	}
	p.table("SERVICE PROVIDER | CONFIRMED | FETCHED, BY ANYBODY | ENTITYID", rows, "There is no service provider to tell.")
}

type keyConfirmCmd struct {
	ID       string `arg:"" optional:"" help:"Id of the key. Default: the one that is announced."`
	SP       string `name:"sp" required:"" help:"EntityID or short name of the service provider." placeholder:"ENTITYID"`
	Withdraw bool   `help:"It was a mistake: it does not have the key."`
}

func (c *keyConfirmCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	slug, err := client.Find(e.ctx, c.SP)
	if err != nil {
		return err
	}
	id := c.ID
	if id == "" {
		if id, err = announced(e, client); err != nil {
			return err
		}
	}
	answer, err := client.ConfirmKey(e.ctx, id, adminapi.KeyConfirmation{ServiceProvider: slug, Withdraw: c.Withdraw})
	if err != nil {
		return err
	}
	return e.show(answer, func(p *printer) {
		p.line("%s is known by %s service providers.", answer.Key.ID, progress(answer.Key))
		p.line("")
		p.seen(answer.ServiceProviders)
	})
}

// announced is the one key that service providers have to learn.
func announced(e *env, client *adminclient.Client) (string, error) {
	keys, err := client.Keys(e.ctx)
	if err != nil {
		return "", err
	}
	id := ""
	for _, k := range keys {
		switch {
		case k.Progress == nil || k.State == "active" && id != "":
		case id != "" && k.State == "next":
			return "", fmt.Errorf("%s and %s are both announced; name one of them", id, k.ID)
		default:
			id = k.ID
		}
	}
	if id == "" {
		return "", fmt.Errorf("no key is announced; publish one with: latchkey key roll")
	}
	return id, nil
}

type keyActivateCmd struct {
	keyNamed
	Force bool `help:"Also where it was announced so lately that service providers may not know it."`
}

func (c *keyActivateCmd) Run(e *env) error {
	activate := func(client *adminclient.Client, ctx context.Context, id string) (adminapi.KeyAnswer, error) {
		return client.ActivateKey(ctx, id, c.Force)
	}
	return c.call(e, activate, func(p *printer, a adminapi.KeyAnswer) {
		p.line("%s signs from now on, in every instance within a minute; the one before stays published.", a.Key.ID)
		p.unseen(a)
	})
}

// unseen warns of service providers that may not know the key.
func (p *printer) unseen(a adminapi.KeyAnswer) {
	words := map[bool]string{
		true:  "nobody has confirmed that it has the key, but somebody has fetched its metadata",
		false: "nothing shows that it has the key",
	}
	warned := false
	for _, sp := range a.ServiceProviders {
		if sp.ConfirmedAt == 0 {
			warned = true
			p.line("✗ %s (%s): %s", sp.Slug, sp.EntityID, words[sp.FetchedAt > 0])
		}
	}
	if warned {
		p.line("Where a sign-in is refused now, give that service provider the certificate (latchkey key show %s),", a.Key.ID)
		p.line("or take this back by activating the key before.")
	}
}

type keyRetireCmd struct{ keyNamed }

func (c *keyRetireCmd) Run(e *env) error {
	return c.call(e, (*adminclient.Client).RetireKey, func(p *printer, a adminapi.KeyAnswer) {
		p.line("%s is not published any more. latchkey key restore %s takes that back.", a.Key.ID, a.Key.ID)
	})
}

type keyRestoreCmd struct{ keyNamed }

func (c *keyRestoreCmd) Run(e *env) error {
	return c.call(e, (*adminclient.Client).RestoreKey, func(p *printer, a adminapi.KeyAnswer) {
		p.line("%s is %s again, as of %s.", a.Key.ID, a.Key.State, time.Unix(a.Key.AnnouncedAt, 0).UTC().Format(time.RFC3339))
	})
}

type keyCall = func(*adminclient.Client, context.Context, string) (adminapi.KeyAnswer, error)

// call does something with the key and says what came of it.
func (c *keyNamed) call(e *env, do keyCall, say func(*printer, adminapi.KeyAnswer)) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	answer, err := do(client, e.ctx, c.ID)
	if err != nil {
		return err
	}
	return e.show(answer, func(p *printer) { say(p, answer) })
}
