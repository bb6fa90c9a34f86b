package stackdoctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
)

type stacksAPI interface {
	DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
	ListStackResources(context.Context, *cloudformation.ListStackResourcesInput, ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error)
}

// Outputs of template.yaml.
const (
	outputURL      = "PublicURL"
	outputMetadata = "MetadataURL"
	outputTable    = "Table"
)

// Resource types of template.yaml that are looked at.
const (
	typeTable       = "AWS::DynamoDB::Table"
	typeGlobalTable = "AWS::DynamoDB::GlobalTable"
	typeKey         = "AWS::KMS::Key"
	typeFunction    = "AWS::Lambda::Function"
	typeAlias       = "AWS::Lambda::Alias"
	typeLogGroup    = "AWS::Logs::LogGroup"
	typeAPI         = "AWS::ApiGatewayV2::Api"
	typeRoute       = "AWS::ApiGatewayV2::Route"
	typeAlarm       = "AWS::CloudWatch::Alarm"
)

// stack is what CloudFormation says about one.
type stack struct {
	name, status        string
	outputs, parameters map[string]string
	resources           []resource
}

type resource struct{ logical, physical, kind string }

// of are the resources of these types.
func (s *stack) of(kinds ...string) []resource {
	var found []resource
	for _, r := range s.resources {
		if slices.Contains(kinds, r.kind) {
			found = append(found, r)
		}
	}
	return found
}

func (d *Doctor) find(ctx context.Context, name string) (*stack, error) {
	out, err := d.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return nil, fmt.Errorf("find stack %s: %w", name, explain(err))
	}
	if len(out.Stacks) != 1 {
		return nil, fmt.Errorf("find stack %s: CloudFormation names %d", name, len(out.Stacks))
	}
	found := out.Stacks[0]
	s := &stack{name: aws.ToString(found.StackName), status: string(found.StackStatus),
		outputs: map[string]string{}, parameters: map[string]string{}}
	for _, o := range found.Outputs {
		s.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	for _, p := range found.Parameters {
		s.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	pages := cloudformation.NewListStackResourcesPaginator(d.stacks, &cloudformation.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list resources of stack %s: %w", name, explain(err))
		}
		for _, r := range page.StackResourceSummaries {
			if aws.ToString(r.PhysicalResourceId) != "" {
				s.resources = append(s.resources, resource{aws.ToString(r.LogicalResourceId), *r.PhysicalResourceId, aws.ToString(r.ResourceType)})
			}
		}
	}
	return s, nil
}

// explain says what to do about the two most likely reasons.
func explain(err error) error {
	var call *smithy.OperationError
	var answer smithy.APIError
	switch {
	case errors.As(err, &call) && denied(err):
		return fmt.Errorf("the credentials lack %s: %w", permission(call), err)
	case errors.As(err, &answer) && strings.Contains(answer.ErrorMessage(), "does not exist"):
		return fmt.Errorf("there is none in this account and region (AWS_PROFILE, AWS_REGION): %w", err)
	}
	return err
}

// atStack looks at the stack as a whole.
func (x *examination) atStack(context.Context) {
	switch s := x.stack.status; {
	case strings.HasSuffix(s, "_IN_PROGRESS"):
		x.find("stack.changing", x.stack.name, "a deployment is going on (%s); run doctor again when it is over", s)
	case s != "CREATE_COMPLETE" && s != "UPDATE_COMPLETE":
		x.find("stack.failed", x.stack.name, "its last deployment ended as %s; see the stack's events in CloudFormation for the reason, "+
			"then deploy again", s)
	}
	for _, output := range []string{outputURL, outputMetadata} {
		if x.stack.outputs[output] == "" {
			x.find("stack.output", x.stack.name, "it has no output %s; is it a stack of Latchkey's template.yaml?", output)
		}
	}
}
