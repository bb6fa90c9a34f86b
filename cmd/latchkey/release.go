package main

import (
	"fmt"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

type releaseCmd struct {
	Add    releaseAddCmd    `cmd:"" help:"Add a rule, or replace the one about the same entity attribute."`
	List   releaseListCmd   `cmd:"" help:"List the rules."`
	Remove releaseRemoveCmd `cmd:"" help:"Remove a rule. It is followed no more at once."`
}

type releaseAddCmd struct {
	EntityAttribute string   `name:"entity-attribute" help:"Whom it is about: an entity attribute that verified metadata has, or that you confirmed (sp update --entity-attribute)." placeholder:"NAME=VALUE" xor:"whom"`
	Everybody       bool     `help:"It is about every service provider that asks in its metadata." xor:"whom"`
	Attribute       []string `help:"Attribute: NAME=SOURCE; repeat." sep:"none" placeholder:"NAME=SOURCE" required:""`
	Only            string   `help:"Narrow it to attributes that metadata asks for (requested) or requires (required)." enum:"permitted,requested,required," default:"" placeholder:"requested|required"`

	AllowUnknownAttributes bool `help:"Accept sources that no user has yet."`
}

func (c *releaseAddCmd) Run(e *env) error {
	rule := adminapi.NewReleaseRule{Only: c.Only, Attributes: c.Attribute, AllowUnknownAttributes: c.AllowUnknownAttributes}
	switch {
	case c.EntityAttribute != "":
		whom, err := entityAttributes([]string{c.EntityAttribute})
		if err != nil {
			return err
		}
		rule.Whom = whom[0]
	case !c.Everybody:
		return usage("give --entity-attribute NAME=VALUE, or --everybody")
	case c.Only == "":
		rule.Only = idp.ReleaseRequested
	}
	client, err := e.admin()
	if err != nil {
		return err
	}
	answer, err := client.SaveReleaseRule(e.ctx, rule)
	if err != nil {
		return err
	}
	return e.show(answer, func(p *printer) {
		p.line("Rule %s: %s", answer.Rule.ID, ruleWords(answer.Rule))
		for _, note := range answer.Notes {
			p.line("  Note  %s", note)
		}
	})
}

// ruleWords is a rule in a sentence.
func ruleWords(r idp.ReleaseRule) string {
	whom := "all applications"
	if r.Whom != (idp.EntityAttribute{}) {
		whom = fmt.Sprintf("applications with %s=%s", r.Whom.Name, r.Whom.Value)
	}
	when := map[string]string{idp.ReleaseRequested: ", where their metadata asks for it", idp.ReleaseRequired: ", where their metadata requires it"}[r.Only]
	return whom + " get " + strings.Join(r.Attributes, "; ") + when
}

type releaseListCmd struct{}

func (releaseListCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	rules, err := client.ReleaseRules(e.ctx)
	if err != nil {
		return err
	}
	return e.show(rules, func(p *printer) {
		var rows [][]string
		for _, r := range rules {
			rows = append(rows, []string{r.ID, ruleWords(r)})
		}
		p.table("RULE | WHO GETS WHAT", rows, "There is no release rule: each application gets its own attributes only.")
	})
}

type releaseRemoveCmd struct {
	Rule string `arg:"" help:"Its name in the list."`
}

func (c *releaseRemoveCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	if err := client.RemoveReleaseRule(e.ctx, c.Rule); err != nil {
		return err
	}
	return e.show(map[string]string{"removed": c.Rule}, func(p *printer) { p.line("Removed rule %s.", c.Rule) })
}

// entityAttributes reads NAME=VALUE; values may hold "=".
func entityAttributes(list []string) ([]idp.EntityAttribute, error) {
	out := []idp.EntityAttribute{}
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" || value == "" {
			return nil, usage("%q is not NAME=VALUE", s)
		}
		out = append(out, idp.EntityAttribute{Name: name, Value: value})
	}
	return out, nil
}

// release shows what a service provider is given, and why. Names from metadata
// are quoted: they may be anything.
func (p *printer) release(plans []adminapi.ReleasePlan) {
	for _, plan := range plans {
		if plan.Service != nil && len(plans) > 1 {
			which := ""
			if plan.Default {
				which = " (the default)"
			}
			p.line("  For AttributeConsumingService %d%s:", *plan.Service, which)
		}
		for _, l := range plan.Lines {
			label, why := "Attribute", lineReason(l)
			if !l.Released {
				label, why = "Withheld", why+"; its metadata does not ask for it"
				if l.Asked == "optional" {
					why = lineReason(l) + " only"
				}
			}
			p.line("  %-12s %s  (%s)", label, l.Line, why)
		}
		for _, name := range plan.Missing {
			p.line("  Missing      %q, which its metadata requires and nothing gives", name)
		}
		for _, r := range plan.Ignored {
			p.line("  Not followed rule %s: its metadata says %q=%q, but nobody vouches for that", r.Rule, r.Whom.Name, r.Whom.Value)
		}
	}
}

func lineReason(l adminapi.ReleaseLine) string {
	why := "its own"
	if l.Rule != "" {
		why = "by rule " + l.Rule
	}
	if l.Asked != "" {
		why += ", " + l.Asked + " in its metadata"
	}
	return why
}
