package functions_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
)

// TestHealthNamesTheProgram: whoever has the release can tell whether it is what
// runs.
func TestHealthNamesTheProgram(t *testing.T) {
	bootstrap := filepath.Join(cloud.Build(t), "metadata")
	program, err := os.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	event, err := os.ReadFile("../events/metadata/healthz.json")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("C5 hash of the program", func(t *testing.T) {
		resp, err := invoke(deployed(t), "metadata", event)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Build string }
		if err := json.Unmarshal([]byte(resp.Body), &got); err != nil {
			t.Fatalf("%v in %s", err, resp.Body)
		}
		sum := sha256.Sum256(program)
		if want := hex.EncodeToString(sum[:]); got.Build != want {
			t.Errorf("build %q, want %s", got.Build, want)
		}
	})
}
