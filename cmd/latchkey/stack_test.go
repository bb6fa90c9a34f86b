package main

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloudtest"
)

// TestStackScripts runs the command line against a deployed stack "id", and
// another, "broken", at the same address and without a topic for its alarms.
func TestStackScripts(t *testing.T) {
	cloud, site := cloudtest.Start(t), cloudtest.NewSite(t)
	template := cloud.Template(t, "template.yaml", "1")
	cloud.Deploy(t, "id", template, map[string]string{"PublicURL": site.URL, "AlarmTopic": "arn:aws:sns:eu-central-1:123456789012:alarms"})
	cloud.Deploy(t, "broken", template, map[string]string{"PublicURL": site.URL})
	key := cloud.Resources(t, "id")["SigningKey"].ID
	document := site.Identity(t, kms.NewFromConfig(cloud.Config()), key).Metadata(t)
	site.Set(func(l *cloudtest.Looks) { l.Metadata = document })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw}), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/stack", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for name, value := range map[string]string{
				"AWS_ENDPOINT_URL": cloud.Endpoint, "AWS_REGION": cloudtest.Region, "AWS_ACCESS_KEY_ID": "test",
				"AWS_SECRET_ACCESS_KEY": "test", "SSL_CERT_FILE": ca, "HOME": e.WorkDir,
			} {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exit-code": exitCode},
	})
}
