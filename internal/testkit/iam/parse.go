package iam

import (
	"fmt"
	"maps"
	"slices"
)

// Parse reads the statements of a policy document.
func Parse(document map[string]any) ([]Statement, error) {
	list, ok := document["Statement"].([]any)
	if !ok {
		return nil, fmt.Errorf("policy has no list of statements: %v", document)
	}
	var out []Statement
	for _, raw := range list {
		m, ok := raw.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("not a statement: %v", raw)
		}
		s, err := statement(m)
		if err != nil {
			return nil, fmt.Errorf("read statement %v: %w", m["Sid"], err)
		}
		out = append(out, s)
	}
	return out, nil
}

func statement(m map[string]any) (s Statement, err error) {
	for _, member := range slices.Sorted(maps.Keys(m)) {
		v := m[member]
		switch member {
		case "Sid":
			s.Sid, _ = v.(string)
		case "Effect":
			if v != "Allow" && v != "Deny" {
				return s, fmt.Errorf("effect %v", v)
			}
			s.Deny = v == "Deny"
		case "Principal":
			if by, ok := v.(map[string]any); ok {
				v = slices.Collect(maps.Values(by))
			}
			s.Principals = texts(v)
		case "Action":
			s.Actions = texts(v)
		case "Resource":
			s.Resources = texts(v)
		case "Condition":
			if s.Conditions, err = conditions(v); err != nil {
				return s, err
			}
		default:
			return s, fmt.Errorf("unknown member %s", member)
		}
	}
	if len(s.Actions) == 0 || len(s.Resources) == 0 {
		return s, fmt.Errorf("no actions or resources")
	}
	return s, nil
}

func conditions(v any) (out []Condition, err error) {
	operations, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("condition %v", v)
	}
	for _, operator := range slices.Sorted(maps.Keys(operations)) {
		tests, ok := operations[operator].(map[string]any)
		if !ok || !slices.Contains(operators, operator) {
			return nil, fmt.Errorf("unknown condition %s", operator)
		}
		for _, key := range slices.Sorted(maps.Keys(tests)) {
			out = append(out, Condition{Operator: operator, Key: key, Values: texts(tests[key])})
		}
	}
	return out, nil
}

// texts is a text, or a list of them, as a list.
func texts(v any) (out []string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			out = append(out, texts(one)...)
		}
	case nil:
	default:
		out = append(out, fmt.Sprint(v))
	}
	return out
}
