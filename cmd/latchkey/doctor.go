package main

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/stackdoctor"
)

const maxSkew = 30 * time.Second

type doctorCmd struct {
	SP    string `name:"sp" help:"Look at one service provider only." placeholder:"ENTITYID"`
	Stack string `help:"Look at a stack in AWS, too: its table, keys, functions, routes, logs and alarms. With credentials as for the AWS command line (AWS_PROFILE, AWS_REGION); they need read access." placeholder:"NAME"`
}

// report is what doctor has found.
type report struct {
	URL      string              `json:"url"`
	Stack    *stackdoctor.Report `json:"stack,omitempty"`
	Status   *adminapi.Status    `json:"status,omitempty"` // absent: the admin API did not answer
	SkewMS   int64               `json:"clock_skew_ms"`    // how far the server's clock is ahead of ours
	Warnings []adminapi.Warning  `json:"warnings"`         // all of them
}

func (c *doctorCmd) Run(e *env) error {
	r, err := c.look(e)
	if err != nil {
		return err
	}
	err = e.show(r, func(p *printer) { p.report(r) })
	if err == nil && len(r.Warnings) > 0 {
		err = fmt.Errorf("%d of the checks found something", len(r.Warnings))
	}
	return err
}

// look asks the admin API, and before it, with --stack, everything below it.
func (c *doctorCmd) look(e *env) (report, error) {
	if c.Stack == "" {
		client, err := e.admin()
		if err != nil {
			return report{}, err
		}
		return c.examine(e, client)
	}
	doctor, err := stackdoctor.Load(e.ctx, &http.Client{Timeout: callTimeout}, time.Now)
	if err != nil {
		return report{}, err
	}
	stack, err := doctor.Examine(e.ctx, c.Stack)
	if err != nil {
		return report{}, err
	}
	e.cli.URL = cmp.Or(e.cli.URL, stack.PublicURL)
	var r report
	client, err := e.admin()
	if err == nil {
		r, err = c.examine(e, client)
	}
	r.URL, r.Stack = e.cli.URL, &stack
	if err != nil {
		r.Warnings = []adminapi.Warning{{Code: "admin.unreachable", Subject: e.cli.URL, Text: fmt.Sprintf(
			"service providers and certificates were not looked at: %v; these credentials need execute-api:Invoke on */v1/admin/*", err)}}
	}
	r.Warnings = append(stack.Findings, r.Warnings...)
	return r, nil
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
	r := report{URL: client.URL(), Status: &status, SkewMS: status.ServerTime.Time().Sub(ours).Milliseconds(), Warnings: []adminapi.Warning{}}
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

func (p *printer) report(r report) {
	if r.Stack != nil {
		p.line("  Stack      %s (%s), %d resources", r.Stack.Stack, r.Stack.Status, r.Stack.Resources)
	}
	if s := r.Status; s != nil {
		p.line("✓ %s answers: Latchkey %s, %q", r.URL, s.Version, s.DisplayName)
		p.line("  entityID   %s", s.EntityID)
		p.line("  Metadata   %s", s.MetadataURL)
		p.line("  Sign-in    %s", s.SSOURL)
		for _, k := range s.Keys {
			p.line("  Key        %s (%s), certificate until %s", k.ID, k.State, when(k.NotAfter))
		}
		p.line("  Service providers: %d", s.ServiceProviders)
	}
	if len(r.Warnings) == 0 {
		p.line("✓ Nothing is wrong.")
		return
	}
	for _, w := range r.Warnings {
		p.line("✗ %s (%s): %s", w.Subject, w.Code, w.Text)
	}
}
