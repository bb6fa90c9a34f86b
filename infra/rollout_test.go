package infra_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloudtest"
)

// askedFirst: of every function a new version is asked before anybody gets it, by a
// function that CodeDeploy's role may invoke.
func askedFirst(t *testing.T, template string, made map[string]cloudtest.Resource) {
	var p struct {
		Resources map[string]struct {
			Type         string
			UpdatePolicy struct {
				CodeDeployLambdaAliasUpdate struct{ BeforeAllowTrafficHook map[string]string }
			}
		}
	}
	if err := json.Unmarshal([]byte(template), &p); err != nil {
		t.Fatal(err)
	}
	var asked, not []string
	for id, r := range p.Resources {
		switch hook := r.UpdatePolicy.CodeDeployLambdaAliasUpdate.BeforeAllowTrafficHook["Ref"]; {
		case r.Type != "AWS::Lambda::Alias":
		case hook == "PrecheckFunction":
			asked = append(asked, id)
		default:
			not = append(not, id)
		}
	}
	if len(asked) < 10 || !slices.Equal(not, []string{"PrecheckFunctionAliaslive"}) {
		t.Errorf("asked %q, not asked %q", asked, not)
	}
	if name := made["PrecheckFunction"].ID; !strings.HasPrefix(name, "CodeDeployHook_") || len(name) > 64 {
		t.Errorf("the hook's name is %q", name)
	}
}
