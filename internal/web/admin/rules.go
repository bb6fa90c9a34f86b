package admin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// maxReleaseRules bounds the rules of a deployment, which many sign-ins read.
const maxReleaseRules = 100

func (h *Handlers) listRules(w http.ResponseWriter, r *http.Request) error {
	rules, err := h.Store.ReleaseRules(r.Context())
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, adminapi.Page[idp.ReleaseRule]{Items: append([]idp.ReleaseRule{}, rules.Rules...)})
}

// saveRule adds a rule, or replaces the one about the same entity attribute.
func (h *Handlers) saveRule(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.NewReleaseRule
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	rule, err := ruleOf(&req)
	if err != nil {
		return err
	}
	lines, err := parseAttributes(rule.Attributes)
	if err != nil {
		return err
	}
	notes, err := h.checkSources(ctx, lines, req.AllowUnknownAttributes)
	if err != nil {
		return err
	}
	rules, err := h.Store.ReleaseRules(ctx)
	if err != nil {
		return err
	}
	status, action, before := http.StatusCreated, "release_rule.added", ""
	if i := indexOfRule(rules, rule.ID); i >= 0 {
		status, action, before = http.StatusOK, "release_rule.changed", ruleText(rules.Rules[i])
		rules.Rules[i] = rule
	} else if len(rules.Rules) >= maxReleaseRules {
		return invalid("there are %d release rules already; remove one first", maxReleaseRules)
	} else {
		rules.Rules = append(rules.Rules, rule)
	}
	event := idp.AuditEvent{Event: idp.AuditPolicyChanged, Detail: map[string]string{
		"action": action, "rule": rule.ID, "before": before, "after": ruleText(rule),
	}}
	if err := h.change(ctx, event, func() error { return h.Store.SaveReleaseRules(ctx, rules) }); err != nil {
		return err
	}
	return web.JSON(w, status, adminapi.ReleaseRuleAnswer{Rule: rule, Notes: append([]string{}, notes...)})
}

func ruleOf(req *adminapi.NewReleaseRule) (idp.ReleaseRule, error) {
	rule := idp.ReleaseRule{ID: idp.RuleID(req.Whom), Whom: req.Whom, Only: permitted(req.Only), Attributes: req.Attributes}
	everybody := req.Whom == (idp.EntityAttribute{})
	switch {
	case !everybody && (!plainText(req.Whom.Name) || !plainText(req.Whom.Value)):
		return rule, invalid("entity_attribute: name and value are a line of text of at most %d characters each", maxWhom)
	case !slices.Contains(releases, rule.Only):
		return rule, invalid("only is permitted, requested or required, not %q", req.Only)
	case everybody && rule.Only == idp.ReleasePermitted:
		return rule, invalid("a rule for everybody needs only: requested, or required; what one application is given in any case belongs to its own attributes")
	case len(rule.Attributes) == 0:
		return rule, invalid("attributes is empty: give mapping lines, such as \"mail = email\"")
	}
	return rule, nil
}

func indexOfRule(rules *idp.ReleaseRules, id string) int {
	return slices.IndexFunc(rules.Rules, func(r idp.ReleaseRule) bool { return r.ID == id })
}

// ruleText is a rule in a line of the audit trail.
func ruleText(r idp.ReleaseRule) string {
	words := []string{"everybody"}
	if r.Whom != (idp.EntityAttribute{}) {
		words = []string{r.Whom.Name + "=" + r.Whom.Value}
	}
	if r.Only != "" {
		words = append(words, "only "+r.Only)
	}
	return strings.Join(append(words, r.Attributes...), "; ")
}

func (h *Handlers) deleteRule(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	rules, err := h.Store.ReleaseRules(ctx)
	if err != nil {
		return err
	}
	i := indexOfRule(rules, r.PathValue("id"))
	if i < 0 {
		return notFound("no such release rule")
	}
	event := idp.AuditEvent{Event: idp.AuditPolicyChanged, Detail: map[string]string{
		"action": "release_rule.removed", "rule": rules.Rules[i].ID, "before": ruleText(rules.Rules[i]),
	}}
	rules.Rules = slices.Delete(rules.Rules, i, i+1)
	if err := h.change(ctx, event, func() error { return h.Store.SaveReleaseRules(ctx, rules) }); err != nil {
		return err
	}
	return noContent(w)
}
