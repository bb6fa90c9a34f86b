package infra_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloudtest"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// second is the region to which the stack gets a replica of its table.
const second = "eu-west-1"

// secondRegion gives the stack a second region: table and keys stay what they are,
// the table is there, too, and the keys can be replicated to it.
func secondRegion(t *testing.T, cloud *cloudtest.Cloud) {
	before := cloud.Resources(t, mainStack)
	cloud.Deploy(t, mainStack, cloud.Template(t, mainTemplate, "2"), map[string]string{"SecondRegion": second})
	after := cloud.Resources(t, mainStack)
	type object = map[string]any
	replicable := object{"Policy": object{"OnlyTheSecondRegion": object{
		"Condition": object{"StringNotEquals": object{"kms:ReplicaRegion": second}},
	}}}
	for id, want := range map[string]any{
		"Table": object{"DeletionProtectionEnabled": true, "PITR": "ENABLED"}, "SigningKey": replicable, "EncryptionKey": replicable, "WrappingKey": replicable,
	} {
		if before[id].ID == "" || before[id].ID != after[id].ID {
			t.Errorf("%s, %q, is now %q", id, before[id].ID, after[id].ID)
		}
		for _, wrong := range differences(want, any(after[id].Says), id) {
			t.Error(wrong)
		}
	}
	replica, err := dynamodb.NewFromConfig(cloud.In(second).Config()).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(after["Table"].ID)})
	if err != nil {
		t.Fatalf("the table in %s: %v", second, err)
	}
	if !aws.ToBool(replica.Table.DeletionProtectionEnabled) || replica.Table.SSEDescription == nil {
		t.Errorf("the table in %s lacks its protections: %+v", second, replica.Table)
	}
}

// secondStack deploys the second region's stack, with the name of the first: it
// makes no table and no keys, names them as the first does, and its functions have
// rights to those of their own region only.
func secondStack(t *testing.T, cloud *cloudtest.Cloud, known map[string]string) {
	first := known["@id-signing-key.SigningKey"]
	cloud.Deploy(t, "id-signing-key", cloud.Template(t, "infra/signing-key.yaml", "1"), map[string]string{
		"Deployment": mainStack, "SecondRegion": second, "PrimaryKey": first,
	})
	replica := cloud.Outputs(t, "id-signing-key")["SigningKey"]
	if want := strings.Replace(first, cloudtest.Region, second, 1); replica != want {
		t.Errorf("the replica of %s is %s", first, replica)
	}
	parameters := map[string]string{
		"PrimaryRegion": cloudtest.Region, "PublicURL": "https://id.example.com", "EncryptIdentifiers": "true", "Schedules": "DISABLED",
		"MoreSigningKeys": first, "MoreSigningReplicas": replica,
	}
	for _, name := range []string{"PrimaryTable", "PrimarySigningKey", "PrimaryEncryptionKey", "PrimaryWrappingKey"} {
		parameters[name] = known["@id."+name]
	}
	cloud.Deploy(t, mainStack, cloud.Template(t, mainTemplate, "1"), parameters)
	made := cloud.Resources(t, mainStack)
	routesReach(t, made)
	for id, r := range made {
		switch r.Type {
		case "AWS::DynamoDB::GlobalTable", "AWS::KMS::Key", "AWS::KMS::Alias":
			t.Errorf("the second region makes %s", id)
		case "AWS::IAM::Role":
			if rights := text(r.Says["Statements"]); strings.Contains(rights, ":"+cloudtest.Region+":") {
				t.Errorf("%s has rights in the first region: %s", id, rights)
			}
		}
	}
	type object = map[string]any
	names := object{"LATCHKEY_TABLE": parameters["PrimaryTable"], "LATCHKEY_RESTORED_FROM": ""}
	for setting, key := range map[string]string{"LATCHKEY_MASTER_KEY": "PrimaryWrappingKey", "LATCHKEY_ENCRYPTION_KEY": "PrimaryEncryptionKey"} {
		names[setting] = "~^arn:aws:kms:" + cloudtest.Region + ":[0-9]+:key/" + parameters[key] + "$"
	}
	names["LATCHKEY_SIGNING_KEY"] = known["@id.SigningKey"] + "," + parameters["MoreSigningKeys"]
	for id, want := range map[string]any{
		"SSOFunction":           object{"Environment": object{"Variables": names}},
		"SSOFunctionRole":       object{"Tags": object{"latchkey:signs-for": mainStack}},
		"RefreshFunctionHourly": object{"State": "DISABLED"},
		"AuditFunctionHourly":   object{"State": "DISABLED"},
	} {
		for _, wrong := range differences(want, any(made[id].Says), id) {
			t.Error(wrong)
		}
	}
	if name := made["Dashboard"].ID; name == mainStack {
		t.Error("the dashboard of the first region is written over: they have no region")
	}
}

// TestFailover: a region is asked by its own host, and one that is switched off
// fails whether it runs or not; the health host has nothing of the public one.
func TestFailover(t *testing.T) {
	type object = map[string]any
	says := func(template string, parameters map[string]string) map[string]object {
		t.Helper()
		s, err := sam.Read(template, sam.Values{Parameters: parameters})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]object{}
		for _, r := range s.Resources {
			found[r.LogicalID] = r.Properties
		}
		return found
	}
	given := map[string]string{
		"Host": "id.example.com", "HostedZoneId": "Z1", "FirstTarget": "d-1", "FirstTargetZone": "Z2", "FirstHealthHost": "one.example.com",
		"SecondTarget": "d-2", "SecondTargetZone": "Z3", "SecondHealthHost": "two.example.com",
	}
	for first, path := range map[string]string{"automatic": "/v1/healthz", "off": "/off"} {
		given["FirstRegion"] = first
		made := says("failover.yaml", given)
		for id, want := range map[string]any{
			"FirstHealth": object{"HealthCheckConfig": object{
				"Type": "HTTPS", "FullyQualifiedDomainName": "one.example.com", "ResourcePath": path, "EnableSNI": true, "FailureThreshold": 3,
			}},
			"SecondHealth": object{"HealthCheckConfig": object{"FullyQualifiedDomainName": "two.example.com", "ResourcePath": "/v1/healthz"}},
			"First":        object{"Name": "id.example.com", "Failover": "PRIMARY", "HealthCheckId": "FirstHealth", "AliasTarget": object{"DNSName": "d-1"}},
			"Second":       object{"Name": "id.example.com", "Failover": "SECONDARY", "HealthCheckId": "SecondHealth", "AliasTarget": object{"DNSName": "d-2"}},
		} {
			for _, wrong := range differences(want, any(made[id]), id) {
				t.Errorf("%s: %s", first, wrong)
			}
		}
	}
	domain := says("custom-domain.yaml", map[string]string{
		"Host": "id.example.com", "ApiId": "api", "HostedZoneId": "Z1", "HealthHost": "one.example.com", "PublicRecord": "false",
	})
	if _, made := domain["Record"]; made {
		t.Error("two stacks make the public record")
	}
	if domain["HealthRecord"]["Name"] != "one.example.com" || domain["HealthMapping"]["ApiId"] != "api" {
		t.Errorf("the health host: %v, %v", domain["HealthRecord"], domain["HealthMapping"])
	}
}
