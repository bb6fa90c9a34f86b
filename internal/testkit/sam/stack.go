// Package sam reads template.yaml as CloudFormation and SAM would, as far as
// tests need it: what environment and rights each function has, which route
// leads to which function, and what the keys' policies say.
package sam

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/latchkey-idp/latchkey/internal/testkit/iam"
)

// Where the stack is.
const (
	Region  = "eu-central-1"
	Account = "111122223333"
)

// Values are what is known once a stack is deployed.
type Values struct {
	Region     string            // empty: Region
	Parameters map[string]string // other than their defaults
	Names      map[string]string // of resources, by logical ID: what !Ref gives
	Attributes map[string]string // "Table.Arn": what !GetAtt gives
}

// Stack is a template with values.
type Stack struct {
	root   *yaml.Node
	values Values

	Functions   map[string]Function        // by name: the folder below functions/
	Routes      []Route                    // of the HTTP API
	Resources   []Resource                 // all of them
	KeyPolicies map[string][]iam.Statement // by the key's ARN
}

// Resource is one of the template's, as it says.
type Resource struct {
	LogicalID, Type string
	Properties      map[string]any
}

// Function is a Lambda function.
type Function struct {
	Name      string
	LogicalID string
	Timeout   time.Duration
	Scheduled bool
	Env       map[string]string
	Tags      map[string]string // its role has them, too
	Policy    []iam.Statement   // of its role
	Managed   []string          // names of the role's managed policies
}

// Route is one of the HTTP API.
type Route struct {
	Key      string // such as "GET /v1/me"
	IAM      bool   // demands a signed request
	Function string
	Timeout  time.Duration
}

// Read reads a template and gives it values.
func Read(path string, values Values) (*Stack, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	if len(doc.Content) != 1 {
		return nil, fmt.Errorf("read template: %s is empty", path)
	}
	s := &Stack{root: doc.Content[0], values: values, Functions: map[string]Function{}, KeyPolicies: map[string][]iam.Statement{}}
	integrations := map[string]properties{}
	err = s.each(func(id, kind string, p properties) (err error) {
		s.Resources = append(s.Resources, Resource{id, kind, p})
		switch kind {
		case "AWS::Serverless::Function":
			err = s.function(id, p)
		case "AWS::KMS::Key", "AWS::KMS::ReplicaKey":
			s.KeyPolicies[s.attribute(id+".Arn")], err = iam.Parse(p.object("KeyPolicy"))
		case "AWS::ApiGatewayV2::Integration":
			integrations[id] = p
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, s.each(func(id, kind string, p properties) error {
		if kind != "AWS::ApiGatewayV2::Route" {
			return nil
		}
		return s.route(p, integrations[strings.TrimPrefix(p.text("Target"), "integrations/")])
	})
}

// each calls f for every resource that the conditions leave in.
func (s *Stack) each(f func(id, kind string, p properties) error) error {
	resources := member(s.root, "Resources")
	for i := 0; i < len(resources.Content); i += 2 {
		id, n := resources.Content[i].Value, resources.Content[i+1]
		if c := member(n, "Condition"); c != nil {
			if yes, err := s.condition(c.Value); err != nil || !yes {
				if err != nil {
					return err
				}
				continue
			}
		}
		p := properties{}
		if body := member(n, "Properties"); body != nil {
			v, err := s.eval(body)
			if err != nil {
				return fmt.Errorf("resource %s: %w", id, err)
			}
			p, _ = v.(map[string]any)
		}
		if err := f(id, member(n, "Type").Value, p); err != nil {
			return fmt.Errorf("resource %s: %w", id, err)
		}
	}
	return nil
}

func (s *Stack) function(id string, p properties) error {
	globals := properties{}
	if n := member(member(s.root, "Globals"), "Function"); n != nil {
		v, err := s.eval(n)
		if err != nil {
			return fmt.Errorf("globals: %w", err)
		}
		globals, _ = v.(map[string]any)
	}
	f := Function{
		Name: strings.ToLower(strings.TrimSuffix(id, "Function")), LogicalID: id, Tags: p.object("Tags").texts(),
		Env: globals.object("Environment").object("Variables").texts(), Scheduled: len(p.object("Events")) > 0,
	}
	maps.Copy(f.Env, p.object("Environment").object("Variables").texts())
	seconds, ok := p["Timeout"].(int)
	if !ok {
		seconds, _ = globals["Timeout"].(int)
	}
	f.Timeout = time.Duration(seconds) * time.Second
	policies, _ := p["Policies"].([]any)
	for _, one := range policies {
		document, ok := one.(map[string]any)
		if !ok {
			f.Managed = append(f.Managed, fmt.Sprint(one))
			continue
		}
		statements, err := iam.Parse(document)
		if err != nil {
			return err
		}
		f.Policy = append(f.Policy, statements...)
	}
	s.Functions[f.Name] = f
	return nil
}

// route finds the function behind a route; its integration may name the
// function, or an alias or version of it.
func (s *Stack) route(p, integration properties) error {
	r := Route{Key: p.text("RouteKey"), IAM: p.text("AuthorizationType") == "AWS_IAM"}
	ms, _ := integration["TimeoutInMillis"].(int)
	r.Timeout = time.Duration(ms) * time.Millisecond
	uri := integration.text("IntegrationUri")
	for _, f := range s.Functions {
		if strings.Contains(uri, f.LogicalID) {
			r.Function = f.Name
		}
	}
	if r.Function == "" || r.Timeout == 0 {
		return fmt.Errorf("route %q leads to %q within %v", r.Key, uri, r.Timeout)
	}
	s.Routes = append(s.Routes, r)
	return nil
}

// Names are the functions' names, sorted.
func (s *Stack) Names() []string { return slices.Sorted(maps.Keys(s.Functions)) }

// member is that of a mapping; nil: there is none.
func member(n *yaml.Node, name string) *yaml.Node {
	if n == nil {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// properties are those of a resource.
type properties map[string]any

func (p properties) text(name string) string {
	s, _ := p[name].(string)
	return s
}

func (p properties) object(name string) properties {
	m, _ := p[name].(map[string]any)
	return m
}

func (p properties) texts() map[string]string {
	out := map[string]string{}
	for name, v := range p {
		out[name] = fmt.Sprint(v)
	}
	return out
}
