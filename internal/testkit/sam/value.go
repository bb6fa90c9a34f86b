package sam

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// noValue is what !Ref AWS::NoValue leaves out.
type noValue struct{}

// eval is the value of a node once its functions are carried out.
func (s *Stack) eval(n *yaml.Node) (any, error) {
	if n.Kind == yaml.AliasNode {
		return s.eval(n.Alias)
	}
	if name, ok := strings.CutPrefix(n.Tag, "!"); ok && !strings.HasPrefix(name, "!") {
		arg := &yaml.Node{Kind: n.Kind, Content: n.Content, Value: n.Value}
		if n.Kind == yaml.ScalarNode {
			arg.Tag = "!!str"
		}
		return s.call(name, arg)
	}
	switch n.Kind {
	case yaml.MappingNode:
		return s.mapping(n)
	case yaml.SequenceNode:
		return s.sequence(n)
	default:
		var v any
		err := n.Decode(&v)
		return v, err
	}
}

func (s *Stack) mapping(n *yaml.Node) (any, error) {
	if len(n.Content) == 2 {
		name := strings.TrimPrefix(n.Content[0].Value, "Fn::")
		if name == "Ref" || name != n.Content[0].Value {
			return s.call(name, n.Content[1])
		}
	}
	out := map[string]any{}
	for i := 0; i < len(n.Content); i += 2 {
		v, err := s.eval(n.Content[i+1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Content[i].Value, err)
		}
		if _, left := v.(noValue); !left {
			out[n.Content[i].Value] = v
		}
	}
	return out, nil
}

func (s *Stack) sequence(n *yaml.Node) ([]any, error) {
	var out []any
	for _, c := range n.Content {
		v, err := s.eval(c)
		if err != nil {
			return nil, err
		}
		if _, left := v.(noValue); !left {
			out = append(out, v)
		}
	}
	return out, nil
}

// call carries out an intrinsic function.
func (s *Stack) call(name string, arg *yaml.Node) (any, error) {
	switch name {
	case "Ref":
		return s.ref(arg.Value)
	case "Condition":
		return s.condition(arg.Value)
	case "If":
		return s.branch(arg)
	}
	v, err := s.eval(arg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	list, _ := v.([]any)
	switch {
	case name == "GetAtt" && list == nil:
		return s.attribute(fmt.Sprint(v)), nil
	case name == "GetAtt" && len(list) == 2:
		return s.attribute(fmt.Sprintf("%v.%v", list...)), nil
	case name == "Sub" && list == nil:
		return s.substitute(fmt.Sprint(v), nil)
	case name == "Sub" && len(list) == 2:
		variables, _ := list[1].(map[string]any)
		return s.substitute(fmt.Sprint(list[0]), variables)
	case name == "Equals" && len(list) == 2:
		return fmt.Sprint(list[0]) == fmt.Sprint(list[1]), nil
	case name == "Not" && len(list) == 1:
		return list[0] != true, nil
	case name == "And" || name == "Or":
		return fold(name, list), nil
	case name == "Split" && len(list) == 2:
		return split(list), nil
	case name == "Join" && len(list) == 2:
		return join(list), nil
	case name == "Select" && len(list) == 2:
		return choose(list)
	}
	return nil, fmt.Errorf("function %s of %v is not known", name, v)
}

func (s *Stack) branch(arg *yaml.Node) (any, error) {
	if len(arg.Content) != 3 {
		return nil, fmt.Errorf("function If has %d arguments", len(arg.Content))
	}
	yes, err := s.condition(arg.Content[0].Value)
	if err != nil {
		return nil, err
	}
	if yes {
		return s.eval(arg.Content[1])
	}
	return s.eval(arg.Content[2])
}

func (s *Stack) condition(name string) (bool, error) {
	n := member(member(s.root, "Conditions"), name)
	if n == nil {
		return false, fmt.Errorf("no condition %s", name)
	}
	v, err := s.eval(n)
	if err != nil {
		return false, fmt.Errorf("condition %s: %w", name, err)
	}
	return v == true, nil
}

// pseudo are the parameters that every stack has.
var pseudo = map[string]any{
	"AWS::AccountId": Account, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
	"AWS::StackName": "latchkey", "AWS::NoValue": noValue{},
	"AWS::StackId": "arn:aws:cloudformation:" + Region + ":" + Account + ":stack/latchkey/4f6b1d50-0000-4000-8000-000000000000",
}

func (s *Stack) region() string { return cmp.Or(s.values.Region, Region) }

func (s *Stack) ref(name string) (any, error) {
	if name == "AWS::Region" {
		return s.region(), nil
	}
	if v, ok := pseudo[name]; ok {
		return v, nil
	}
	if v, ok := s.values.Parameters[name]; ok {
		return v, nil
	}
	if p := member(member(s.root, "Parameters"), name); p != nil {
		if d := member(p, "Default"); d != nil {
			return s.eval(d)
		}
		return nil, fmt.Errorf("parameter %s has no value", name)
	}
	if v, ok := s.values.Names[name]; ok {
		return v, nil
	}
	return name, nil // of a resource: its logical ID will do
}

// attribute is that of a resource, such as Table.Arn.
func (s *Stack) attribute(of string) string {
	if v, ok := s.values.Attributes[of]; ok {
		return v
	}
	return "arn:aws:test:" + s.region() + ":" + Account + ":" + of
}

var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9:.]+)\}`)

func (s *Stack) substitute(text string, variables map[string]any) (string, error) {
	var failed error
	out := placeholder.ReplaceAllStringFunc(text, func(p string) string {
		name := p[2 : len(p)-1]
		if v, ok := variables[name]; ok {
			return fmt.Sprint(v)
		}
		if strings.Contains(name, ".") {
			return s.attribute(name)
		}
		v, err := s.ref(name)
		if err != nil {
			failed = err
		}
		return fmt.Sprint(v)
	})
	return strings.ReplaceAll(out, "${!", "${"), failed
}

func fold(name string, list []any) bool {
	for _, v := range list {
		if (v == true) == (name == "Or") {
			return name == "Or"
		}
	}
	return name == "And"
}

func split(list []any) []any {
	var out []any
	for _, part := range strings.Split(fmt.Sprint(list[1]), fmt.Sprint(list[0])) {
		out = append(out, part)
	}
	return out
}

func choose(list []any) (any, error) {
	from, _ := list[1].([]any)
	n, err := strconv.Atoi(fmt.Sprint(list[0]))
	if err != nil || n < 0 || n >= len(from) {
		return nil, fmt.Errorf("function Select has no item %v of %v", list[0], from)
	}
	return from[n], nil
}

func join(list []any) string {
	parts, _ := list[1].([]any)
	var out []string
	for _, p := range parts {
		out = append(out, fmt.Sprint(p))
	}
	return strings.Join(out, fmt.Sprint(list[0]))
}
