package main

import (
	"fmt"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
)

const maxSkew = 30 * time.Second

type doctorCmd struct {
	SP string `name:"sp" help:"Look at one service provider only." placeholder:"ENTITYID"`
}

// report is what doctor has found.
type report struct {
	Status   adminapi.Status    `json:"status"`
	SkewMS   int64              `json:"clock_skew_ms"` // how far the server's clock is ahead of ours
	Warnings []adminapi.Warning `json:"warnings"`
}

func (c *doctorCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	r, err := c.examine(e, client)
	if err != nil {
		return err
	}
	err = e.show(r, func(p *printer) { p.report(client.URL(), r) })
	if err == nil && len(r.Warnings) > 0 {
		err = fmt.Errorf("%d of the checks found something", len(r.Warnings))
	}
	return err
}

func (c *doctorCmd) examine(e *env, client *adminclient.Client) (report, error) {
	slug, entityID := "", ""
	if c.SP != "" {
		var err error
		if slug, err = client.Find(e.ctx, c.SP); err != nil {
			return report{}, err
		}
		answer, err := client.ServiceProvider(e.ctx, slug)
		if err != nil {
			return report{}, err
		}
		entityID = answer.ServiceProvider.EntityID
	}
	sent := time.Now()
	status, err := client.Status(e.ctx)
	if err != nil {
		return report{}, err
	}
	ours := sent.Add(time.Since(sent) / 2)
	r := report{Status: status, SkewMS: status.ServerTime.Time().Sub(ours).Milliseconds(), Warnings: []adminapi.Warning{}}
	for _, w := range status.Warnings {
		if c.SP == "" || w.Subject == slug || w.Subject == entityID {
			r.Warnings = append(r.Warnings, w)
		}
	}
	if skew := time.Duration(r.SkewMS) * time.Millisecond; skew.Abs() > maxSkew {
		r.Warnings = append(r.Warnings, adminapi.Warning{Code: "clock.skew", Subject: client.URL(),
			Text: fmt.Sprintf("the server's clock and that of this machine differ by %s; signatures and codes depend on the time", skew.Round(time.Second))})
	}
	if status.PublicURL != client.URL() {
		r.Warnings = append(r.Warnings, adminapi.Warning{Code: "url", Subject: client.URL(),
			Text: "the server knows itself as " + status.PublicURL + "; browsers and phones must use that address"})
	}
	return r, nil
}

func (p *printer) report(url string, r report) {
	s := r.Status
	p.line("✓ %s answers: Latchkey %s, %q", url, s.Version, s.DisplayName)
	p.line("  entityID   %s", s.EntityID)
	p.line("  Metadata   %s", s.MetadataURL)
	p.line("  Sign-in    %s", s.SSOURL)
	for _, k := range s.Keys {
		p.line("  Key        %s (%s), certificate until %s", k.ID, k.State, when(k.NotAfter))
	}
	p.line("  Service providers: %d", s.ServiceProviders)
	if len(r.Warnings) == 0 {
		p.line("✓ Nothing is wrong.")
		return
	}
	for _, w := range r.Warnings {
		p.line("✗ %s (%s): %s", w.Subject, w.Code, w.Text)
	}
}
