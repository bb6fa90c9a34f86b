package stackdoctor

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

type logsAPI interface {
	DescribeLogGroups(context.Context, *cloudwatchlogs.DescribeLogGroupsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error)
}

func (x *examination) atLogs(ctx context.Context) {
	for _, r := range x.stack.of(typeLogGroup) {
		out, err := x.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &r.physical})
		if err != nil {
			x.failed(err, "log.missing", r.physical)
			continue
		}
		found := false
		for _, g := range out.LogGroups {
			if aws.ToString(g.LogGroupName) != r.physical {
				continue
			}
			found = true
			if g.RetentionInDays == nil {
				x.find("log.retention", r.physical, "it keeps what it has forever: aws logs put-retention-policy --log-group-name %s --retention-in-days 90", r.physical)
			}
		}
		if !found {
			x.find("log.missing", r.physical, "the log group is gone: nobody can say why a sign-in failed; deploy the stack again")
		}
	}
}
