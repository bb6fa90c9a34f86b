package functions_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/latchkey-idp/latchkey/internal/adminclient/awsauth"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/load"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

var (
	people  = flag.Int("people", 4, "who sign in at once")
	signIns = flag.Int("times", 12, "how many sign-ins")
	think   = flag.Duration("think", 0, "before the scan, and before the yes")
)

// TestManyThroughTheFunctions drives the sign-ins of several people at once
// through the deployed programs behind the HTTP API. `make soak` drives more.
func TestManyThroughTheFunctions(t *testing.T) {
	c := cloud.Start(t, cloud.Options{LogLevel: "warn", Instances: 4 + *people/10})
	key := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "TESTONLY", SecretAccessKey: "TEST ONLY"}, nil
	})
	crowd, err := load.Gather(t.Context(), load.Target{
		Base: cloud.URL, Authorize: awsauth.Sign(key, sam.Region, time.Now), Transport: load.Loopback(c.Address()),
	}, load.Options{People: *people, Apps: 2, For: 5 * time.Minute, SignIns: *signIns, Think: *think})
	if err != nil {
		t.Fatal(err)
	}
	r := crowd.Drive(t.Context())
	if r.SignIns() != *signIns || len(r.Errors()) > 0 {
		t.Errorf("%d sign-ins, errors %v", r.SignIns(), r.Errors())
	}
	var report strings.Builder
	r.Print(&report)
	for _, name := range c.Stack.Names() {
		instances := c.Processes(name)
		var most int64
		for _, pid := range instances {
			p, err := load.Look(pid)
			if err != nil {
				t.Error(err)
			}
			most = max(most, p.Peak)
		}
		if len(instances) > 0 {
			fmt.Fprintf(&report, "%s: %d instances, %d MB at the most\n", name, len(instances), most>>20)
		}
	}
	t.Log(report.String())
}
