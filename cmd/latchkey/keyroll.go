package main

import (
	"context"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
)

type keyRollCmd struct {
	Ref       string        `help:"KMS key ARN, one that the deployment may sign with; on one machine the name of a key file. Default: a key that was never used; a new file." placeholder:"REF"`
	Dedicated bool          `help:"A key for single service providers, which name it with --signing-key."`
	Wait      time.Duration `help:"How long to wait for the certificate." default:"2m"`
}

func (c *keyRollCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	answer, err := client.AnnounceKey(e.ctx, adminapi.NewKey{Ref: c.Ref, Dedicated: c.Dedicated})
	if err != nil {
		return err
	}
	if answer, err = certificate(e.ctx, client, answer, c.Wait); err != nil {
		return err
	}
	return e.show(answer, func(p *printer) {
		switch k := answer.Key; k.State {
		case "requested":
			p.line("%s is requested. Its certificate is made when our metadata is fetched next;", k.ID)
			p.line("if latchkey key list does not show it in some minutes, the log of the metadata function has the cause.")
		case "dedicated":
			p.line("Made %s (%s).", k.ID, k.SHA256)
			p.line("")
			p.line("%s", k.Certificate)
			p.line("Next: give the service provider this certificate; then")
			p.line("  latchkey sp update ENTITYID --signing-key %s", k.ID)
		default:
			p.line("Published %s (%s), beside the one that signs.", k.ID, k.SHA256)
			p.line("")
			p.line("%s", k.Certificate)
			p.line("Next: give every service provider that does not read our metadata this certificate, and note it with")
			p.line("  latchkey key confirm --sp ENTITYID")
			p.line("A day later those that read it know the key; latchkey key show %s has the list. Then", k.ID)
			p.line("  latchkey key activate %s", k.ID)
			p.line("and when all of them have followed, retire the old one.")
		}
	})
}

// certificate waits for that of a requested key. The function of the metadata
// makes it, once it is asked for the metadata and has seen the request.
func certificate(ctx context.Context, client *adminclient.Client, answer adminapi.KeyAnswer, wait time.Duration) (adminapi.KeyAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for answer.Key.State == "requested" {
		if err := client.FetchMetadata(ctx); err != nil && ctx.Err() == nil {
			return answer, err
		}
		next, err := client.Key(ctx, answer.Key.ID)
		switch {
		case ctx.Err() != nil:
			return answer, nil // still requested, and said so
		case err != nil:
			return answer, err
		}
		answer = next
		if answer.Key.State == "requested" {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
	return answer, nil
}

const pause = 3 * time.Second
