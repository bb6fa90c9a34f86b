package stackdoctor

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

type functionsAPI interface {
	GetFunctionConfiguration(context.Context, *lambda.GetFunctionConfigurationInput, ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error)
	GetFunctionConcurrency(context.Context, *lambda.GetFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.GetFunctionConcurrencyOutput, error)
	GetAlias(context.Context, *lambda.GetAliasInput, ...func(*lambda.Options)) (*lambda.GetAliasOutput, error)
	ListVersionsByFunction(context.Context, *lambda.ListVersionsByFunctionInput, ...func(*lambda.Options)) (*lambda.ListVersionsByFunctionOutput, error)
}

// As template.yaml has them.
const (
	runtime      = types.RuntimeProvidedal2023
	architecture = types.ArchitectureArm64
)

func (x *examination) atFunctions(ctx context.Context) {
	if len(x.stack.of(typeFunction)) == 0 {
		x.find("function.missing", x.stack.name, "the stack has no functions; is it a stack of Latchkey's template.yaml?")
	}
	for _, r := range x.stack.of(typeFunction) {
		x.atFunction(ctx, r)
	}
	for _, r := range x.stack.of(typeAlias) {
		x.atAlias(ctx, r)
	}
}

func (x *examination) atFunction(ctx context.Context, r resource) {
	f, err := x.functions.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &r.physical})
	if err != nil {
		x.failed(err, "function.missing", r.logical)
		return
	}
	if f.State != "" && f.State != types.StateActive {
		x.find("function.state", r.logical, "it is %s, not Active: %s", f.State, aws.ToString(f.StateReason))
	}
	if f.LastUpdateStatus == types.LastUpdateStatusFailed {
		x.find("function.update", r.logical, "its last update failed: %s; deploy the stack again", aws.ToString(f.LastUpdateStatusReason))
	}
	if f.Runtime != runtime || !slices.Equal(f.Architectures, []types.Architecture{architecture}) {
		x.find("function.runtime", r.logical, "it runs as %s on %v, and is built for %s on %s; somebody has changed it by hand: deploy the stack again",
			f.Runtime, f.Architectures, runtime, architecture)
	}
	c, err := x.functions.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &r.physical})
	if err != nil {
		x.failed(err, "function.missing", r.logical)
		return
	}
	if c.ReservedConcurrentExecutions != nil && *c.ReservedConcurrentExecutions == 0 {
		x.find("function.stopped", r.logical, "its reserved concurrency is 0: it is switched off; aws lambda delete-function-concurrency --function-name %s", r.physical)
	}
}

// atAlias: what the API calls must be the newest version, or be on its way there.
func (x *examination) atAlias(ctx context.Context, r resource) {
	function, name, ok := qualified(r.physical)
	if !ok {
		x.find("alias.missing", r.logical, "CloudFormation calls it %q, which is no alias", r.physical)
		return
	}
	alias, err := x.functions.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &function, Name: &name})
	if err != nil {
		x.failed(err, "alias.missing", r.logical)
		return
	}
	newest, err := x.newest(ctx, function)
	if err != nil {
		x.failed(err, "function.missing", r.logical)
		return
	}
	moving := alias.RoutingConfig != nil && len(alias.RoutingConfig.AdditionalVersionWeights) > 0
	if at := aws.ToString(alias.FunctionVersion); at != newest && !moving {
		x.find("alias.version", r.logical, "people get version %s, the newest is %s and no canary is going on: a deployment was rolled back, "+
			"or the alias was moved by hand; see CodeDeploy for the reason, then deploy again", at, newest)
	}
}

// newest is the highest version of a function.
func (x *examination) newest(ctx context.Context, function string) (string, error) {
	highest := 0
	pages := lambda.NewListVersionsByFunctionPaginator(x.functions, &lambda.ListVersionsByFunctionInput{FunctionName: &function})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err //nolint:wrapcheck // failed reads it
		}
		for _, v := range page.Versions {
			if n, err := strconv.Atoi(aws.ToString(v.Version)); err == nil { // not $LATEST
				highest = max(highest, n)
			}
		}
	}
	return strconv.Itoa(highest), nil
}

// qualified takes an ARN apart: arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS.
func qualified(s string) (function, alias string, ok bool) {
	a, err := arn.Parse(s)
	if err != nil {
		return "", "", false
	}
	parts := strings.Split(a.Resource, ":")
	if len(parts) != 3 || parts[0] != "function" {
		return "", "", false
	}
	return parts[1], parts[2], true
}
