package infra_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// CloudFormation refuses a template in which resources need each other. `sam
// validate` does not see it, because the functions' ARNs get into an API's
// definition by the transform only.

// needs says for each resource of a template which others it refers to.
func needs(t *testing.T, template string) map[string][]string {
	t.Helper()
	var parsed struct{ Resources map[string]any }
	if err := json.Unmarshal([]byte(template), &parsed); err != nil {
		t.Fatal(err)
	}
	graph := map[string][]string{}
	for name, r := range parsed.Resources {
		for _, other := range references(r) {
			if _, ok := parsed.Resources[other]; ok {
				graph[name] = append(graph[name], other)
			}
		}
		slices.Sort(graph[name])
	}
	return graph
}

var substituted = regexp.MustCompile(`\$\{([^!.}]+)`)

// references are the names after Ref, GetAtt and DependsOn, and in Sub.
func references(v any) []string {
	var found []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			found = append(found, references(e)...)
		}
	case map[string]any:
		for key, e := range v {
			found = append(found, references(e)...)
			words := flat(e)
			switch {
			case len(words) == 0:
			case key == "Ref", key == "DependsOn":
				found = append(found, words...)
			case key == "Fn::GetAtt":
				found = append(found, strings.Split(words[0], ".")[0])
			case key == "Fn::Sub":
				for _, m := range substituted.FindAllStringSubmatch(words[0], -1) {
					found = append(found, m[1])
				}
			}
		}
	}
	return found
}

// flat is a string, or those of a list.
func flat(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// circle finds a way that comes back to where it began.
func circle(graph map[string][]string) []string {
	done := map[string]bool{}
	var way []string
	var walk func(string) []string
	walk = func(name string) []string {
		if i := slices.Index(way, name); i >= 0 {
			return append(slices.Clone(way[i:]), name)
		}
		if done[name] {
			return nil
		}
		way = append(way, name)
		for _, next := range graph[name] {
			if found := walk(next); found != nil {
				return found
			}
		}
		way = way[:len(way)-1]
		done[name] = true
		return nil
	}
	for name := range graph {
		if found := walk(name); found != nil {
			return found
		}
	}
	return nil
}
