package cloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/testkit/iam"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// Call is a right that a function asked for.
type Call struct {
	Function string
	iam.Request
	Allowed bool
}

// guard stands between the functions and AWS.
type guard struct {
	stack    *sam.Stack
	region   string
	services map[string]service // by what X-Amz-Target begins with; Lambda has none

	mu    sync.Mutex
	calls []Call
	known map[string]bool // of calls, as text
}

// service is one of AWS.
type service struct {
	asked func(operation string, body []byte) ([]iam.Request, error) // the rights that a call needs
	next  http.Handler
}

func newGuard(c *Cloud) (*guard, error) {
	dynamo, err := url.Parse(os.Getenv("DYNAMODB_ENDPOINT"))
	if err != nil {
		return nil, fmt.Errorf("address of DynamoDB: %w", err)
	}
	g := &guard{stack: c.Stack, region: c.region, known: map[string]bool{}}
	g.services = map[string]service{
		"DynamoDB_20120810":   {g.dynamoRequests, httputil.NewSingleHostReverseProxy(dynamo)},
		"TrentService":        {g.kmsRequests, c.KMS.In(c.region)},
		"secretsmanager":      {g.secretsRequests, c.Secrets},
		"CodeDeploy_20141006": {g.rolloutRequests, &c.rollouts},
		"":                    {g.invokeRequests, http.HandlerFunc(c.lambda)},
	}
	return g, nil
}

// of is AWS as one function sees it.
func (g *guard) of(function string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		target := r.Header.Get("X-Amz-Target")
		name, operation, _ := strings.Cut(target, ".")
		if name == "" {
			operation = r.URL.Path
		}
		called, ok := g.services[name]
		if !ok {
			deny(w, target, "there is no service "+name)
			return
		}
		requests, err := called.asked(operation, body)
		if err != nil {
			deny(w, target, err.Error())
			return
		}
		for _, request := range requests {
			if !g.allows(function, request) {
				deny(w, target, "User: "+function+" is not authorized to perform: "+request.String())
				return
			}
		}
		called.next.ServeHTTP(w, r)
	})
}

// allows asks the policies, and remembers that it was asked.
func (g *guard) allows(function string, r iam.Request) bool {
	f := g.stack.Functions[function]
	withTags := iam.Request{Action: r.Action, Resource: r.Resource, Context: map[string][]string{}}
	for key, values := range r.Context {
		withTags.Context[key] = values
	}
	for tag, value := range f.Tags {
		withTags.Context["aws:PrincipalTag/"+tag] = []string{value}
	}
	// A key's policy says "*" for the key itself.
	allowed := iam.Allowed(f.Policy, g.stack.KeyPolicies[r.Resource], withTags)
	call := Call{Function: function, Request: r, Allowed: allowed}
	g.mu.Lock()
	defer g.mu.Unlock()
	if text := function + ": " + r.String(); !g.known[text] {
		g.known[text] = true
		g.calls = append(g.calls, call)
	}
	return allowed
}

// deny answers as AWS does.
func deny(w http.ResponseWriter, target, text string) {
	kind, version := "AccessDeniedException", "1.1"
	if strings.HasPrefix(target, "DynamoDB_") {
		kind, version = "com.amazon.coral.service#AccessDeniedException", "1.0"
	}
	answer(w, version, http.StatusBadRequest, map[string]string{"__type": kind, "message": text})
}

// answer writes in a version of AWS's JSON protocol.
func answer(w http.ResponseWriter, version string, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/x-amz-json-"+version)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// key is the partition key of an item or a key.
type key struct {
	PK struct{ S string } `json:"pk"`
}

type item struct {
	TableName string
	Key, Item key
}

// leading is it as a condition key has it.
func (i item) leading() []string { return []string{i.Key.PK.S + i.Item.PK.S} }

// dynamoRequests are the rights that a call to DynamoDB needs: a transaction
// those of its parts ("Using IAM with transactions"), each with its own key.
func (g *guard) dynamoRequests(operation string, body []byte) (out []iam.Request, err error) {
	var in struct {
		item
		RequestItems  map[string]struct{ Keys []key }
		TransactItems []map[string]item

		KeyConditionExpression    string
		ExpressionAttributeValues map[string]struct{ S string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("read %s: %w", operation, err)
	}
	ask := func(action, table string, leading []string) {
		out = append(out, iam.Request{
			Action: "dynamodb:" + action, Resource: "arn:aws:dynamodb:" + g.region + ":" + sam.Account + ":table/" + table,
			Context: map[string][]string{"dynamodb:LeadingKeys": leading},
		})
	}
	switch operation {
	case "BatchGetItem":
		for table, want := range in.RequestItems {
			var leading []string
			for _, k := range want.Keys {
				leading = append(leading, k.PK.S)
			}
			ask(operation, table, leading)
		}
	case "TransactWriteItems":
		actions := map[string]string{"Put": "PutItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Update": "UpdateItem"}
		for _, part := range in.TransactItems {
			for kind, i := range part {
				ask(actions[kind], i.TableName, i.leading())
			}
		}
	case "Query":
		_, name, _ := strings.Cut(in.KeyConditionExpression, "pk = ")
		name, _, _ = strings.Cut(name, " ")
		ask(operation, in.TableName, []string{in.ExpressionAttributeValues[name].S})
	case "Scan":
		ask(operation, in.TableName, nil) // no leading keys: nothing restrains it
	default:
		ask(operation, in.TableName, in.leading())
	}
	return out, nil
}

// kmsRequests are the rights that a call to KMS needs.
func (g *guard) kmsRequests(operation string, body []byte) ([]iam.Request, error) {
	var in struct {
		KeyId               string //nolint:revive // KMS spells it so
		SigningAlgorithm    string
		MessageType         string
		EncryptionAlgorithm string
		EncryptionContext   map[string]string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("read %s: %w", operation, err)
	}
	r := iam.Request{Action: "kms:" + operation, Resource: in.KeyId, Context: map[string][]string{}}
	for key, value := range map[string]string{
		"SigningAlgorithm": in.SigningAlgorithm, "MessageType": in.MessageType, "EncryptionAlgorithm": in.EncryptionAlgorithm,
	} {
		if value != "" {
			r.Context["kms:"+key] = []string{value}
		}
	}
	for name, value := range in.EncryptionContext {
		r.Context["kms:EncryptionContext:"+name] = []string{value}
	}
	return []iam.Request{r}, nil
}
