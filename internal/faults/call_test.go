package faults_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// call is one call of AWS.
type call struct {
	step  string // of the client
	op    string // of AWS
	items string // kinds of items that it concerns
}

// site is the place in the program that makes it, as far as AWS can tell.
func (c call) site() string { return strings.TrimSpace(c.op + " " + c.items) }

func (c call) kms() bool {
	switch c.op {
	case "Sign", "Encrypt", "Decrypt", "GetPublicKey":
		return true
	}
	return false
}

func (c call) writes() bool { return c.op == "PutItem" || c.op == "TransactWriteItems" }
func (c call) reads() bool {
	return c.op == "GetItem" || c.op == "BatchGetItem" || c.op == "Query"
}

// input is what is read of a request to DynamoDB.
type input struct {
	Key, Item    attributes
	RequestItems map[string]struct{ Keys []attributes }
	Transact     []struct {
		Put            *struct{ Item attributes }
		Delete         *struct{ Key attributes }
		ConditionCheck *struct{ Key attributes }
	} `json:"TransactItems"`
	Values attributes `json:"ExpressionAttributeValues"`
}

type attributes map[string]struct{ S string }

func readCall(r *http.Request, body []byte) call {
	c := call{op: operation(r)}
	var in input
	if c.kms() || json.Unmarshal(body, &in) != nil {
		return c
	}
	var kinds []string
	add := func(pk, sk string) {
		kind, _, _ := strings.Cut(pk, "#")
		if part, _, _ := strings.Cut(sk, "#"); kind == "USER" && part != "user" {
			kind += "." + part
		}
		kinds = append(kinds, kind)
	}
	item := func(a attributes) { add(a["pk"].S, a["sk"].S) }
	switch c.op {
	case "GetItem":
		item(in.Key)
	case "PutItem":
		item(in.Item)
	case "Query":
		add(in.Values[":pk"].S, in.Values[":prefix"].S)
	case "BatchGetItem":
		for _, t := range in.RequestItems {
			for _, k := range t.Keys {
				item(k)
			}
		}
	case "TransactWriteItems":
		for _, op := range in.Transact {
			switch {
			case op.Put != nil:
				item(op.Put.Item)
			case op.Delete != nil:
				item(op.Delete.Key)
			case op.ConditionCheck != nil:
				item(op.ConditionCheck.Key)
			}
		}
	}
	slices.Sort(kinds)
	c.items = strings.Join(slices.Compact(kinds), "+")
	return c
}
