package stackdoctor_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// fault is one thing that is wrong, until it is undone.
type fault struct {
	name string
	do   func(*bench, *testing.T) (undo func())
	want []string
}

// said is a fault that moto cannot have: the answers to an operation say so.
func said(name, operation, old, with string, want ...string) fault {
	return fault{name, func(b *bench, _ *testing.T) func() {
		b.wire = &wire{edits: []edit{{operation, old, with}}}
		return nil
	}, want}
}

// refused is a call that fails.
func refused(operation, code string, want ...string) fault {
	return fault{operation + " " + code, func(b *bench, _ *testing.T) func() {
		b.wire = &wire{refuse: operation, code: code}
		return nil
	}, want}
}

func faults() []fault {
	return append(append(tableFaults(), keyFaults()...), otherFaults()...)
}

func tableFaults() []fault {
	recovery := func(b *bench, t *testing.T, on bool) {
		_, err := b.tables.UpdateContinuousBackups(t.Context(), &dynamodb.UpdateContinuousBackupsInput{
			TableName: b.id("Table"), PointInTimeRecoverySpecification: &dynamodbtypes.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: &on},
		})
		must(t, err)
	}
	protection := func(b *bench, t *testing.T, on bool) {
		_, err := b.tables.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: b.id("Table"), DeletionProtectionEnabled: &on})
		must(t, err)
	}
	expiry := func(b *bench, t *testing.T, on bool, attribute string) {
		_, err := b.tables.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
			TableName: b.id("Table"), TimeToLiveSpecification: &dynamodbtypes.TimeToLiveSpecification{Enabled: &on, AttributeName: &attribute},
		})
		must(t, err)
	}
	return []fault{
		{"recovery off", func(b *bench, t *testing.T) func() {
			recovery(b, t, false)
			return func() { recovery(b, t, true) }
		}, []string{"table.pitr of id-Table"}},
		{"protection off", func(b *bench, t *testing.T) func() {
			protection(b, t, false)
			return func() { protection(b, t, true) }
		}, []string{"table.deletion_protection of id-Table"}},
		{"sweep off", func(b *bench, t *testing.T) func() {
			expiry(b, t, false, "exp")
			return func() { expiry(b, t, true, "exp") }
		}, []string{"table.ttl of id-Table"}},
		{"a restored table in use, with nothing set", func(b *bench, t *testing.T) func() {
			copied := *b.id("Table") + "-restored"
			_, err := b.tables.RestoreTableToPointInTime(t.Context(), &dynamodb.RestoreTableToPointInTimeInput{
				SourceTableName: b.id("Table"), TargetTableName: &copied, UseLatestRestorableTime: aws.Bool(true),
			})
			must(t, err)
			b.wire = &wire{edits: []edit{{"Action=DescribeStacks", "<OutputValue>" + *b.id("Table") + "<", "<OutputValue>" + copied + "<"}}}
			return nil
		}, []string{"table.deletion_protection of id-Table", "table.encryption of id-Table", "table.pitr of id-Table", "table.ttl of id-Table"}},
		said("sweep by another attribute", "DescribeTimeToLive", `"exp"`, `"v"`, "table.ttl of id-Table"),
		said("not active", "DescribeTable", `"ACTIVE"`, `"INACCESSIBLE_ENCRYPTION_CREDENTIALS"`, "table.status of id-Table"),
		said("not encrypted", "DescribeTable", `"SSEDescription"`, `"Other"`, "table.encryption of id-Table"),
		refused("DescribeContinuousBackups", "AccessDeniedException", "permission of dynamodb:DescribeContinuousBackups"),
		refused("DescribeTimeToLive", "AccessDeniedException", "permission of dynamodb:DescribeTimeToLive"),
		refused("DescribeTable", "AccessDeniedException", "permission of dynamodb:DescribeTable"),
		refused("DescribeTable", "InternalServerError", "aws.error of id-Table"),
	}
}

func keyFaults() []fault {
	policy := func(change func(string) string) func(*bench, *testing.T) func() {
		return func(b *bench, t *testing.T) func() {
			put := func(p string) {
				_, err := b.keys.PutKeyPolicy(t.Context(), &kms.PutKeyPolicyInput{KeyId: b.id("SigningKey"), PolicyName: aws.String("default"), Policy: &p})
				must(t, err)
			}
			was, err := b.keys.GetKeyPolicy(t.Context(), &kms.GetKeyPolicyInput{KeyId: b.id("SigningKey"), PolicyName: aws.String("default")})
			must(t, err)
			changed := change(*was.Policy)
			if changed == *was.Policy || !json.Valid([]byte(changed)) {
				t.Fatalf("the policy was not changed: %s", changed)
			}
			put(changed)
			return func() { put(*was.Policy) }
		}
	}
	replace := func(old, with string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, old, with) }
	}
	broken := []string{"key.policy of SigningKey"}
	return []fault{
		{"signing key disabled", func(b *bench, t *testing.T) func() {
			_, err := b.keys.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: b.id("SigningKey")})
			must(t, err)
			return func() {
				_, err := b.keys.EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: b.id("SigningKey")})
				must(t, err)
			}
		}, []string{"key.disabled of SigningKey"}},
		{"wrapping key about to go", func(b *bench, t *testing.T) func() {
			_, err := b.keys.ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: b.id("WrappingKey")})
			must(t, err)
			return func() {
				_, err := b.keys.CancelKeyDeletion(t.Context(), &kms.CancelKeyDeletionInput{KeyId: b.id("WrappingKey")})
				must(t, err)
				_, err = b.keys.EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: b.id("WrappingKey")})
				must(t, err)
			}
		}, []string{"key.deletion of WrappingKey"}},
		{"the policy allows only", policy(replace(`"Deny"`, `"Allow"`)), broken},
		{"the policy denies another action", policy(replace(`"kms:Sign"`, `"kms:Verify"`)), broken},
		{"the policy denies it to one only", policy(replace(`"Principal": "*"`, `"Principal": {"AWS": "arn:aws:iam::123456789012:root"}`)), broken},
		{"the policy excepts another tag", policy(replace("latchkey:signs-for", "team")), broken},
		{"the policy excepts another stack", policy(replace(`signs-for": "id"`, `signs-for": "other"`)), broken},
		{"the policy excepts more", policy(replace(`"StringNotEquals"`, `"Bool": {"aws:SecureTransport": "false"}, "StringNotEquals"`)), broken},
		said("another spec", "DescribeKey", `"RSA_2048"`, `"RSA_4096"`, "key.spec of SigningKey"),
		said("an unreadable key", "GetPublicKey", `"PublicKey": ?"[^"]*"`, `"PublicKey": "AAAA"`, "aws.error of SigningKey"),
		said("an unreadable policy", "GetKeyPolicy", `"Policy": ?"`, `"Policy": "x`, "key.policy of SigningKey"),
		refused("GetKeyPolicy", "AccessDeniedException", "permission of kms:GetKeyPolicy"),
		refused("GetPublicKey", "AccessDeniedException", "permission of kms:GetPublicKey"),
		refused("DescribeKey", "NotFoundException", "key.missing of SigningKey", "key.missing of WrappingKey"),
	}
}

func otherFaults() []fault {
	return []fault{
		said("CloudFront's origin does not answer", "domainnames", `"apiGatewayDomainName": "127.0.0.1"`, `"apiGatewayDomainName": "127.0.0.2:1"`, "edge.unreachable of 127.0.0.2"),
		refused("domainnames", "AccessDeniedException", "permission of apigateway:GET"),
		{"function stopped", func(b *bench, t *testing.T) func() {
			_, err := b.functions.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{
				FunctionName: b.id("SSOFunction"), ReservedConcurrentExecutions: aws.Int32(0),
			})
			must(t, err)
			return func() {
				_, err := b.functions.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: b.id("SSOFunction")})
				must(t, err)
			}
		}, []string{"function.stopped of SSOFunction"}},
		{"another runtime", func(b *bench, t *testing.T) func() {
			set := func(r lambdatypes.Runtime) {
				_, err := b.functions.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: b.id("SSOFunction"), Runtime: r})
				must(t, err)
			}
			set(lambdatypes.RuntimeProvidedal2)
			return func() { set(lambdatypes.RuntimeProvidedal2023) }
		}, []string{"function.runtime of SSOFunction"}},
		said("inactive", "AdminFunction", `"State": ?"Active"`, `"State": "Failed"`, "function.state of AdminFunction"),
		said("update failed", "AdminFunction", `"LastUpdateStatus": ?"Successful"`, `"LastUpdateStatus": "Failed"`, "function.update of AdminFunction"),
		refused("/concurrency", "AccessDeniedException", "permission of lambda:GetFunctionConcurrency"),

		{"kept forever", func(b *bench, t *testing.T) func() {
			_, err := b.logs.DeleteRetentionPolicy(t.Context(), &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: b.id("SSOLog")})
			must(t, err)
			return func() {
				_, err := b.logs.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{
					LogGroupName: b.id("SSOLog"), RetentionInDays: aws.Int32(90),
				})
				must(t, err)
			}
		}, []string{"log.retention of id-SSOLog"}},
		refused("DescribeLogGroups", "AccessDeniedException", "permission of logs:DescribeLogGroups"),

		{"an alarm", func(b *bench, t *testing.T) func() {
			set := func(s cloudwatchtypes.StateValue) {
				_, err := b.alarms.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
					AlarmName: b.id("ServerErrors"), StateValue: s, StateReason: aws.String("a test"),
				})
				must(t, err)
			}
			set(cloudwatchtypes.StateValueAlarm)
			return func() { set(cloudwatchtypes.StateValueOk) }
		}, []string{"alarm.firing of ServerErrors"}},
		{"nobody is told", func(b *bench, t *testing.T) func() {
			var names []string
			for _, r := range b.made {
				if r.Type == "AWS::CloudWatch::Alarm" {
					names = append(names, r.ID)
				}
			}
			_, err := b.alarms.DisableAlarmActions(t.Context(), &cloudwatch.DisableAlarmActionsInput{AlarmNames: names})
			must(t, err)
			return func() {
				_, err := b.alarms.EnableAlarmActions(t.Context(), &cloudwatch.EnableAlarmActionsInput{AlarmNames: names})
				must(t, err)
			}
		}, []string{"alarm.silent of id"}},

		said("in progress", "DescribeStacks", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "stack.changing of id"),
		said("rolled back", "DescribeStacks", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "stack.failed of id"),
		said("of something else", "Action=DescribeStacks", "<OutputKey>(PublicURL|MetadataURL)<", "<OutputKey>Other<", "stack.output of id"),
		{"of nothing at all", func(b *bench, _ *testing.T) func() {
			b.wire = &wire{edits: []edit{{"Action=ListStackResources", "AWS::", "Other::"}, {"Action=DescribeStacks", "<OutputKey>Table<", "<OutputKey>Other<"}}}
			return nil
		}, []string{"alarm.missing of id", "api.missing of id", "function.missing of id", "key.missing of id", "table.missing of id"}},
		{"a newer version that nobody gets", func(b *bench, t *testing.T) func() {
			alias := func(version string) {
				_, err := b.functions.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{
					FunctionName: b.id("SSOFunction"), Name: aws.String("live"), FunctionVersion: &version,
				})
				must(t, err)
			}
			_, err := b.functions.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
				FunctionName: b.id("SSOFunction"), S3Bucket: aws.String("code"), S3Key: aws.String("2"),
			})
			must(t, err)
			newest, err := b.functions.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: b.id("SSOFunction")})
			must(t, err)
			return func() { alias(*newest.Version) }
		}, []string{"alias.version of SSOFunctionAliaslive"}},
		{"a canary", func(b *bench, t *testing.T) func() {
			route := func(version string, weights map[string]float64) {
				_, err := b.functions.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{
					FunctionName: b.id("SSOFunction"), Name: aws.String("live"), FunctionVersion: &version,
					RoutingConfig: &lambdatypes.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
				})
				must(t, err)
			}
			route("1", map[string]float64{"2": 0.1})
			return func() { route("2", map[string]float64{}) }
		}, nil},
		said("an alias by another name", "Action=ListStackResources", ":live<", "<", "alias.missing of "),
		said("functions by another name", "/integrations", `arn:aws:apigateway:[^"]*/functions/([^"]*)/invocations`, "$1"),
		said("a key of another region", "Action=ListStackResources", "AWS::KMS::Key<", "AWS::KMS::ReplicaKey<"),
		said("a route nobody made", "/routes", `integrations/`, `others/`, "route.integration of "),
		refused("/routes", "AccessDeniedException", "permission of apigateway:GET"),
	}
}

// demolition is something that is deleted for good.
type demolition struct {
	want string
	do   func(*bench, *testing.T) error
}

func demolitions() []demolition {
	return []demolition{
		{"edge.domain of 127.0.0.1", func(b *bench, t *testing.T) error {
			_, err := b.gateway.DeleteDomainName(t.Context(), &apigatewayv2.DeleteDomainNameInput{DomainName: aws.String("127.0.0.1")})
			return err
		}},
		{"log.missing of id-SSOLog", func(b *bench, t *testing.T) error {
			_, err := b.logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: b.id("SSOLog")})
			return err
		}},
		{"alarm.missing of SlowSignatures", func(b *bench, t *testing.T) error {
			_, err := b.alarms.DeleteAlarms(t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{*b.id("SlowSignatures")}})
			return err
		}},
		{"route.missing of SamlSsoGetRoute", func(b *bench, t *testing.T) error {
			_, err := b.gateway.DeleteRoute(t.Context(), &apigatewayv2.DeleteRouteInput{ApiId: b.id("HttpApi"), RouteId: b.id("SamlSsoGetRoute")})
			return err
		}},
		{"route.integration of GET /saml/metadata", func(b *bench, t *testing.T) error {
			_, err := b.gateway.DeleteIntegration(t.Context(), &apigatewayv2.DeleteIntegrationInput{ApiId: b.id("HttpApi"), IntegrationId: b.id("MetadataIntegration")})
			return err
		}},
		{"api.stage of ", func(b *bench, t *testing.T) error {
			_, err := b.gateway.DeleteStage(t.Context(), &apigatewayv2.DeleteStageInput{ApiId: b.id("HttpApi"), StageName: aws.String("$default")})
			return err
		}},
		{"route.function of GET /wsfed", func(b *bench, t *testing.T) error {
			_, err := b.functions.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: b.id("WSFedFunction")})
			return err
		}},
		{"function.missing of WSFedFunction", func(*bench, *testing.T) error { return nil }}, // by the same
		{"alias.missing of MetadataFunctionAliaslive", func(b *bench, t *testing.T) error {
			_, err := b.functions.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: b.id("MetadataFunction"), Name: aws.String("live")})
			return err
		}},
		{"api.missing of ", func(b *bench, t *testing.T) error {
			_, err := b.gateway.DeleteApi(t.Context(), &apigatewayv2.DeleteApiInput{ApiId: b.id("HttpApi")})
			return err
		}},
		{"table.missing of id-Table", func(b *bench, t *testing.T) error {
			_, err := b.tables.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: b.id("Table"), DeletionProtectionEnabled: aws.Bool(false)})
			must(t, err)
			_, err = b.tables.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: b.id("Table")})
			return err
		}},
		{"answer.unreachable of https://127.0.0.1", func(b *bench, _ *testing.T) error {
			b.site.Close()
			return nil
		}},
	}
}
