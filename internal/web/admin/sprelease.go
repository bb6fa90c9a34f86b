package admin

import (
	"context"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/release"
)

const (
	maxConfirmed = 50   // entity attributes of a service provider
	maxWhom      = 1024 // characters of an entity attribute's name or value
)

// "permitted" and "off" are the words for the empty defaults.
var (
	releases = []string{idp.ReleasePermitted, idp.ReleaseRequested, idp.ReleaseRequired}
	consents = []string{idp.ConsentOff, idp.ConsentOnce, idp.ConsentAlways}
)

func permitted(s string) string {
	if s == "permitted" {
		return idp.ReleasePermitted
	}
	return s
}

// applyRelease puts the settings about attributes and consent into sp.
func applyRelease(sp *idp.ServiceProvider, s *adminapi.Settings) {
	if s.Release != nil {
		sp.Release = permitted(*s.Release)
	}
	set(&sp.Consent, s.Consent)
	if sp.Consent == "off" {
		sp.Consent = idp.ConsentOff
	}
	if s.ConfirmedEntityAttributes != nil {
		sp.ConfirmedEntityAttributes = slices.Clone(*s.ConfirmedEntityAttributes)
	}
}

func checkRelease(sp *idp.ServiceProvider) error {
	switch {
	case !slices.Contains(releases, sp.Release):
		return invalid("release is permitted, requested or required, not %q", sp.Release)
	case !slices.Contains(consents, sp.Consent):
		return invalid("consent is off, once or always, not %q", sp.Consent)
	case len(sp.ConfirmedEntityAttributes) > maxConfirmed:
		return invalid("confirmed_entity_attributes has more than %d members", maxConfirmed)
	}
	for i, a := range sp.ConfirmedEntityAttributes {
		if !plainText(a.Name) || !plainText(a.Value) {
			return invalid("confirmed_entity_attributes %d: name and value are a line of text of at most %d characters each", i+1, maxWhom)
		}
	}
	return nil
}

func plainText(s string) bool {
	return s != "" && len(s) <= maxWhom && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7F && r <= 0x9F })
}

func releaseRank(sp *idp.ServiceProvider) int { return slices.Index(releases, sp.Release) }
func consentRank(sp *idp.ServiceProvider) int { return slices.Index(consents, sp.Consent) }

func moreConfirmed(before, next *idp.ServiceProvider) bool {
	return slices.ContainsFunc(next.ConfirmedEntityAttributes, func(a idp.EntityAttribute) bool {
		return !slices.Contains(before.ConfirmedEntityAttributes, a)
	})
}

// plans say what a service provider is given, for each of its services.
func (h *Handlers) plans(ctx context.Context, sp *idp.ServiceProvider) ([]adminapi.ReleasePlan, error) {
	rules, err := h.Store.ReleaseRules(ctx)
	if err != nil {
		return nil, err
	}
	services := sp.AttributeServices
	if len(services) == 0 {
		services = []idp.AttributeService{{}}
	}
	var out []adminapi.ReleasePlan
	for _, s := range services {
		p, err := release.For(sp, rules.Rules, &s.Index)
		if err != nil {
			return nil, err
		}
		plan := planOf(p, ignored(sp, rules.Rules))
		if fallback := sp.AttributeService(nil); fallback != nil {
			plan.Service, plan.Default = &s.Index, fallback.Index == s.Index
		}
		out = append(out, plan)
	}
	return out, nil
}

func planOf(p release.Plan, ignored []adminapi.IgnoredRule) adminapi.ReleasePlan {
	asked := map[release.Asked]string{release.Optional: "optional", release.Required: "required"}
	out := adminapi.ReleasePlan{Lines: []adminapi.ReleaseLine{}, Missing: []string{}, Ignored: ignored}
	for _, l := range p.Lines {
		out.Lines = append(out.Lines, adminapi.ReleaseLine{Line: l.String(), Released: true, Rule: l.Rule, Asked: asked[l.Asked]})
	}
	for _, l := range p.Withheld {
		out.Lines = append(out.Lines, adminapi.ReleaseLine{Line: l.String(), Rule: l.Rule, Asked: asked[l.Asked]})
	}
	for _, m := range p.Missing {
		out.Missing = append(out.Missing, m.Name)
	}
	return out
}

// ignored are the rules that what metadata says of itself does not bring about.
func ignored(sp *idp.ServiceProvider, rules []idp.ReleaseRule) []adminapi.IgnoredRule {
	out := []adminapi.IgnoredRule{}
	trusted := sp.TrustedEntityAttributes()
	for _, r := range rules {
		if slices.Contains(sp.EntityAttributes, r.Whom) && !slices.Contains(trusted, r.Whom) {
			out = append(out, adminapi.IgnoredRule{Rule: r.ID, Whom: r.Whom})
		}
	}
	return out
}
