package functions_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/apigw"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloudtest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
)

// TestRestore rehearses the restore of docs/operations.md: the functions, with
// the environment that the template gives them, sign somebody in; the table is
// restored to a point in time; and the functions go on with the copy as if nothing
// had happened: the same person, phone, key and identifier.
func TestRestore(t *testing.T) {
	moto := cloudtest.Start(t)
	bin := cloud.Build(t)
	moto.Deploy(t, "id", moto.Template(t, "template.yaml", "1"), map[string]string{"PublicURL": idptest.Base})
	made := moto.Resources(t, "id")
	first := made["Table"].ID

	before := restorable(t, moto, made, bin)
	deps := func(d programs) phone.Deps {
		return phone.Deps{HTTP: &http.Client{Transport: d}, Random: rand.Reader, Clock: time.Now}
	}
	ana, err := phone.Enroll(t.Context(), deps(before), invited(t, unsigned(t, deps(before).HTTP)), "Ana's phone")
	if err != nil {
		t.Fatal(err)
	}
	generateNameIDs(t, deps(before).HTTP)
	was := signInWith(t, before, ana)
	saved := filepath.Join(t.TempDir(), "ana.json")
	if err := ana.Save(saved); err != nil {
		t.Fatal(err)
	}

	tables := dynamodb.NewFromConfig(moto.Config())
	_, err = tables.RestoreTableToPointInTime(t.Context(), &dynamodb.RestoreTableToPointInTimeInput{
		SourceTableName: &first, TargetTableName: aws.String(first + "-restored"), UseLatestRestorableTime: aws.Bool(true),
		BillingModeOverride: types.BillingModePayPerRequest,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the copy without the name of the first", func(t *testing.T) {
		d := restorable(t, moto, made, bin, "LATCHKEY_TABLE="+first+"-restored")
		if resp := browserOf(t, d).Get("/saml/metadata"); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("metadata: %d: secrets of one table were read as those of another", resp.StatusCode)
		}
	})
	t.Run("the copy", func(t *testing.T) {
		after := restorable(t, moto, made, bin, "LATCHKEY_TABLE="+first+"-restored", "LATCHKEY_RESTORED_FROM="+first)
		ana, err := phone.Load(deps(after), saved)
		if err != nil {
			t.Fatal(err)
		}
		if is := signInWith(t, after, ana); is != was {
			t.Errorf("she was %s, and is %s", was, is)
		}
		event, err := os.ReadFile("../events/audit/schedule.json")
		if err != nil {
			t.Fatal(err)
		}
		_, err = after["audit"].InvokeRaw(event)
		if out := after["audit"].Output(); err != nil || !strings.Contains(out, `"event":"audit.verified"`) || strings.Contains(out, "AuditBroken") {
			t.Errorf("its audit trail: %v\n%s", err, out)
		}
	})
}

// generateNameIDs gives the application identifiers that come from a secret of the
// programs.
func generateNameIDs(t *testing.T, client *http.Client) {
	t.Helper()
	api := unsigned(t, client)
	slug, err := api.Find(t.Context(), samltest.B().EntityID)
	if err != nil {
		t.Fatal(err)
	}
	pairwise := "persistent"
	if _, err := api.UpdateServiceProvider(t.Context(), slug, adminapi.ServiceProviderPatch{Settings: adminapi.Settings{NameID: &pairwise}}); err != nil {
		t.Fatal(err)
	}
}

// unsigned calls the admin API; the gateway of programs names the caller.
func unsigned(t *testing.T, client *http.Client) *adminclient.Client {
	t.Helper()
	api, err := adminclient.New(idptest.Base, client, func(*http.Request, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// restorable starts the functions with the environments of a deployed stack, and
// more.
func restorable(t *testing.T, moto *cloudtest.Cloud, made map[string]cloudtest.Resource, bin string, more ...string) programs {
	t.Helper()
	d := programs{}
	for id, r := range made {
		name, ok := strings.CutSuffix(id, "Function")
		if name = strings.ToLower(name); !ok || name == "refresh" {
			continue
		}
		var says struct {
			Environment struct{ Variables map[string]string }
		}
		raw, err := json.Marshal(r.Says)
		if err == nil {
			err = json.Unmarshal(raw, &says)
		}
		if err != nil {
			t.Fatal(err)
		}
		env := []string{"AWS_ENDPOINT_URL=" + moto.Endpoint}
		for k, v := range says.Environment.Variables {
			env = append(env, fmt.Sprintf("%s=%s", k, v))
		}
		d[name] = lambdaruntime.Start(t, filepath.Join(bin, name), append(env, more...)...)
	}
	return d
}

func browserOf(t *testing.T, d programs) *idptest.Browser {
	t.Helper()
	b := (&idptest.IdP{T: t}).Browser("")
	b.Server = d
	return b
}

// programs are the functions of a deployed stack, each one instance.
type programs map[string]*lambdaruntime.Function

// RoundTrip sends a request to the function that has its path.
func (p programs) RoundTrip(r *http.Request) (*http.Response, error) {
	name, gateway := "sso", apigw.Gateway{}
	for prefix, function := range map[string]string{
		"/v1/login/": "qrsession", "/v1/approvals/": "approval", "/v1/enroll/": "enroll", "/v1/admin/": "admin", "/saml/metadata": "metadata",
	} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			name = function
		}
	}
	if name == "admin" {
		gateway.Caller = cloud.Caller
	}
	return apigw.Transport{Gateway: gateway, Invoke: func(_ context.Context, event json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
		return p[name].Invoke(event)
	}}.RoundTrip(r)
}

var subject = regexp.MustCompile(`<saml:NameID[^>]*>([^<]+)<`)

// signInWith signs in at the application and returns who it was told.
func signInWith(t *testing.T, d programs, ana *phone.Phone) string {
	t.Helper()
	b := browserOf(t, d)
	if resp := b.Get("/saml/metadata"); resp.StatusCode != http.StatusOK {
		t.Fatalf("metadata: %d %s\n%s", resp.StatusCode, idptest.Body(t, resp), d["metadata"].Output())
	}
	request := samltest.B().Request(time.Now())
	request.ID = "_" + rand.Text()
	view := b.Login(b.Start(samltest.RedirectQuery(request.XML(), nil)))
	req, err := ana.Claim(t.Context(), view.Frames[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ana.Approve(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	b.Poll(view.SID)
	posted := idptest.ReadPost(t, b.Finish(view.SID, idptest.RandomKey()))
	found := subject.FindStringSubmatch(string(posted.SAMLResponse))
	if found == nil {
		t.Fatalf("no NameID: %s", posted.SAMLResponse)
	}
	return found[1]
}
