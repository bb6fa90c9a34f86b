package stackdoctor_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	apigatewayv2types "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/stackdoctor"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloudtest"
)

const stackName = "id"

// bench is a deployed stack with a site, what can be done to it, and a doctor.
type bench struct {
	*testing.T
	site *cloudtest.Site
	made map[string]cloudtest.Resource
	us   cloudtest.Identity

	cloud     *cloudtest.Cloud
	wire      *wire
	keys      *kms.Client
	tables    *dynamodb.Client
	functions *lambda.Client
	gateway   *apigatewayv2.Client
	logs      *cloudwatchlogs.Client
	alarms    *cloudwatch.Client

	config aws.Config
	seen   map[string]bool // codes that a test has made appear
}

func newBench(t *testing.T) *bench {
	t.Helper()
	cloud := cloudtest.Start(t)
	s := cloudtest.NewSite(t)
	cloud.Deploy(t, stackName, cloud.Template(t, "template.yaml", "1"), map[string]string{
		"PublicURL": s.URL, "AlarmTopic": "arn:aws:sns:eu-central-1:123456789012:alarms",
		"OriginSecret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:origin-AbCdEf",
	})
	config := cloud.Config()
	b := &bench{
		T: t, cloud: cloud, site: s, made: cloud.Resources(t, stackName), wire: &wire{}, config: config, seen: map[string]bool{},
		keys: kms.NewFromConfig(config), tables: dynamodb.NewFromConfig(config), functions: lambda.NewFromConfig(config),
		gateway: apigatewayv2.NewFromConfig(config), logs: cloudwatchlogs.NewFromConfig(config), alarms: cloudwatch.NewFromConfig(config),
	}
	_, err := b.gateway.CreateDomainName(t.Context(), &apigatewayv2.CreateDomainNameInput{
		DomainName: aws.String("127.0.0.1"), DomainNameConfigurations: []apigatewayv2types.DomainNameConfiguration{{ApiGatewayDomainName: aws.String("127.0.0.1")}},
	})
	must(t, err)
	b.us = s.Identity(t, b.keys, *b.id("SigningKey"))
	s.Set(func(l *cloudtest.Looks) { l.Metadata = b.us.Metadata(t) })
	return b
}

// id is the physical id of a resource.
func (b *bench) id(logical string) *string {
	id := b.made[logical].ID
	if id == "" {
		b.Fatalf("the stack has no %s", logical)
	}
	return &id
}

// examine lets a doctor look, on whose wire the bench sits.
func (b *bench) examine(t *testing.T) stackdoctor.Report {
	t.Helper()
	config := b.config
	config.HTTPClient = &http.Client{Transport: b.wire}
	config.RetryMaxAttempts = 1
	report, err := stackdoctor.New(config, b.site.Client(), time.Now).Examine(t.Context(), stackName)
	must(t, err)
	return report
}

// finds checks that exactly these findings are there, each "CODE of SUBJECT"; a
// subject may be cut short.
func (b *bench) finds(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	found := b.examine(t).Findings
	for _, f := range found {
		b.seen[f.Code] = true
		if f.Text == "" || strings.Contains(f.Text, "%!") {
			t.Errorf("%s says %q", f.Code, f.Text)
		}
		line := f.Code + " of " + f.Subject
		if i := slices.IndexFunc(want, func(w string) bool { return strings.HasPrefix(line, w) }); i >= 0 {
			line = want[i]
		}
		if !slices.Contains(got, line) {
			got = append(got, line)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s\n%+v", diff, found)
	}
}

// wire passes requests on to AWS, and changes what comes back.
type wire struct {
	refuse string // the operation that is refused: the end of X-Amz-Target, or a part of the path or body
	code   string // with this error
	edits  []edit
}

// edit replaces text in the answers to an operation.
type edit struct{ operation, old, with string }

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	called, err := operation(req)
	if err != nil {
		return nil, err
	}
	if w.refuse != "" && strings.Contains(called, w.refuse) {
		return refusal(req, w.code), nil
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	text := string(raw)
	for _, e := range w.edits {
		if strings.Contains(called, e.operation) {
			text = regexp.MustCompile(e.old).ReplaceAllString(text, e.with)
		}
	}
	res.Body, res.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	res.Header.Del("Content-Length")
	return res, nil
}

// operation is what a request asks for.
func operation(req *http.Request) (string, error) {
	called := req.Header.Get("X-Amz-Target") + " " + req.Method + " " + req.URL.Path
	if req.Body == nil {
		return called, nil
	}
	body, err := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(body))
	return called + " " + string(body), err
}

// refusal is an error as the service of a request writes it.
func refusal(req *http.Request, code string) *http.Response {
	kind, body := "application/json", fmt.Sprintf(`{"__type":%q,"message":"no"}`, code)
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		kind, body = "text/xml", "<ErrorResponse><Error><Code>"+code+"</Code><Message>no</Message></Error></ErrorResponse>"
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Request: req, Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {kind}, "X-Amzn-Errortype": {code}},
	}
}

// TestDoctor examines a stack that is well, then with one thing wrong at a time,
// then one that is taken apart.
func TestDoctor(t *testing.T) {
	b := newBench(t)
	t.Run("well", func(t *testing.T) { b.finds(t) })
	t.Run("no such stack", b.noStack)
	t.Run("documented permissions", b.permissions)
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			undo := f.do(b, t)
			b.finds(t, f.want...)
			b.wire = &wire{}
			if undo != nil {
				undo()
			}
		})
	}
	for _, c := range sites(t, b) {
		t.Run(c.name, func(t *testing.T) {
			b.site.With(c.change, func() { b.finds(t, c.want...) })
		})
	}
	t.Run("well again", func(t *testing.T) { b.finds(t) })
	t.Run("two regions", b.twoRegions)
	for _, d := range demolitions() {
		t.Run(d.want, func(t *testing.T) {
			must(t, d.do(b, t))
			b.seesNow(t, d.want)
		})
	}
	t.Run("every code has appeared", func(t *testing.T) { b.allSeen(t) })
}

// seesNow checks that a finding is among those that there are.
func (b *bench) seesNow(t *testing.T, want string) {
	t.Helper()
	var got []string
	for _, f := range b.examine(t).Findings {
		b.seen[f.Code] = true
		got = append(got, f.Code+" of "+f.Subject)
	}
	if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, want) }) {
		t.Errorf("no %s among:\n%s", want, strings.Join(got, "\n"))
	}
}

// allSeen compares with the codes in the source.
func (b *bench) allSeen(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	code := regexp.MustCompile(`"((?:stack|region|table|key|function|alias|api|route|log|alarm|answer|metadata|certificate|clock|edge|aws)\.[a-z_]+|permission)"`)
	n := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(file)
		must(t, err)
		for _, m := range code.FindAllStringSubmatch(string(raw), -1) {
			if n++; !b.seen[m[1]] {
				t.Errorf("%s: no test makes %s appear", file, m[1])
			}
		}
	}
	if n < 40 {
		t.Errorf("the source has %d codes", n)
	}
}

// permissions compares the calls that are made with docs/operations.md.
func (b *bench) permissions(t *testing.T) {
	called := map[string]bool{}
	config := b.config
	config.APIOptions = []func(*middleware.Stack) error{func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("record", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			called[awsmiddleware.GetServiceID(ctx)+":"+middleware.GetOperationName(ctx)] = true
			return next.HandleInitialize(ctx, in)
		}), middleware.After)
	}}
	_, err := stackdoctor.New(config, b.site.Client(), time.Now).Examine(t.Context(), stackName)
	must(t, err)
	prefixes := strings.NewReplacer("CloudFormation:", "cloudformation:", "DynamoDB:", "dynamodb:", "KMS:", "kms:",
		"Lambda:", "lambda:", "CloudWatch Logs:", "logs:", "CloudWatch:", "cloudwatch:")
	want := map[string]bool{}
	for call := range called {
		if strings.HasPrefix(call, "ApiGatewayV2:") {
			call = "apigateway:GET"
		}
		want[prefixes.Replace(call)] = true
	}
	raw, err := os.ReadFile("../../docs/operations.md")
	must(t, err)
	_, section, _ := strings.Cut(string(raw), "| Service | Permissions |")
	section, _, _ = strings.Cut(section, "\n\n")
	got := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z]+:[A-Za-z]+)`").FindAllStringSubmatch(section, -1) {
		got[m[1]] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("permissions in docs/operations.md (-used +documented):\n%s", diff)
	}
}

// noStack is the one case in which there is nothing to look at.
func (b *bench) noStack(t *testing.T) {
	config := b.config
	config.HTTPClient = &http.Client{Transport: b.wire}
	for refuse, want := range map[string]string{
		"": "AWS_REGION", "DescribeStacks": "lack cloudformation:DescribeStacks", "ListStackResources": "lack cloudformation:ListStackResources",
	} {
		b.wire.refuse, b.wire.code = refuse, "AccessDenied"
		name := "other"
		if refuse == "ListStackResources" {
			name = stackName
		}
		_, err := stackdoctor.New(config, http.DefaultClient, time.Now).Examine(t.Context(), name)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	b.wire.refuse = ""
}

// siteCase is a way in which the addresses answer.
type siteCase struct {
	name   string
	change func(*cloudtest.Looks)
	want   []string
}

func sites(t *testing.T, b *bench) []siteCase {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	changed := func(f func(*cloudtest.Identity)) func(*cloudtest.Looks) {
		i := b.us
		f(&i)
		document := i.Metadata(t)
		return func(l *cloudtest.Looks) { l.Metadata = document }
	}
	url := b.site.URL
	forged := strings.Replace(string(b.us.Metadata(t)), "https://id.example.com/saml/sso", "https://evil.example.com/saml/sso", 1)
	other := b.us
	other.Signer = stranger
	withTheirs := b.us.Metadata(t, other.Certificate(t))
	return []siteCase{
		{"no metadata", func(l *cloudtest.Looks) { l.Metadata = nil }, []string{"metadata.unreachable of " + url + "/saml/metadata"}},
		{"a page in its place", func(l *cloudtest.Looks) { l.Metadata = []byte("<html></html>") }, []string{"metadata.malformed of " + url}},
		{"of another identity provider", changed(func(i *cloudtest.Identity) { i.EntityID = "https://other.example.com" }), []string{"metadata.entity_id of " + url}},
		{"old", changed(func(i *cloudtest.Identity) { i.ValidUntil = time.Now().Add(-time.Hour) }), []string{"metadata.expired of " + url}},
		{"signed by another key", changed(func(i *cloudtest.Identity) { i.Signer = stranger }), []string{"metadata.key of " + url, "metadata.signature of " + url}},
		{"changed on the way", func(l *cloudtest.Looks) { l.Metadata = []byte(forged) }, []string{"metadata.signature of " + url}},
		{"with a key that is not ours", func(l *cloudtest.Looks) { l.Metadata = withTheirs }, []string{"metadata.key of " + url}},
		{"expired certificate", changed(func(i *cloudtest.Identity) { i.NotAfter = time.Now().Add(-time.Hour) }), []string{"certificate.expired of sha256:"}},
		{"certificate at its end", changed(func(i *cloudtest.Identity) { i.NotAfter = time.Now().Add(59 * 24 * time.Hour) }), []string{"certificate.expiring of sha256:"}},
		{"clock", func(l *cloudtest.Looks) { l.Ahead = 2 * time.Minute }, []string{"clock.skew of " + url}},
		{"health", func(l *cloudtest.Looks) { l.Health = http.StatusServiceUnavailable }, []string{"answer.health of " + url + "/v1/healthz"}},
		{"open administration", func(l *cloudtest.Looks) { l.Admin = http.StatusOK }, []string{"answer.admin of " + url + "/v1/admin/status"}},
		{"a way around CloudFront", func(l *cloudtest.Looks) { l.Around = http.StatusOK }, []string{"edge.open of 127.0.0.1"}},
		{"a default route", func(l *cloudtest.Looks) { l.UnknownBody = "<html>" }, []string{"answer.unknown of " + url + "/no-such-path"}},
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
