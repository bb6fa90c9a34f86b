package stackdoctor

import (
	"cmp"
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// Parameters of a stack that has one in another region.
const (
	primaryRegion = "PrimaryRegion" // in the second region, where the first is
	primaryTable  = "PrimaryTable"
	secondRegion  = "SecondRegion" // in the first, where the second is
	healthHost    = "HealthHost"
	schedules     = "Schedules"
	switchedOn    = "ENABLED"
)

// second reports whether the stack is that of the second region: it has no table
// and no keys of its own.
func (s *stack) second() bool { return s.parameters[primaryTable] != "" }

// replicas are the keys that the second region's stack uses, by what they are there.
func (s *stack) replicas() map[string]string {
	used := map[string]string{}
	for _, name := range []string{"SigningKey", "EncryptionKey", "WrappingKey"} {
		if id := s.parameters["Primary"+name]; id != "" {
			used[name] = id
		}
	}
	return used
}

// atRegions looks at what two regions have to agree about.
func (x *examination) atRegions(ctx context.Context) {
	other := cmp.Or(x.stack.parameters[primaryRegion], x.stack.parameters[secondRegion])
	if host := x.stack.parameters[healthHost]; host != "" {
		x.atHealthHost(ctx, "https://"+host+"/v1/healthz")
	} else if other != "" {
		x.find("region.health_host", x.stack.name, "Route 53 cannot see how this region is: deploy infra/custom-domain.yaml and the stack with HealthHost")
	}
	if other == "" {
		return
	}
	out, err := x.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &x.stack.name},
		func(o *cloudformation.Options) { o.Region = other })
	if err != nil || len(out.Stacks) != 1 {
		x.find("region.other", other, "the stack %s of that region could not be looked at (%v); both have the same name", x.stack.name, err)
		return
	}
	there := switchedOn // a release before this one
	for _, p := range out.Stacks[0].Parameters {
		if aws.ToString(p.ParameterKey) == schedules {
			there = aws.ToString(p.ParameterValue)
		}
	}
	if here := x.stack.parameters[schedules]; here == there {
		x.find("region.schedules", schedules, "it is %s here and in %s: the hourly functions write and must run in one region, the one that people are led to; "+
			"deploy the other with Schedules=DISABLED", here, other)
	}
}

func (x *examination) atHealthHost(ctx context.Context, url string) {
	a, err := x.get(ctx, url)
	switch {
	case err != nil:
		x.find("answer.unreachable", url, "it does not answer: %v", err)
	case a.status != http.StatusOK:
		x.find("answer.health", url, "it answers %d, so Route 53 takes this region to be down: see the log of MetadataFunction", a.status)
	}
}
