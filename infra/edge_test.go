package infra_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloudtest"
)

const edgeTemplate = "infra/edge.yaml"

// pathRule is a part of a rule that looks at paths.
type pathRule struct {
	RegexMatchStatement *struct {
		RegexString         string
		TextTransformations []struct{ Type string }
	}
	OrStatement  *struct{ Statements []pathRule }
	AndStatement *struct{ Statements []pathRule }
	NotStatement *struct{ Statement *pathRule }
	LabelMatchStatement,
	ManagedRuleGroupStatement map[string]any
	RateBasedStatement *struct {
		Limit              int
		ScopeDownStatement pathRule
	}
}

// covers reports whether the rule is about a path as it is sent, of a request that
// has every label.
func (r pathRule) covers(path string) bool {
	is := func(r pathRule) bool { return r.covers(path) }
	switch {
	case r.RegexMatchStatement != nil:
		if r.RegexMatchStatement.TextTransformations[0].Type == "URL_DECODE" {
			if decoded, err := url.PathUnescape(path); err == nil {
				path = decoded
			}
		}
		return regexp.MustCompile(r.RegexMatchStatement.RegexString).MatchString(path)
	case r.OrStatement != nil:
		return slices.ContainsFunc(r.OrStatement.Statements, is)
	case r.AndStatement != nil:
		return !slices.ContainsFunc(r.AndStatement.Statements, func(r pathRule) bool { return !is(r) })
	case r.NotStatement != nil:
		return !is(*r.NotStatement.Statement)
	case r.RateBasedStatement != nil:
		return is(r.RateBasedStatement.ScopeDownStatement)
	}
	return true
}

var routeKey = regexp.MustCompile(`RouteKey: "(\S+) (\S+)"`)

// routesOf are the routes of template.yaml: method and path.
func routesOf(t *testing.T) (all [][2]string) {
	t.Helper()
	template, err := os.ReadFile("../" + mainTemplate)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range routeKey.FindAllStringSubmatch(string(template), -1) {
		all = append(all, [2]string{m[1], strings.NewReplacer("{sid}", "ABC", "{sp}", "x", "{id}", "1", "{file}", "a.js", "{proxy+}", "sps", "{letter}", "A").Replace(m[2])})
	}
	return all
}

// firewall looks at the rules as they came to be, with every route there is.
func firewall(t *testing.T, made cloudtest.Resource) {
	var acl struct {
		Rules []struct {
			Name             string
			Statement        pathRule
			Action           map[string]any
			VisibilityConfig struct{ SampledRequestsEnabled bool }
		}
	}
	data, err := json.Marshal(made.Says)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &acl); err != nil {
		t.Fatal(err)
	}
	rules := map[string]pathRule{}
	for _, r := range acl.Rules {
		rules[r.Name] = r.Statement
		if r.VisibilityConfig.SampledRequestsEnabled {
			t.Errorf("L7 %s keeps samples, which have cookies and queries", r.Name)
		}
	}
	names := slices.Sorted(maps.Keys(rules))
	if want := []string{"claims", "common", "common-elsewhere", "guesses", "known-attacks", "polls", "reputation", "requests"}; !slices.Equal(names, want) {
		t.Fatalf("rules %q, want %q", names, want)
	}
	t.Run("SAML passes", func(t *testing.T) {
		// What people and pages send elsewhere has no markup and no foreign address.
		small := regexp.MustCompile(`^/v1/(login/sessions|approvals|me|enroll)(/|$)|^/login/(finish|continue|plain)$`)
		for _, r := range routesOf(t) {
			judged := rules["common-elsewhere"].covers(r[1])
			switch {
			case (strings.HasPrefix(r[1], "/saml/") || strings.HasPrefix(r[1], "/wsfed") || strings.Contains(r[1], "logout")) && judged:
				t.Errorf("%s %s would be judged by what is in SAML", r[0], r[1])
			case r[0] != "GET" && judged && !small.MatchString(r[1]):
				t.Errorf("%s %s: does it get markup or addresses? Say here that it does not, or exempt it", r[0], r[1])
			}
		}
		for _, path := range []string{"/login", "/samlx", "/", "/v1/login/sessions", "/saml%2fsso", "/%73aml/sso"} {
			if !rules["common-elsewhere"].covers(path) {
				t.Errorf("the common rules do not judge %s", path)
			}
		}
	})
	t.Run("rates", func(t *testing.T) {
		for path, want := range map[string][]string{
			"/v1/login/sessions/ABC": {"polls"}, "/assets/a.js": {"polls"}, "/v1/enroll/recovery": {"guesses", "requests"}, "/v1/enroll/%72edeem": {"guesses", "requests"},
			"/v1/approvals/claim": {"claims", "requests"}, "/v1/approvals/cl%61im": {"claims", "requests"}, "/saml/ecp": {"claims", "requests"}, "/login/plain": {"claims", "requests"},
			"/saml/sso": {"requests"}, "/v1/login/sessions": {"requests"}, "/v1/login/sessions/ABC/user-code": {"requests"}, "/": {"requests"},
		} {
			var by []string
			for _, name := range names {
				if rules[name].RateBasedStatement != nil && rules[name].covers(path) {
					by = append(by, name)
				}
			}
			if !slices.Equal(by, want) {
				t.Errorf("%s is counted by %q, want %q", path, by, want)
			}
		}
	})
}

var sent = regexp.MustCompile(`"HeaderName":"X-Latchkey-Origin","HeaderValue":"([^"]*)"`)

// originSecret: CloudFront sends what Secrets Manager has, the stack's output
// names the replica, and the secret can be replaced.
func originSecret(t *testing.T, cloud *cloudtest.Cloud, template string, given map[string]string, made map[string]cloudtest.Resource) {
	now := func(made map[string]cloudtest.Resource) string {
		m := sent.FindStringSubmatch(text(made["Distribution"].Says["Origins"]))
		if m == nil {
			t.Fatalf("no header: %s", text(made["Distribution"].Says["Origins"]))
		}
		return m[1]
	}
	first := now(made)
	if value := made["Secret"].Says["Value"]; first != value {
		t.Errorf("CloudFront sends %q, the secret is %q", first, value)
	}
	want := strings.Replace(made["Secret"].ID, ":us-east-1:", ":eu-central-1:", 1)
	if got := cloud.Outputs(t, stackOf(edgeTemplate))["OriginSecret"]; got != want || want == made["Secret"].ID {
		t.Errorf("the output OriginSecret is %s, want %s", got, want)
	}
	id, next := made["Secret"].ID, "TEST-ONLY-another-secret-of-48-characters-0123456"
	put, err := secretsmanager.NewFromConfig(cloud.Config()).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &id, SecretString: &next})
	if err != nil {
		t.Fatal(err)
	}
	given["SecretVersion"] = *put.VersionId
	cloud.Deploy(t, stackOf(edgeTemplate), template, given)
	if again := now(cloud.Resources(t, stackOf(edgeTemplate))); again != next {
		t.Errorf("after it was replaced CloudFront sends %q", again)
	}
}
