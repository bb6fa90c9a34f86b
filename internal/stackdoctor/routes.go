package stackdoctor

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

type gatewayAPI interface {
	GetRoutes(context.Context, *apigatewayv2.GetRoutesInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetRoutesOutput, error)
	GetIntegrations(context.Context, *apigatewayv2.GetIntegrationsInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetIntegrationsOutput, error)
	GetDomainName(context.Context, *apigatewayv2.GetDomainNameInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetDomainNameOutput, error)
	GetStages(context.Context, *apigatewayv2.GetStagesInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetStagesOutput, error)
}

// atRoutes looks whether each route of the stack is there and leads to a function.
func (x *examination) atRoutes(ctx context.Context) {
	apis := x.stack.of(typeAPI)
	if len(apis) == 0 {
		x.find("api.missing", x.stack.name, "the stack has no API; is it a stack of Latchkey's template.yaml?")
	}
	for _, r := range apis {
		x.atAPI(ctx, r.physical)
	}
}

func (x *examination) atAPI(ctx context.Context, api string) {
	stages, err := x.gateway.GetStages(ctx, &apigatewayv2.GetStagesInput{ApiId: &api})
	if err != nil {
		x.failed(err, "api.missing", api)
		return
	}
	if !slices.ContainsFunc(stages.Items, func(s types.Stage) bool { return aws.ToString(s.StageName) == "$default" }) {
		x.find("api.stage", api, "its stage $default is gone, so nothing is served; deploy the stack again")
	}
	routes, err := x.routes(ctx, api)
	if err != nil {
		x.failed(err, "api.missing", api)
		return
	}
	targets, err := x.targets(ctx, api)
	if err != nil {
		x.failed(err, "api.missing", api)
		return
	}
	exists := map[string]bool{} // answers about functions, by ARN
	there := map[string]bool{}
	for _, r := range routes {
		there[aws.ToString(r.RouteId)] = true
		x.atRoute(ctx, r, targets, exists)
	}
	for _, r := range x.stack.of(typeRoute) {
		if !there[r.physical] {
			x.find("route.missing", r.logical, "the route is gone; deploy the stack again")
		}
	}
}

func (x *examination) atRoute(ctx context.Context, r types.Route, targets map[string]string, exists map[string]bool) {
	key := aws.ToString(r.RouteKey)
	uri := targets[strings.TrimPrefix(aws.ToString(r.Target), "integrations/")]
	if uri == "" {
		x.find("route.integration", key, "it leads nowhere: API Gateway answers 500; deploy the stack again")
		return
	}
	answer, asked := exists[uri]
	if !asked {
		_, err := x.functions.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &uri})
		if answer = err == nil; err != nil && !notFound(err) {
			x.failed(err, "", key)
			answer = true // not known to be missing
		}
		exists[uri] = answer
	}
	if !answer {
		x.find("route.function", key, "it leads to a function or alias that does not exist: %s; deploy the stack again", uri)
	}
}

func (x *examination) routes(ctx context.Context, api string) ([]types.Route, error) {
	var all []types.Route
	in := &apigatewayv2.GetRoutesInput{ApiId: &api}
	for {
		out, err := x.gateway.GetRoutes(ctx, in)
		if err != nil {
			return nil, err //nolint:wrapcheck // failed reads it
		}
		all = append(all, out.Items...)
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
}

// targets are what the integrations call, by their ids.
func (x *examination) targets(ctx context.Context, api string) (map[string]string, error) {
	all := map[string]string{}
	in := &apigatewayv2.GetIntegrationsInput{ApiId: &api}
	for {
		out, err := x.gateway.GetIntegrations(ctx, in)
		if err != nil {
			return nil, err //nolint:wrapcheck // failed reads it
		}
		for _, i := range out.Items {
			all[aws.ToString(i.IntegrationId)] = invoked(aws.ToString(i.IntegrationUri))
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
}

// invoked is the function of an integration: its ARN, or within the address at
// which API Gateway invokes it, arn:aws:apigateway:REGION:lambda:path/DATE/functions/ARN/invocations.
func invoked(uri string) string {
	if _, after, ok := strings.Cut(uri, "/functions/"); ok {
		return strings.TrimSuffix(after, "/invocations")
	}
	return uri
}
