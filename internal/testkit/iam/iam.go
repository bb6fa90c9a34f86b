// Package iam judges requests to AWS by policies as IAM does, as far as
// template.yaml uses it. What it does not know is an error, not a yes.
// (IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements:
// Condition operators".)
package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Statement is one statement of a policy.
type Statement struct {
	Sid        string
	Deny       bool
	Principals []string // of a resource's policy: "*", ARNs, names of services
	Actions    []string
	Resources  []string
	Conditions []Condition
}

// Condition is one test of a statement; all of them have to hold.
type Condition struct {
	Operator string // such as ForAllValues:StringLike
	Key      string // such as dynamodb:LeadingKeys
	Values   []string
}

// Request is what IAM is asked.
type Request struct {
	Action, Resource string
	Context          map[string][]string // by condition key
}

// String is for people.
func (r Request) String() string {
	s := r.Action + " on " + r.Resource
	for _, key := range slices.Sorted(maps.Keys(r.Context)) {
		s += fmt.Sprintf(", %s = %s", key, strings.Join(r.Context[key], " "))
	}
	return s
}

// Applies reports whether the statement speaks about a request.
func (s Statement) Applies(r Request) bool {
	return slices.ContainsFunc(s.Actions, func(p string) bool { return Like(strings.ToLower(p), strings.ToLower(r.Action)) }) &&
		slices.ContainsFunc(s.Resources, func(p string) bool { return Like(p, r.Resource) }) &&
		!slices.ContainsFunc(s.Conditions, func(c Condition) bool { return !c.holds(r.Context) })
}

// Allowed judges a role's request by the role's policy, and by the resource's
// policy if it has one: that one has to leave the decision to IAM, by allowing
// it to the account, and a Deny of either is final. What a resource's policy
// says about others, by name, does not count.
func Allowed(role, resource []Statement, r Request) bool {
	verdict := func(all []Statement) (allow, deny bool) {
		for _, s := range all {
			if s.Applies(r) && (s.Principals == nil || slices.ContainsFunc(s.Principals, everybody)) {
				allow, deny = allow || !s.Deny, deny || s.Deny
			}
		}
		return allow, deny
	}
	allow, deny := verdict(role)
	if resource == nil {
		return allow && !deny
	}
	delegated, refused := verdict(resource)
	return allow && delegated && !deny && !refused
}

// everybody is each role of the account.
func everybody(principal string) bool {
	return principal == "*" || strings.HasSuffix(principal, ":root")
}

// holds reports whether a condition is true. A key that the request does not
// have fulfils negated operators and those for all values.
func (c Condition) holds(context map[string][]string) bool {
	operator, all := strings.CutPrefix(c.Operator, "ForAllValues:")
	operator, ifExists := strings.CutSuffix(operator, "IfExists")
	given := context[c.Key]
	if operator == "Null" {
		return slices.Contains(c.Values, "true") == (len(given) == 0)
	}
	if len(given) == 0 {
		return all || ifExists || negated(operator)
	}
	matches := func(v string) bool {
		return slices.ContainsFunc(c.Values, func(want string) bool {
			if strings.HasSuffix(operator, "Like") {
				return Like(want, v)
			}
			return want == v
		})
	}
	if negated(operator) {
		return !slices.ContainsFunc(given, matches)
	}
	return !slices.ContainsFunc(given, func(v string) bool { return !matches(v) })
}

func negated(operator string) bool { return strings.Contains(operator, "Not") }

// operators are those that holds knows.
var operators = []string{
	"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike",
	"StringEqualsIfExists", "StringNotEqualsIfExists", "StringLikeIfExists", "Bool", "BoolIfExists", "Null",
	"ForAllValues:StringLike", "ForAllValues:StringEquals",
}

// Like reports whether text matches a pattern with * and ?.
func Like(pattern, text string) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '*':
			for i := range len(text) + 1 {
				if Like(pattern[1:], text[i:]) {
					return true
				}
			}
			return false
		case text == "" || pattern[0] != '?' && pattern[0] != text[0]:
			return false
		}
		pattern, text = pattern[1:], text[1:]
	}
	return text == ""
}
