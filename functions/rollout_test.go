package functions_test

import (
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
)

// TestRollout: a new version that could not answer anybody stops its deployment.
func TestRollout(t *testing.T) {
	asks := func(t *testing.T, c *cloud.Cloud, want string) {
		t.Helper()
		status, err := c.Rollout()
		if err != nil || status != want {
			t.Errorf("%q, %v; want %s\n%s", status, err, want, c.Output("precheck"))
		}
	}
	says := func(t *testing.T, c *cloud.Cloud, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(c.Output("precheck"), word) {
				t.Errorf("the log does not say %s\n%s", word, c.Output("precheck"))
			}
		}
	}
	t.Run("all is well", func(t *testing.T) {
		c := behindCloudFront(t) // nobody but CloudFront can make a request, and none is needed
		asks(t, c, "Succeeded")
		for _, name := range names {
			if c.Instances(name) != 1 {
				t.Errorf("%s was not asked", name)
			}
		}
	})
	t.Run("a key is disabled, and enabled again", func(t *testing.T) {
		c := deployed(t)
		c.KMS.Inject("Encrypt", kmsfake.Always, kmsfake.Disabled())
		asks(t, c, "Failed")
		says(t, c, "SSOFunction.Version", "WSFedFunction.Version", "kms.denied")
		if strings.Contains(c.Output(), "RequestFailed") {
			t.Error("it counts as a request that failed, for which somebody is woken")
		}
		c.KMS.Heal()
		asks(t, c, "Succeeded")
	})
	t.Run("a setting is wrong in one function", func(t *testing.T) {
		c := cloud.Start(t, cloud.Options{Environ: func(function string, env []string) []string {
			if function == "slo" {
				env = append(env, "LATCHKEY_PUBLIC_URL=http://not.encrypted")
			}
			return env
		}})
		asks(t, c, "Failed")
		says(t, c, "SLOFunction.Version")
		if strings.Contains(c.Output("precheck"), "SSOFunction") {
			t.Error("the others are well")
		}
	})
	t.Run("an event that is not CodeDeploy's", func(t *testing.T) {
		c := deployed(t)
		for _, event := range []string{`{}`, `{"DeploymentId":"d-1"}`, `[]`, `{"latchkey":"ready?"}`} {
			if _, err := c.Invoke("precheck", []byte(event)); err == nil {
				t.Errorf("%s is answered", event)
			}
		}
		if c.Instances("sso") != 0 {
			t.Error("it asked all the same")
		}
	})
}
