package functions_test

import (
	"os"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
)

// TestEachSignatureIsLogged: S18, whatever the level of the log: the nightly
// check (infra/sign-audit.yaml) takes a signature without its line for somebody
// else's.
func TestEachSignatureIsLogged(t *testing.T) {
	c := cloud.Start(t, cloud.Options{Parameters: map[string]string{"PublicURL": "https://id.example.com", "LogLevel": "error"}})
	event, err := os.ReadFile("../events/metadata/saml-metadata.json")
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := invoke(c, "metadata", event); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d, %v", resp.StatusCode, err)
	}
	signatures, out := 0, c.Output("metadata")
	for _, call := range c.KMS.Calls("Sign") {
		signatures++
		if line := `"msg":"KMS Sign","key":"` + c.Keys.Signing + `","request_id":"` + call.RequestID + `"`; strings.Count(out, line) != 1 {
			t.Errorf("S18 no line %s", line)
		}
	}
	if lines := strings.Count(out, `"msg":"KMS Sign"`); signatures == 0 || lines != signatures {
		t.Errorf("S18 %d signatures, %d lines:\n%s", signatures, lines, out)
	}
}
