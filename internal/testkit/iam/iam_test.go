package iam_test

import (
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/iam"
)

func policy(t *testing.T, statements ...map[string]any) []iam.Statement {
	t.Helper()
	var list []any
	for _, s := range statements {
		list = append(list, s)
	}
	out, err := iam.Parse(map[string]any{"Version": "2012-10-17", "Statement": list})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func get(keys ...string) iam.Request {
	return iam.Request{Action: "dynamodb:GetItem", Resource: "arn:table", Context: map[string][]string{"dynamodb:LeadingKeys": keys}}
}

func TestAllowed(t *testing.T) {
	reads := map[string]any{
		"Effect": "Allow", "Action": []any{"dynamodb:GetItem"}, "Resource": "arn:table",
		"Condition": map[string]any{"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": []any{"SP#*", "KEYS"}}},
	}
	never := map[string]any{"Effect": "Deny", "Principal": "*", "Action": "dynamodb:*", "Resource": "*",
		"Condition": map[string]any{"StringNotEquals": map[string]any{"aws:PrincipalTag/team": "ours"}}}
	account := map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::1:root"}, "Action": "dynamodb:*", "Resource": "*"}
	someone := map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::1:role/x"}, "Action": "*", "Resource": "*"}
	ours := get("SP#1")
	ours.Context["aws:PrincipalTag/team"] = []string{"ours"}
	for name, c := range map[string]struct {
		role, resource []iam.Statement
		request        iam.Request
		want           bool
	}{
		"nothing is granted":            {nil, nil, get("SP#1"), false},
		"granted":                       {policy(t, reads), nil, get("SP#1"), true},
		"all keys are":                  {policy(t, reads), nil, get("SP#1", "KEYS"), true},
		"one key is not":                {policy(t, reads), nil, get("SP#1", "USER#1"), false},
		"another action":                {policy(t, reads), nil, iam.Request{Action: "dynamodb:Scan", Resource: "arn:table"}, false},
		"another resource":              {policy(t, reads), nil, iam.Request{Action: "dynamodb:GetItem", Resource: "arn:other"}, false},
		"the resource says nothing":     {policy(t, reads), []iam.Statement{}, ours, false},
		"the resource leaves it":        {policy(t, reads), policy(t, account), ours, true},
		"the resource names another":    {policy(t, reads), policy(t, someone), ours, false},
		"the resource denies others":    {policy(t, reads), policy(t, account, never), get("SP#1"), false},
		"the resource denies not us":    {policy(t, reads), policy(t, account, never), ours, true},
		"it may not more than its role": {nil, policy(t, account), ours, false},
	} {
		if got := iam.Allowed(c.role, c.resource, c.request); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestUnknownIsAnError(t *testing.T) {
	for want, statement := range map[string]map[string]any{
		"NotAction":   {"Effect": "Allow", "NotAction": "x", "Resource": "*"},
		"effect":      {"Effect": "Maybe", "Action": "x", "Resource": "*"},
		"no actions":  {"Effect": "Allow", "Resource": "*"},
		"IpAddress":   {"Effect": "Allow", "Action": "x", "Resource": "*", "Condition": map[string]any{"IpAddress": map[string]any{"aws:SourceIp": "::/0"}}},
		"condition x": {"Effect": "Allow", "Action": "x", "Resource": "*", "Condition": "x"},
	} {
		if _, err := iam.Parse(map[string]any{"Statement": []any{statement}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestLike(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"SP#*", "SP#x", true}, {"SP#*", "SP#", true}, {"SP#*", "XSP#", false}, {"KEYS", "KEYSEEN#1", false},
		{"*", "", true}, {"a*c", "abbc", true}, {"a*c", "ab", false}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"", "", true}, {"", "a", false},
	} {
		if got := iam.Like(c.pattern, c.text); got != c.want {
			t.Errorf("%q like %q: %v", c.text, c.pattern, got)
		}
	}
}
