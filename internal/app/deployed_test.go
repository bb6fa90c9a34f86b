package app_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/adminclient/awsauth"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/iam"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

func TestMain(m *testing.M) { os.Exit(cloud.Main(m)) }

// deployment is the identity provider as template.yaml deploys it, behind
// CloudFront.
type deployment struct {
	*idptest.IdP
	cloud *cloud.Cloud
	admin *adminclient.Client
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	c := cloud.Start(t, cloud.Options{Key: idptest.PrivateKey(), Parameters: map[string]string{"OriginSecret": cloud.OriginSecret}})
	return administered(t, &deployment{IdP: idptest.Elsewhere(t, c.Handler(), c.Table), cloud: c})
}

// administered has an administrator.
func administered(t *testing.T, d *deployment) *deployment {
	t.Helper()
	key := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "TESTONLY", SecretAccessKey: "TEST ONLY"}, nil
	})
	var err error
	d.admin, err = adminclient.New(idptest.Base, &http.Client{Transport: d.Transport(address())}, awsauth.Sign(key, sam.Region, time.Now))
	must(t, err)
	return d
}

// at is the deployment for a flow: failures are the flow's.
func (d *deployment) at(t *testing.T) *deployment {
	own, i := *d, *d.IdP
	i.T, own.IdP = t, &i
	return &own
}

// unusedRights are granted and not asked for by any flow below, each for a
// reason: "function action pattern".
var unusedRights = map[string]string{
	"sso dynamodb:GetItem CODE#*":       "a user code is made that somebody has already",
	"qrsession dynamodb:GetItem CODE#*": "a user code is made that somebody has already",
	"wsfed dynamodb:GetItem LOGIN#*":    "a request is repeated around a rotation of the master key",
	"admin kms:GetPublicKey SigningKey": "the first key comes after another: it stands in MoreSigningKeys then",
}

// TestLeastPrivilege goes through everything that people, phones, programs,
// service providers and administrators do, with the deployed functions. Their
// calls to AWS are judged by the policies of template.yaml: what is not granted
// is refused, so the flow fails. Afterwards, what is granted must have been
// asked for.
func TestLeastPrivilege(t *testing.T) {
	d := deploy(t)
	for _, flow := range []struct {
		name string
		run  func(*testing.T, *deployment)
	}{
		{"the first request", firstEver}, {"administration", administration}, {"sign-in", signInFlows}, {"without script", plainFlows}, {"what is rare", rareFlows}, {"passkeys", passkeyFlows},
		{"second application and consent", sessionFlows}, {"programs", programFlows}, {"WS-Federation", wsfedFlows},
		{"logout", logoutFlows}, {"own pages", ownPages}, {"keys", keyFlows}, {"metadata", metadataFlows}, {"audit", auditFlows}, {"an update", updates},
	} {
		t.Run(flow.name, func(t *testing.T) { flow.run(t, d.at(t)) })
	}
	calls := d.cloud.Calls()
	t.Run("L6 nothing is used that is not granted", func(t *testing.T) {
		for _, c := range calls {
			if !c.Allowed {
				t.Errorf("%s: %s", c.Function, c.Request)
			}
		}
	})
	t.Run("L6 nothing is granted that is not used", func(t *testing.T) {
		unused := unusedGrants(d.cloud, calls)
		for right, reason := range unusedRights {
			if at := slices.Index(unused, right); at >= 0 {
				unused = slices.Delete(unused, at, at+1)
			} else {
				t.Errorf("%s is used or not granted, but excused: %s", right, reason)
			}
		}
		for _, right := range unused {
			t.Errorf("%s", right)
		}
	})
	if t.Failed() {
		for line := range strings.Lines(d.cloud.Output()) {
			if strings.Contains(line, "AccessDenied") || strings.Contains(line, `"level":"ERROR"`) {
				t.Log(line)
			}
		}
	}
}

// unusedGrants are the rights of all functions, one for each action and
// pattern, that no call needed.
func unusedGrants(on *cloud.Cloud, calls []cloud.Call) (unused []string) {
	known := strings.NewReplacer(on.Keys.Signing, "SigningKey", on.Keys.Next, "NextKey", on.Keys.Encryption, "EncryptionKey", on.Keys.Wrapping, "WrappingKey")
	for _, name := range on.Stack.Names() {
		for _, statement := range on.Stack.Functions[name].Policy {
			for _, action := range statement.Actions {
				for _, pattern := range patterns(statement) {
					used := slices.ContainsFunc(calls, func(c cloud.Call) bool {
						return c.Function == name && c.Action == action && statement.Applies(c.Request) &&
							slices.ContainsFunc(append(c.Context["dynamodb:LeadingKeys"], c.Resource), func(key string) bool { return iam.Like(pattern, key) })
					})
					if !used {
						unused = append(unused, known.Replace(fmt.Sprintf("%s %s %s", name, action, pattern)))
					}
				}
			}
		}
	}
	return unused
}

// patterns are the keys that a statement is about: of partitions, or of KMS.
func patterns(s iam.Statement) []string {
	for _, c := range s.Conditions {
		if c.Key == "dynamodb:LeadingKeys" {
			return c.Values
		}
	}
	return s.Resources
}
