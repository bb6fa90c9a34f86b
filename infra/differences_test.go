package infra_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// differences says where got is not what want says (see TestDeployed).
func differences(want, got any, at string) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %s, not an object", at, text(got))}
		}
		var found []string
		for k, v := range w {
			found = append(found, differences(v, g[k], at+" › "+k)...)
		}
		return found
	case string:
		if pattern, ok := strings.CutPrefix(w, "~"); ok {
			if !regexp.MustCompile(pattern).MatchString(text(got)) {
				return []string{fmt.Sprintf("%s is %s, want %s", at, text(got), pattern)}
			}
			return nil
		}
	}
	if !reflect.DeepEqual(want, got) {
		return []string{fmt.Sprintf("%s is %s, want %s", at, text(got), text(want))}
	}
	return nil
}

// text is a string itself, and anything else as JSON.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	out, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func TestDifferences(t *testing.T) {
	got := map[string]any{"a": "x-1", "n": 1.0, "o": map[string]any{"p": true, "more": "y"}, "l": []any{"z"}}
	for want, wrong := range map[string]string{
		`{"a": "x-1", "n": 1, "o": {"p": true}, "l": ["z"], "none": null}`: "",
		`{"a": "~^x-"}`:         "",
		`{"l": "~z"}`:           "",
		`{"a": "x"}`:            "R › a is x-1, want x",
		`{"a": "~^y"}`:          "R › a is x-1, want ^y",
		`{"o": {"p": false}}`:   "R › o › p is true, want false",
		`{"o": {"more": null}}`: "R › o › more is y, want null",
		`{"a": {"b": 1}}`:       "R › a is x-1, not an object",
		`{"l": []}`:             `R › l is ["z"], want []`,
		`{"none": 1}`:           "R › none is null, want 1",
	} {
		var w any
		if err := json.Unmarshal([]byte(want), &w); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wrong, strings.Join(differences(w, any(got), "R"), "; ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want, diff)
		}
	}
}
