package stackdoctor

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type tablesAPI interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	DescribeContinuousBackups(context.Context, *dynamodb.DescribeContinuousBackupsInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeContinuousBackupsOutput, error)
	DescribeTimeToLive(context.Context, *dynamodb.DescribeTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error)
}

// expiry is the attribute by which the table sweeps.
const expiry = "exp"

// atTables looks at the stack's table, and at the one in use if that is another:
// one that was restored.
func (x *examination) atTables(ctx context.Context) {
	var names []string
	for _, r := range x.stack.of(typeTable, typeGlobalTable) {
		names = append(names, r.physical)
	}
	if used := x.stack.outputs[outputTable]; used != "" && !slices.Contains(names, used) {
		names = append(names, used)
	}
	if len(names) == 0 {
		x.find("table.missing", x.stack.name, "the stack has no table; is it a stack of Latchkey's template.yaml?")
	}
	for _, name := range names {
		x.atTable(ctx, name)
	}
}

func (x *examination) atTable(ctx context.Context, name string) {
	out, err := x.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	switch {
	case err != nil && x.stack.second() && notFound(err):
		x.find("table.replica", name, "it is not replicated to this region: deploy the first region's stack with this one as SecondRegion")
		return
	case err != nil:
		x.failed(err, "table.missing", name)
		return
	}
	t := out.Table
	if t.TableStatus != types.TableStatusActive && t.TableStatus != types.TableStatusUpdating {
		x.find("table.status", name, "it is %s: nobody can sign in until it is ACTIVE; see DynamoDB in the console", t.TableStatus)
	}
	if !aws.ToBool(t.DeletionProtectionEnabled) {
		x.find("table.deletion_protection", name, "it can be deleted by a single call; deploy with DeletionProtection=true, or if it was restored: "+
			"aws dynamodb update-table --table-name %s --deletion-protection-enabled", name)
	}
	if t.SSEDescription == nil || t.SSEDescription.Status != types.SSEStatusEnabled {
		x.find("table.encryption", name, "it is not encrypted with a key of KMS: aws dynamodb update-table --table-name %s --sse-specification Enabled=true,SSEType=KMS", name)
	}
	x.atBackups(ctx, name)
	x.atExpiry(ctx, name)
}

func (x *examination) atBackups(ctx context.Context, name string) {
	out, err := x.tables.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &name})
	if err != nil {
		x.failed(err, "table.missing", name)
		return
	}
	d := out.ContinuousBackupsDescription
	if d == nil || d.PointInTimeRecoveryDescription == nil ||
		d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != types.PointInTimeRecoveryStatusEnabled {
		x.find("table.pitr", name, "it cannot be restored to a point in time: aws dynamodb update-continuous-backups --table-name %s "+
			"--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true", name)
	}
}

func (x *examination) atExpiry(ctx context.Context, name string) {
	out, err := x.tables.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		x.failed(err, "table.missing", name)
		return
	}
	d := out.TimeToLiveDescription
	on := d != nil && (d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling)
	if !on || aws.ToString(d.AttributeName) != expiry {
		x.find("table.ttl", name, "what has expired is not swept, so the table grows: aws dynamodb update-time-to-live --table-name %s "+
			"--time-to-live-specification Enabled=true,AttributeName=%s", name, expiry)
	}
}
