package main

import (
	"errors"
	"fmt"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

type spRefreshCmd struct {
	EntityID string `arg:"" optional:"" name:"entityid" help:"Its entityID or short name; without one, all of them."`
}

// refreshed is what became of one service provider.
type refreshed struct {
	Slug string `json:"slug"`
	adminapi.RefreshAnswer
}

func (c *spRefreshCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	slugs, err := c.which(e, client)
	if err != nil {
		return err
	}
	results, failed := []refreshed{}, 0
	for _, slug := range slugs {
		a, err := client.RefreshMetadata(e.ctx, slug)
		if c.EntityID == "" && errors.Is(noSource(err), errNoSource) {
			continue
		}
		if err != nil {
			return noSource(err)
		}
		if a.Result == "failed" {
			failed++
		}
		results = append(results, refreshed{slug, a})
	}
	err = e.show(results, func(p *printer) {
		if len(results) == 0 {
			p.line("No service provider has metadata that comes from an address.")
		}
		for _, r := range results {
			p.refreshed(r)
		}
	})
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d could not be refreshed", failed, len(results))
	}
	return err
}

var errNoSource = errors.New("its metadata does not come from an address: it was given as a file, or by hand")

// noSource is what "not found" means of the metadata of a service provider
// that there is.
func noSource(err error) error {
	var p *adminclient.Problem
	if errors.As(err, &p) && p.Code == idp.NotFound {
		return errNoSource
	}
	return err
}

func (c *spRefreshCmd) which(e *env, client *adminclient.Client) ([]string, error) {
	if c.EntityID != "" {
		slug, err := client.Find(e.ctx, c.EntityID)
		return []string{slug}, err
	}
	all, err := client.ServiceProviders(e.ctx)
	slugs := make([]string, len(all))
	for i, sp := range all {
		slugs[i] = sp.Slug
	}
	return slugs, err
}

func (p *printer) refreshed(r refreshed) {
	switch r.Result {
	case "applied":
		p.line("✓ %s: changed.", r.Slug)
	case "pending":
		p.line("! %s: has changed, and that waits for approval: latchkey sp diff %s", r.Slug, r.Slug)
	case "failed":
		p.line("✗ %s: %s", r.Slug, r.Metadata.Failure)
	default:
		p.line("✓ %s: %s.", r.Slug, r.Result)
	}
	p.changes(r.Changes, r.Reasons)
}

// changes shows what was before and what is after.
func (p *printer) changes(changes []idp.MetadataChange, reasons []string) {
	for _, c := range changes {
		p.line("    %s", c.What)
		if c.Before != "" {
			p.line("      - %s", c.Before)
		}
		if c.After != "" {
			p.line("      + %s", c.After)
		}
	}
	for _, r := range reasons {
		p.line("    Waits: %s", r)
	}
}

func (p *printer) metadataStatus(m adminapi.MetadataStatus) {
	p.line("  Metadata     %s (%s)", m.URL, m.Kind)
	switch {
	case m.PinnedKey != "":
		p.line("               signed by %s", m.PinnedKey)
	case m.TrustURL:
		p.line("               not verified; its address is trusted")
	default:
		p.line("               not verified")
	}
	p.line("               fetched %s, next %s", when(m.FetchedAt), when(m.NextAt))
	if m.ValidUntil != 0 {
		p.line("               valid until %s", when(m.ValidUntil))
	}
	if m.Expired {
		p.line("  Warning      this metadata has expired and is used all the same")
	}
	if m.Failure != "" {
		p.line("  Warning      not refreshed since %s: %s", when(m.FailingSince), m.Failure)
	}
	if m.Pending != nil {
		p.line("  Warning      a change waits for approval: latchkey sp diff")
	}
}

// spSource are the flags of update about where metadata comes from.
type spSource struct {
	Metadata  *string `help:"Take its metadata from this address from now on." placeholder:"URL" xor:"source"`
	MDQ       *string `name:"mdq" help:"Ask this metadata query server (MDQ) for it from now on." placeholder:"URL" xor:"source"`
	Aggregate *bool   `help:"The address is that of an aggregate, which may be large." negatable:""`
	Pinned    *string `name:"metadata-cert" help:"Its metadata must be signed with the key of this certificate (PEM); empty: it need not." placeholder:"FILE"`
	TrustURL  *bool   `name:"trust-metadata-url" help:"Apply changes that only the https address of the metadata vouches for." negatable:""`
}

// source is what to change; nil: nothing.
func (s *spSource) source() (*adminapi.MetadataPatch, error) {
	p := adminapi.MetadataPatch{URL: s.Metadata, MDQURL: s.MDQ, Aggregate: s.Aggregate, TrustMetadataURL: s.TrustURL}
	if s.Metadata != nil && !isAddress(*s.Metadata) {
		return nil, usage("--metadata of update is an address; a file is read by add only")
	}
	if s.Pinned != nil {
		text := ""
		if *s.Pinned != "" {
			pem, err := readFile(*s.Pinned)
			if err != nil {
				return nil, err
			}
			text = string(pem)
		}
		p.PinnedCertificate = &text
	}
	if p == (adminapi.MetadataPatch{}) {
		return nil, nil //nolint:nilnil // nothing to change
	}
	return &p, nil
}

type spDiffCmd struct{ spNamed }

func (c *spDiffCmd) Run(e *env) error {
	client, slug, err := c.find(e)
	if err != nil {
		return err
	}
	m, err := client.Metadata(e.ctx, slug)
	if err != nil {
		return noSource(err)
	}
	return e.show(m, func(p *printer) {
		if m.Pending == nil {
			p.line("Nothing waits for approval.")
			return
		}
		p.pending(*m.Pending)
		p.line("")
		p.line("To bring it into force: latchkey sp approve %s --change %s", c.EntityID, m.Pending.Change)
	})
}

func (p *printer) pending(m adminapi.PendingMetadata) {
	p.line("Change %s, found %s:", m.Change, when(m.FoundAt))
	p.changes(m.Changes, m.Reasons)
}

type spApproveCmd struct {
	spNamed
	Change string `help:"The change, as sp diff names it; refused if another one waits by now. Without it, the one that waits." placeholder:"ID"`
}

func (c *spApproveCmd) Run(e *env) error {
	client, slug, err := c.find(e)
	if err != nil {
		return err
	}
	change := c.Change
	if change == "" {
		m, err := client.Metadata(e.ctx, slug)
		if err != nil {
			return noSource(err)
		}
		if m.Pending == nil {
			return errors.New("nothing waits for approval")
		}
		change = m.Pending.Change
	}
	a, err := client.ApproveMetadata(e.ctx, slug, change)
	if err != nil {
		return err
	}
	return e.show(a, func(p *printer) {
		p.line("Approved:")
		p.changes(a.Changes, nil)
	})
}
