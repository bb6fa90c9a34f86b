package stackdoctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Doctor examines stacks of one account and region.
type Doctor struct {
	stacks    stacksAPI
	tables    tablesAPI
	keys      keysAPI
	functions functionsAPI
	gateway   gatewayAPI
	logs      logsAPI
	alarms    alarmsAPI
	http      *http.Client
	clock     idp.Clock
}

// New makes a doctor. The HTTP client is for the stack's own addresses.
func New(cfg aws.Config, client *http.Client, clock idp.Clock) *Doctor {
	asking := *client
	asking.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Doctor{
		stacks: cloudformation.NewFromConfig(cfg), tables: dynamodb.NewFromConfig(cfg), keys: kms.NewFromConfig(cfg),
		functions: lambda.NewFromConfig(cfg), gateway: apigatewayv2.NewFromConfig(cfg),
		logs: cloudwatchlogs.NewFromConfig(cfg), alarms: cloudwatch.NewFromConfig(cfg),
		http: &asking, clock: clock,
	}
}

// Load is New with the credentials and the region that the AWS command line would
// use.
func Load(ctx context.Context, client *http.Client, clock idp.Clock) (*Doctor, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read AWS settings: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region is set: set AWS_REGION to that of the stack")
	}
	return New(cfg, client, clock), nil
}

// Report is what was found.
type Report struct {
	Stack       string             `json:"stack"`
	Status      string             `json:"status"` // as CloudFormation calls it
	PublicURL   string             `json:"public_url"`
	MetadataURL string             `json:"metadata_url"`
	Resources   int                `json:"resources"`
	Findings    []adminapi.Warning `json:"findings"`
}

// Examine looks at everything. It fails only where the stack itself cannot be
// found.
func (d *Doctor) Examine(ctx context.Context, name string) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	s, err := d.find(ctx, name)
	if err != nil {
		return Report{}, err
	}
	x := &examination{Doctor: d, stack: s, findings: []adminapi.Warning{}}
	for _, look := range []func(context.Context){
		x.atStack, x.atTables, x.atKeys, x.atFunctions, x.atLogs, x.atRoutes, x.atAlarms, x.atMetadata, x.atAnswers, x.atEdge, x.atRegions,
	} {
		look(ctx)
	}
	return Report{
		Stack: s.name, Status: s.status, PublicURL: s.outputs[outputURL], MetadataURL: s.outputs[outputMetadata],
		Resources: len(s.resources), Findings: x.findings,
	}, nil
}

// examination is one look at one stack.
type examination struct {
	*Doctor
	stack    *stack
	signing  []signingKey // what the stack signs with, as far as it could be asked
	findings []adminapi.Warning
}

func (x *examination) find(code, subject, format string, args ...any) {
	x.findings = append(x.findings, adminapi.Warning{Code: code, Subject: subject, Text: fmt.Sprintf(format, args...)})
}
