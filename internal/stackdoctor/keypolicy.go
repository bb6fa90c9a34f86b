package stackdoctor

import (
	"encoding/json"
	"fmt"
	"slices"
)

// words is a string or a list of strings, as policies have them.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(w))
}

// principal is "*", or an object with lists.
type principal struct{ everybody bool }

func (p *principal) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		p.everybody = one == "*"
		return nil
	}
	var kinds map[string]words
	if err := json.Unmarshal(data, &kinds); err != nil {
		return fmt.Errorf("read principal: %w", err)
	}
	p.everybody = slices.Contains(kinds["AWS"], "*")
	return nil
}

type statement struct {
	Effect           string
	Principal        principal
	Action, Resource words
	NotAction        words
	Condition        map[string]map[string]words
}

// denies reports whether a policy denies the action to everybody whose principal
// does not carry the tag with this value, whatever else it says: a Deny is final.
func denies(policy, action, tag, value string) (bool, error) {
	var p struct{ Statement []statement }
	if err := json.Unmarshal([]byte(policy), &p); err != nil {
		return false, fmt.Errorf("read key policy: %w", err)
	}
	return slices.ContainsFunc(p.Statement, func(s statement) bool {
		covers := slices.Contains(s.Action, action) || slices.Contains(s.Action, "kms:*") || slices.Contains(s.Action, "*")
		return s.Effect == "Deny" && s.Principal.everybody && covers && slices.Contains(s.Resource, "*") &&
			exceptTagged(s.Condition, "aws:PrincipalTag/"+tag, value)
	}), nil
}

// exceptTagged: a statement holds for all but the principals with the tag. More
// conditions would make it hold for fewer.
func exceptTagged(conditions map[string]map[string]words, tag, value string) bool {
	if len(conditions) == 0 {
		return true
	}
	got, ok := conditions["StringNotEquals"]
	return ok && len(conditions) == 1 && len(got) == 1 && slices.Equal(got[tag], words{value})
}
