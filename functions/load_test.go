package functions_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/latchkey-idp/latchkey/internal/adminclient/awsauth"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/load"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// TestManyThroughTheFunctions drives the sign-ins of several people at once
// through the deployed programs behind the HTTP API.
func TestManyThroughTheFunctions(t *testing.T) {
	c := cloud.Start(t, cloud.Options{LogLevel: "warn"})
	key := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "TESTONLY", SecretAccessKey: "TEST ONLY"}, nil
	})
	crowd, err := load.Gather(t.Context(), load.Target{
		Base: cloud.URL, Authorize: awsauth.Sign(key, sam.Region, time.Now),
		Transport: func(int) http.RoundTripper { return c.Transport("127.0.0.1") },
	}, load.Options{People: 4, Apps: 2, For: time.Minute, SignIns: 12})
	if err != nil {
		t.Fatal(err)
	}
	r := crowd.Drive(t.Context())
	if r.SignIns() != 12 || len(r.Errors()) > 0 {
		t.Errorf("%d sign-ins, errors %v", r.SignIns(), r.Errors())
	}
	var report strings.Builder
	r.Print(&report)
	t.Log(report.String())
}
