package awsdeps

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/signaudit"
)

// SignAudit makes the check of functions/signaudit from its environment, which is
// that of infra/sign-audit.yaml.
func SignAudit(ctx context.Context, environ []string, w io.Writer) (*signaudit.Check, error) {
	env := variables(environ)
	for _, name := range []string{"LATCHKEY_SIGNING_KEY", "LATCHKEY_SIGN_TRAIL", "LATCHKEY_SIGN_LOGS", "LATCHKEY_SIGN_ROLES"} {
		if env[name] == "" {
			return nil, fmt.Errorf("%s is not set", name)
		}
	}
	awsCfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read AWS settings: %w", err)
	}
	client := cloudwatchlogs.NewFromConfig(awsCfg, func(o *cloudwatchlogs.Options) {
		o.RetryMaxAttempts = 8 // five calls a second are admitted
	})
	list := func(name string) []string { return strings.Split(env[name], ",") }
	var groups []string
	for _, arn := range list("LATCHKEY_SIGN_LOGS") {
		groups = append(groups, groupName(arn))
	}
	clock := idp.Clock(time.Now)
	return &signaudit.Check{
		Logs: logs{client}, Trail: groupName(env["LATCHKEY_SIGN_TRAIL"]), Groups: groups,
		Roles: list("LATCHKEY_SIGN_ROLES"), Keys: list("LATCHKEY_SIGNING_KEY"),
		Clock: clock, Log: obs.NewLogger(w, slog.LevelInfo, true), Metrics: obs.EMF(w, obs.Namespace, clock),
	}, nil
}

// groupName is the name of a log group in its ARN, as CloudFormation gives it.
func groupName(arn string) string {
	_, name, _ := strings.Cut(arn, ":log-group:")
	return strings.TrimSuffix(name, ":*")
}

// logs are those of CloudWatch.
type logs struct{ api *cloudwatchlogs.Client }

// Read implements signaudit.Logs.
func (l logs) Read(ctx context.Context, group, filter string, from, to time.Time, keep func(string) error) error {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(l.api, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &group, FilterPattern: &filter, StartTime: aws.Int64(from.UnixMilli()), EndTime: aws.Int64(to.UnixMilli()),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("filter log events: %w", err)
		}
		for _, e := range page.Events {
			if err := keep(aws.ToString(e.Message)); err != nil {
				return err
			}
		}
	}
	return nil
}
