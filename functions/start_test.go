package functions_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
)

// maxInit is how long a function may take from the start of its process until
// it asks for its first event (security-requirements.md 10).
const maxInit = 50 * time.Millisecond

// TestStartFigures prints what a cold start costs, beside that of the smallest function
// that there is, and how large the binaries are. Of three starts the fastest
// counts, of up to thirty while it is too slow: a busy machine makes them slower,
// nothing makes them faster.
func TestStartFigures(t *testing.T) {
	h := &hanging{}
	c := cloud.Start(t, cloud.Options{Between: h.between, Parameters: map[string]string{"PublicURL": "https://id.example.com"}})
	bin, cases := cloud.Build(t), readCases(t)
	var out strings.Builder
	fmt.Fprintf(&out, "%-10s %9s %12s %12s\n", "function", "size", "init", "first answer")
	for _, name := range append([]string{"hello", "refresh", "audit"}, names...) {
		event, env := []byte(`{}`), []string(nil)
		if name != "hello" {
			event, env = cases[slices.IndexFunc(cases, func(c eventCase) bool { return c.function == name })].event, c.Env(name)
		}
		var ready, answered time.Duration
		for n := 0; n < 3 || ready > maxInit && n < 30; n++ {
			h.arm(0, false)
			f := lambdaruntime.Start(t, filepath.Join(bin, name), env...)
			init, err := f.Ready()
			if err != nil {
				t.Fatal(err)
			}
			if n := h.arm(0, false); n != 0 {
				t.Errorf("%s made %d calls before its first event", name, n)
			}
			if _, err := f.InvokeRaw(event); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if ready == 0 || init < ready {
				ready = init
			}
			if answered == 0 || f.FirstAnswer() < answered {
				answered = f.FirstAnswer()
			}
		}
		if ready > maxInit {
			t.Errorf("%s needs %v before its first event, allowed are %v", name, ready, maxInit)
		}
		info, err := os.Stat(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%-10s %6.1f MB %12v %12v\n", name, float64(info.Size())/1e6, ready.Round(100*time.Microsecond), answered.Round(100*time.Microsecond))
	}
	t.Logf("start figures, this machine\n%s", out.String())
}
