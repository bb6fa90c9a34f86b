package counterparts_test

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
)

// The counterparts.
const (
	crewjam       = "crewjam/saml samlsp"
	simpleSAMLphp = "SimpleSAMLphp"
	nodeSAML      = "@node-saml/node-saml"
	python3SAML   = "python3-saml"
	mellon        = "mod_auth_mellon"
	fediz         = "Apache CXF Fediz"
)

// exercised counts what each counterpart did, for the report at the end.
var exercised = tally{signIns: map[string]int{}, refusals: map[string]int{}}

type tally struct {
	mu                sync.Mutex
	signIns, refusals map[string]int
	messages          int // judged by xmllint and xmlsec1
}

func (c *tally) signIn(who string)  { c.count(c.signIns, who) }
func (c *tally) refusal(who string) { c.count(c.refusals, who) }

func (c *tally) count(of map[string]int, who string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of[who]++
}

func (c *tally) message() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages++
}

// TestMain prints what was exercised and what came out. A complete run that left
// a counterpart or a behaviour out is no success.
func TestMain(m *testing.M) {
	flag.Parse()
	code := cloud.Main(m)
	complete := os.Getenv("LATCHKEY_REQUIRE_ALL") == "1" && flag.Lookup("test.run").Value.String() == ""
	names := []string{fediz}
	for _, c := range counterparts {
		names = append(names, c.name)
	}
	for _, name := range names {
		signIns, refusals := exercised.signIns[name], exercised.refusals[name]
		fmt.Printf("figure: %-22s %3d sign-ins, %2d refusals\n", name, signIns, refusals)
		if complete && code == 0 && (signIns == 0 || refusals == 0) {
			fmt.Fprintln(os.Stderr, name, "was not exercised")
			code = 1
		}
	}
	fmt.Printf("figure: %-22s %3d messages\n", "xmllint and xmlsec1", exercised.messages)
	if !outcomes.print(os.Stdout) && complete {
		code = max(code, 1)
	}
	os.Exit(code)
}

// missing ends the test where a counterpart was not found (err).
func missing(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("LATCHKEY_REQUIRE_ALL") == "1" {
		t.Fatalf("%s is needed: %v", what, err)
	}
	t.Skipf("no %s: %v", what, err)
}
