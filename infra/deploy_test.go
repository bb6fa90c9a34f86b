// Package infra_test deploys the templates, without AWS: see
// internal/testkit/cloudtest.
package infra_test

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloudtest"
)

const (
	mainTemplate = "template.yaml"
	mainStack    = "id"
)

// read reads a file of testdata.
func read[T any](t *testing.T, name string) T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// templates are all of the repository's, the main one first.
func templates(t *testing.T) []string {
	t.Helper()
	optional, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := []string{mainTemplate, "infra/testdata/kinds.yaml", "infra/testdata/replica.yaml"}
	for _, name := range optional {
		all = append(all, path.Join("infra", name))
	}
	return all
}

// stackOf is the name of the stack that a template is deployed as.
func stackOf(template string) string {
	if template == mainTemplate {
		return mainStack
	}
	return mainStack + "-" + strings.TrimSuffix(path.Base(template), ".yaml")
}

// parsed is what the tests read of a template that was transformed.
type parsed struct {
	Resources map[string]struct {
		Type, Condition string
		DeletionPolicy  string
	}
}

func parse(t *testing.T, template string) parsed {
	t.Helper()
	var p parsed
	if err := json.Unmarshal([]byte(template), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestStacks deploys the templates as they are released, in one account: first
// the main one, which is looked at closely and then updated, then the others.
func TestStacks(t *testing.T) {
	cloud := cloudtest.Start(t)
	parameters := read[map[string]map[string]string](t, "parameters.json")
	known := map[string]string{"@zone": cloud.Zone} // values of parameters, by their names
	for _, name := range templates(t) {
		t.Run(name, func(t *testing.T) {
			cloud, given := placed(t, cloud, parameters[name], known)
			template := cloud.Template(t, name, "1")
			cloud.Lint(t, template)
			if cycle := circle(needs(t, template)); cycle != nil {
				t.Fatalf("circular dependency: %s", strings.Join(cycle, " → "))
			}
			cloud.Deploy(t, stackOf(name), template, given)
			made := cloud.Resources(t, stackOf(name))
			allMade(t, template, made)
			if name == mainTemplate {
				t.Run("as intended", func(t *testing.T) { asIntended(t, "intended.json", made) })
				t.Run("L1 every route reaches a function", func(t *testing.T) { routesReach(t, made) })
				t.Run("L5 no secret in an environment", func(t *testing.T) { plainEnvironment(t, made) })
				t.Run("throttled routes", func(t *testing.T) { throttledRoutesAreThere(t, template) })
				t.Run("new versions are asked first", func(t *testing.T) { askedFirst(t, template, made) })
				t.Run("what outlives the stack", func(t *testing.T) { retained(t, template) })
				t.Run("update", func(t *testing.T) { update(t, cloud, made) })
				t.Run("a second region", func(t *testing.T) { secondRegion(t, cloud) })
			}
			if name == edgeTemplate {
				t.Run("as intended", func(t *testing.T) { asIntended(t, "intended-edge.json", made) })
				t.Run("what WAF stops", func(t *testing.T) { firewall(t, made["Firewall"]) })
				t.Run("L4 the secret", func(t *testing.T) { originSecret(t, cloud, template, given, made) })
			}
			for output, value := range cloud.Outputs(t, stackOf(name)) {
				known["@"+stackOf(name)+"."+output] = value
			}
		})
	}
	t.Run("the stack of the second region", func(t *testing.T) { secondStack(t, cloud.In(second), known) })
	t.Run("replacement", func(t *testing.T) { replacement(t, cloud) })
	t.Run("a circular template", func(t *testing.T) {
		cycle := circle(needs(t, cloud.Template(t, "infra/testdata/circular.yaml", "1")))
		if len(cycle) < 3 || !slices.Contains(cycle, "HttpApi") {
			t.Errorf("the cycle was not found: %q", cycle)
		}
	})
}

// placed is where a template is deployed and with what: "@region" among its
// parameters is no parameter but the region; the value "@zone" is a zone, and
// "@STACK.OUTPUT" what a stack before it has put out.
func placed(t *testing.T, cloud *cloudtest.Cloud, given, known map[string]string) (*cloudtest.Cloud, map[string]string) {
	t.Helper()
	if given == nil {
		t.Fatalf("testdata/parameters.json has no parameters for it (none are {})")
	}
	parameters := map[string]string{}
	for k, v := range given {
		value, found := known[v]
		switch {
		case k == "@region":
			cloud = cloud.In(v)
		case found:
			parameters[k] = value
		case strings.HasPrefix(v, "@"):
			t.Fatalf("there is no %s", v)
		default:
			parameters[k] = v
		}
	}
	return cloud, parameters
}

// allMade checks that every resource came to be.
func allMade(t *testing.T, template string, made map[string]cloudtest.Resource) {
	t.Helper()
	for id, r := range parse(t, template).Resources {
		found, there := made[id]
		switch {
		case !there && r.Condition == "":
			t.Errorf("%s was not made: scripts/moto knows no %s", id, r.Type)
		case found.NotMade != "":
			t.Logf("not made: %s, %s: %s", id, r.Type, found.NotMade)
		}
	}
}

// asIntended compares with a file of testdata. A name there is a pattern for
// logical ids; with ? at its end, nothing needs to match. What is said of a
// resource must be so: null is absent, "~..." is a regular expression, and of an
// object other members don't matter.
func asIntended(t *testing.T, file string, made map[string]cloudtest.Resource) {
	for pattern, want := range read[map[string]any](t, file) {
		pattern, matched := strings.CutSuffix(pattern, "?")
		for id, r := range made {
			if ok, err := path.Match(pattern, id); err != nil || !ok {
				continue
			}
			matched = true
			for _, wrong := range differences(want, any(r.Says), id) {
				t.Error(wrong)
			}
		}
		if !matched {
			t.Errorf("there is no %s", pattern)
		}
	}
}

func retained(t *testing.T, template string) {
	var kept []string
	for id, r := range parse(t, template).Resources {
		if r.DeletionPolicy == "Retain" && r.Type != "AWS::Lambda::Version" {
			kept = append(kept, id)
		}
	}
	slices.Sort(kept)
	if diff := cmp.Diff([]string{"EncryptionKey", "SigningKey", "Table", "WrappingKey"}, kept); diff != "" {
		t.Errorf("what is retained (-want +got):\n%s", diff)
	}
}

// update changes parameters and the code: what holds data or is known to others
// stays what it is, and the changes arrive.
func update(t *testing.T, cloud *cloudtest.Cloud, before map[string]cloudtest.Resource) {
	cloud.Deploy(t, mainStack, cloud.Template(t, mainTemplate, "2"), map[string]string{
		"LogRetentionDays": "365", "EncryptIdentifiers": "true", "ThrottleRate": "50", "DisplayName": "Another",
	})
	after := cloud.Resources(t, mainStack)
	for id, was := range before {
		// A version is what a release is: the one before it stays.
		if was.Type != "AWS::Lambda::Version" && was.ID != after[id].ID {
			t.Errorf("%s, %s, is now %s", id, was.ID, after[id].ID)
		}
	}
	type object = map[string]any
	code, ok := before["SSOFunction"].Says["CodeSha256"].(string)
	if !ok || code == after["SSOFunction"].Says["CodeSha256"] {
		t.Errorf("the code is still %s", code)
	}
	for id, r := range after {
		if r.Type == "AWS::Lambda::Alias" && r.Says["FunctionVersion"] != "2" {
			t.Errorf("%s is at version %v after the second release", id, r.Says["FunctionVersion"])
		}
	}
	for id, want := range map[string]any{
		"EncryptionKey": object{"KeyState": "Enabled"},
		"SSOLog":        object{"retentionInDays": 365.0},
		"HttpApi":       object{"Stages": object{"$default": object{"DefaultRouteSettings": object{"ThrottlingRateLimit": 50.0}}}},
		"SSOFunction":   object{"Environment": object{"Variables": object{"LATCHKEY_DISPLAY_NAME": "Another"}}},
	} {
		for _, wrong := range differences(want, any(after[id].Says), id) {
			t.Error(wrong)
		}
	}
}

// replacement: the deployments here replace what AWS would, so that update can
// fail.
func replacement(t *testing.T, cloud *cloudtest.Cloud) {
	template := func(name, recovery string) string {
		return `{"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {
			"TableName": "` + name + `", "BillingMode": "PAY_PER_REQUEST",
			"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
			"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
			"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": ` + recovery + `}}}}}`
	}
	cloud.Deploy(t, "s", template("one", "false"), nil)
	cloud.Deploy(t, "s", template("one", "true"), nil)
	same := cloud.Resources(t, "s")["Table"]
	if same.ID != "one" || same.Says["PITR"] != "ENABLED" {
		t.Errorf("after an update in place: %s, %v", same.ID, same.Says["PITR"])
	}
	cloud.Deploy(t, "s", template("two", "true"), nil)
	if other := cloud.Resources(t, "s")["Table"]; other.ID != "two" {
		t.Errorf("after an update that replaces: %s", other.ID)
	}
}

// routesReach checks that each integration names a function of the stack, or an
// alias of one, which lets this API invoke it and nobody's else.
func routesReach(t *testing.T, made map[string]cloudtest.Resource) {
	callable := map[string]cloudtest.Resource{}
	for _, r := range made {
		switch r.Type {
		case "AWS::Lambda::Function":
			callable[text(r.Says["FunctionArn"])] = r
		case "AWS::Lambda::Alias":
			callable[r.ID] = r
		}
	}
	var api struct {
		Routes map[string]struct {
			Integration struct{ IntegrationUri string }
		}
	}
	if err := json.Unmarshal([]byte(text(made["HttpApi"].Says)), &api); err != nil {
		t.Fatal(err)
	}
	if len(api.Routes) < 70 {
		t.Errorf("there are %d routes", len(api.Routes))
	}
	ours := ":" + made["HttpApi"].ID + "/"
	for key, route := range api.Routes {
		uri := strings.TrimSuffix(route.Integration.IntegrationUri, "/invocations")
		if _, arn, path := strings.Cut(uri, "/functions/"); path {
			uri = arn
		}
		target, there := callable[uri]
		if !there {
			t.Errorf("%s leads to %s, which is no function of the stack", key, route.Integration.IntegrationUri)
			continue
		}
		if who := invokers(target); len(who) != 1 || !strings.Contains(who[0], ours) {
			t.Errorf("L1 %s leads to %s, which API Gateway may invoke for %q", key, target.ID, who)
		}
	}
}

// invokers are the ARNs for which API Gateway may invoke a function.
func invokers(r cloudtest.Resource) []string {
	var found []string
	policy, _ := r.Says["Policy"].(map[string]any)
	for _, statement := range policy {
		s := text(statement)
		if strings.Contains(s, `"apigateway.amazonaws.com"`) && strings.Contains(s, `"Allow"`) {
			found = append(found, strings.Join(sourceARN.FindAllString(s, -1), " "))
		}
	}
	return found
}

var sourceARN = regexp.MustCompile(`arn:aws:execute-api:[^"]+`)

// settings are the names that an environment may have. None holds a secret.
var settings = []string{
	"LATCHKEY_ORIGIN_SECRET",
	"LATCHKEY_ATTESTATION", "LATCHKEY_ATTESTATION_MODELS", "LATCHKEY_ATTESTATION_ROOTS", "LATCHKEY_DISPLAY_NAME",
	"LATCHKEY_ENCRYPTION_KEY", "LATCHKEY_ENTITY_ID", "LATCHKEY_HEALTH_HOST", "LATCHKEY_INFORMATION_URL", "LATCHKEY_ISSUERS",
	"LATCHKEY_LOGO_URL", "LATCHKEY_LOG_LEVEL", "LATCHKEY_MASTER_KEY", "LATCHKEY_PRIVACY_URL", "LATCHKEY_PUBLIC_URL",
	"LATCHKEY_RESTORED_FROM",
	"LATCHKEY_SIGNING_KEY", "LATCHKEY_SUPPORT_URL", "LATCHKEY_TABLE", "LATCHKEY_VERSIONS",
}

func plainEnvironment(t *testing.T, made map[string]cloudtest.Resource) {
	for id, r := range made {
		names, _ := r.Says["EnvironmentNames"].([]any)
		for _, name := range names {
			if !slices.Contains(settings, text(name)) {
				t.Errorf("L5 %s has %s in its environment", id, name)
			}
		}
	}
}
