package release

import (
	"fmt"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
)

// Plan is what a service provider is given, and why.
type Plan struct {
	Lines    []Line                   // in the order of the mapping, then of the rules
	Withheld []Line                   // permitted, but not asked for
	Missing  []idp.RequestedAttribute // required by metadata, and no line gives it
}

// Line is a mapping line that applies.
type Line struct {
	mapping.AttributeRule
	Rule   string   // ID of the release rule that permits it; empty: the service provider's own mapping
	Asked  Asked    // what metadata says about it
	Wanted []string // the only values that metadata is interested in; nil: any
}

// Asked is how metadata asks for an attribute.
type Asked int

// Values of Asked.
const (
	NotAsked Asked = iota
	Optional
	Required
)

// For makes the plan for a service provider, of which the service with an index
// was chosen (nil: the default one). Its error is a mapping line that does not
// parse.
func For(sp *idp.ServiceProvider, rules []idp.ReleaseRule, index *int) (Plan, error) {
	var requested []idp.RequestedAttribute
	if service := sp.AttributeService(index); service != nil {
		requested = service.Requested
	}
	var p Plan
	if err := p.add(sp.Attributes, requested, sp.Release, ""); err != nil {
		return p, fmt.Errorf("read attribute mapping of %s: %w", sp.EntityID, err)
	}
	trusted := sp.TrustedEntityAttributes()
	for _, rule := range rules {
		everybody := rule.Whom == (idp.EntityAttribute{})
		if !everybody && !slices.Contains(trusted, rule.Whom) {
			continue
		}
		if err := p.add(rule.Attributes, requested, narrower(rule.Only, sp.Release, everybody), rule.ID); err != nil {
			return p, fmt.Errorf("read release rule %s: %w", rule.ID, err)
		}
	}
	for _, r := range requested {
		if r.Required && !slices.ContainsFunc(p.Lines, func(l Line) bool { return answers(l.AttributeRule, r) }) {
			p.Missing = append(p.Missing, r)
		}
	}
	return p, nil
}

// narrower is the stricter of a rule's and a service provider's wish; a rule for
// everybody is about what is asked for, whatever it says.
func narrower(rule, sp string, everybody bool) string {
	rank := func(s string) int {
		return slices.Index([]string{idp.ReleasePermitted, idp.ReleaseRequested, idp.ReleaseRequired}, s)
	}
	if everybody && rule == idp.ReleasePermitted {
		rule = idp.ReleaseRequested
	}
	if rank(sp) > rank(rule) {
		return sp
	}
	return rule
}

// add puts lines where they belong. A line whose attribute an earlier source
// gives already adds nothing: the service provider's own mapping goes first.
func (p *Plan) add(lines []string, requested []idp.RequestedAttribute, only, rule string) error {
	before := p.Lines
	for _, text := range lines {
		r, err := mapping.ParseAttribute(text)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(before, func(l Line) bool { return same(l.AttributeRule, r) }) {
			continue
		}
		line := Line{AttributeRule: r, Rule: rule}
		line.Asked, line.Wanted = asked(r, requested)
		if only == idp.ReleaseRequested && line.Asked == NotAsked || only == idp.ReleaseRequired && line.Asked != Required {
			p.Withheld = append(p.Withheld, line)
			continue
		}
		if only == idp.ReleasePermitted {
			line.Wanted = nil // what is released unasked is not narrowed by asking
		}
		p.Lines = append(p.Lines, line)
	}
	return nil
}

func same(a, b mapping.AttributeRule) bool { return a.Name == b.Name && a.NameFormat == b.NameFormat }

// asked is what metadata says about an attribute. Who asks twice, once for any
// value, asks for any value.
func asked(r mapping.AttributeRule, requested []idp.RequestedAttribute) (Asked, []string) {
	how, values, any := NotAsked, []string(nil), false
	for _, want := range requested {
		if !answers(r, want) {
			continue
		}
		how = max(how, Optional)
		if want.Required {
			how = Required
		}
		any = any || len(want.Values) == 0
		values = append(values, want.Values...)
	}
	if any {
		values = nil
	}
	return how, values
}

// answers reports whether an attribute is the requested one: the same name and,
// unless the request leaves it open, the same format (SAML Core 2.7.3.1).
func answers(r mapping.AttributeRule, want idp.RequestedAttribute) bool {
	return r.Name == want.Name && (want.NameFormat == "" || r.NameFormat == want.NameFormat)
}

// Of are the person's values, without those that metadata is not interested in.
func (l Line) Of(u *idp.User) []string {
	values := l.Values(u)
	if l.Wanted == nil {
		return values
	}
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !slices.Contains(l.Wanted, v) })
}
