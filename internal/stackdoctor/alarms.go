package stackdoctor

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

type alarmsAPI interface {
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
}

// alarmsAtOnce is how many names a call takes.
const alarmsAtOnce = 100

func (x *examination) atAlarms(ctx context.Context) {
	alarms := x.stack.of(typeAlarm)
	if len(alarms) == 0 {
		x.find("alarm.missing", x.stack.name, "the stack has no alarm; deploy the template as it is")
		return
	}
	found := map[string]types.MetricAlarm{}
	for some := range slices.Chunk(alarms, alarmsAtOnce) {
		names := make([]string, len(some))
		for i, r := range some {
			names[i] = r.physical
		}
		out, err := x.alarms.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: names, MaxRecords: aws.Int32(alarmsAtOnce)})
		if err != nil {
			x.failed(err, "alarm.missing", "alarms")
			return
		}
		for _, a := range out.MetricAlarms {
			found[aws.ToString(a.AlarmName)] = a
		}
	}
	notify := false
	for _, r := range alarms {
		a, ok := found[r.physical]
		if !ok {
			x.find("alarm.missing", r.logical, "the alarm is gone; deploy the stack again")
			continue
		}
		notify = notify || aws.ToBool(a.ActionsEnabled) && len(a.AlarmActions) > 0
		if a.StateValue == types.StateValueAlarm {
			x.find("alarm.firing", r.logical, "%s (%s)", aws.ToString(a.AlarmDescription), aws.ToString(a.StateReason))
		}
	}
	if !notify {
		x.find("alarm.silent", x.stack.name, "its alarms notify nobody; deploy with AlarmTopic, the ARN of an SNS topic that somebody reads")
	}
}
