package main

import (
	"github.com/latchkey-idp/latchkey/internal/adminapi"
)

type keyCmd struct {
	List     keyListCmd     `cmd:"" help:"List the signing keys."`
	Roll     keyRollCmd     `cmd:"" help:"Publish the certificate of a new key, which does not sign yet."`
	Activate keyActivateCmd `cmd:"" help:"Let a published key sign."`
	Retire   keyRetireCmd   `cmd:"" help:"Stop publishing a key that does not sign. Cannot be undone."`
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
			rows = append(rows, []string{k.ID, k.State, when(k.NotAfter), k.Ref, k.SHA256})
		}
		p.table("ID | STATE | EXPIRES | KEY | SHA-256 OF THE CERTIFICATE", rows, "There is no signing key.")
	})
}

type keyRollCmd struct {
	Ref string `help:"KMS key ARN; in local mode the name of a key file. Default there: a new key file." placeholder:"REF"`
}

func (c *keyRollCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	key, err := client.AnnounceKey(e.ctx, c.Ref)
	if err != nil {
		return err
	}
	return e.show(key, func(p *printer) {
		p.line("Published %s (%s), beside the one that signs.", key.ID, key.SHA256)
		p.line("")
		p.line("%s", key.Certificate)
		p.line("Next: give every service provider that does not read our metadata this certificate; then")
		p.line("  latchkey key activate %s", key.ID)
		p.line("and when all of them have followed, retire the old one.")
	})
}

// keyNamed is a key by its id.
type keyNamed struct {
	ID string `arg:"" name:"id" help:"Id of the key, such as key-2."`
}

type keyActivateCmd struct{ keyNamed }

func (c *keyActivateCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	key, err := client.ActivateKey(e.ctx, c.ID)
	if err != nil {
		return err
	}
	return c.done(e, key, "signs from now on; the one before stays published")
}

type keyRetireCmd struct{ keyNamed }

func (c *keyRetireCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	key, err := client.RetireKey(e.ctx, c.ID)
	if err != nil {
		return err
	}
	return c.done(e, key, "is not published any more")
}

func (c *keyNamed) done(e *env, key adminapi.Key, what string) error {
	return e.show(key, func(p *printer) { p.line("%s %s.", key.ID, what) })
}
