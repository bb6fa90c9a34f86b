package functions_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/iam"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// signers are the functions that may use the signing key.
var signers = []string{"metadata", "slo", "sso"}

// Resources of the stack that these tests ask about.
const (
	tableARN    = "arn:table"
	signingKey  = "arn:signing-key"
	wrappingKey = "arn:wrapping-key"
	decryption  = "arn:decryption-key"

	originSecret = "arn:origin-secret"
)

// stack is template.yaml, as it is deployed with all options.
func stack(t *testing.T) *sam.Stack {
	t.Helper()
	s, err := sam.Read(cloud.Template(), sam.Values{
		Parameters: map[string]string{"EncryptIdentifiers": "true", "MoreSigningKeys": "arn:next-key", "OriginSecret": originSecret},
		Attributes: map[string]string{
			"Table.Arn": tableARN, "SigningKey.Arn": signingKey, "WrappingKey.Arn": wrappingKey, "EncryptionKey.Arn": decryption,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// allowed judges a request of a function.
func allowed(s *sam.Stack, function string, r iam.Request) bool {
	f := s.Functions[function]
	context := map[string][]string{}
	for key, values := range r.Context {
		context[key] = values
	}
	for tag, value := range f.Tags {
		context["aws:PrincipalTag/"+tag] = []string{value}
	}
	r.Context = context
	return iam.Allowed(f.Policy, s.KeyPolicies[r.Resource], r)
}

func sign(algorithm, messageType string) iam.Request {
	return iam.Request{Action: "kms:Sign", Resource: signingKey, Context: map[string][]string{
		"kms:SigningAlgorithm": {algorithm}, "kms:MessageType": {messageType},
	}}
}

func item(action, key string) iam.Request {
	return iam.Request{Action: "dynamodb:" + action, Resource: tableARN, Context: map[string][]string{"dynamodb:LeadingKeys": {key}}}
}

// TestWhoSigns: L6, three functions sign, digests of one algorithm only.
func TestWhoSigns(t *testing.T) {
	s := stack(t)
	var may []string
	for _, name := range s.Names() {
		if allowed(s, name, sign("RSASSA_PKCS1_V1_5_SHA_256", "DIGEST")) {
			may = append(may, name)
		}
		for _, other := range []iam.Request{
			sign("RSASSA_PSS_SHA_256", "DIGEST"), sign("RSASSA_PKCS1_V1_5_SHA_512", "DIGEST"), sign("RSASSA_PKCS1_V1_5_SHA_256", "RAW"),
			{Action: "kms:Sign", Resource: signingKey}, {Action: "kms:Sign", Resource: decryption},
			{Action: "kms:Decrypt", Resource: signingKey}, {Action: "kms:ScheduleKeyDeletion", Resource: signingKey},
			{Action: "kms:PutKeyPolicy", Resource: signingKey}, {Action: "kms:CreateGrant", Resource: signingKey},
		} {
			if allowed(s, name, other) {
				t.Errorf("L6 %s may: %s", name, other)
			}
		}
	}
	if diff := cmp.Diff(signers, may); diff != "" {
		t.Errorf("L6 who signs: %s", diff)
	}
	t.Run("L6 the key's policy holds against a role that may everything", func(t *testing.T) {
		everything := []iam.Statement{{Actions: []string{"*"}, Resources: []string{"*"}}}
		for _, r := range []iam.Request{sign("RSASSA_PKCS1_V1_5_SHA_256", "DIGEST"), {Action: "kms:Decrypt", Resource: decryption}} {
			if iam.Allowed(everything, s.KeyPolicies[r.Resource], r) {
				t.Errorf("anybody may: %s", r)
			}
		}
	})
	t.Run("L6 an administrator cares for the keys and gives nobody a grant", func(t *testing.T) {
		administrator := []iam.Statement{{Actions: []string{"kms:*"}, Resources: []string{"*"}}}
		for _, key := range []string{signingKey, decryption, wrappingKey} {
			for action, want := range map[string]bool{
				"kms:DescribeKey": true, "kms:PutKeyPolicy": true, "kms:DisableKey": true, "kms:ScheduleKeyDeletion": true, "kms:CancelKeyDeletion": true,
				"kms:CreateGrant": false, "kms:ImportKeyMaterial": false, "kms:DeriveSharedSecret": false, "kms:UpdatePrimaryRegion": false,
			} {
				if r := (iam.Request{Action: action, Resource: key}); iam.Allowed(administrator, s.KeyPolicies[key], r) != want {
					t.Errorf("L6 an administrator may %s: %v", r, !want)
				}
			}
		}
	})
	t.Run("L6 a further signing key has the policy of the first", func(t *testing.T) {
		more, err := sam.Read("../infra/signing-key.yaml", sam.Values{
			Parameters: map[string]string{"Deployment": "latchkey"}, Attributes: map[string]string{"SigningKey.Arn": signingKey},
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.KeyPolicies[signingKey], more.KeyPolicies[signingKey]); diff != "" {
			t.Error(diff)
		}
	})
}

// TestWhereKeysAre: a replica of a key has a policy of its own, so keys can be
// replicated to the second region only, whoever asks for it; and another region
// can't be made the first.
func TestWhereKeysAre(t *testing.T) {
	everything := []iam.Statement{{Actions: []string{"*"}, Resources: []string{"*"}}}
	for _, second := range []string{"", "eu-west-1"} {
		parameters := map[string]string{"EncryptIdentifiers": "true", "SecondRegion": second, "Deployment": "latchkey"}
		policies := map[string][]iam.Statement{}
		for _, template := range []string{cloud.Template(), "../infra/signing-key.yaml"} {
			s, err := sam.Read(template, sam.Values{Parameters: parameters})
			if err != nil {
				t.Fatal(err)
			}
			for arn, policy := range s.KeyPolicies {
				policies[template+" "+arn] = policy
			}
		}
		if len(policies) != 4 {
			t.Fatalf("%d keys", len(policies))
		}
		for key, policy := range policies {
			for _, to := range []string{"eu-west-1", "us-east-1", ""} {
				r := iam.Request{Action: "kms:ReplicateKey", Resource: key, Context: map[string][]string{"kms:ReplicaRegion": {to}}}
				if got := iam.Allowed(everything, policy, r); got != (to != "" && to == second) {
					t.Errorf("L6 SecondRegion %q: %s: %v", second, r, got)
				}
			}
			if iam.Allowed(everything, policy, iam.Request{Action: "kms:UpdatePrimaryRegion", Resource: key}) {
				t.Errorf("L6 anybody moves the primary of %s", key)
			}
		}
	}
}

// TestReplicas: L6, a key's policy is the same in both regions.
func TestReplicas(t *testing.T) {
	policies := func(template, region string, parameters map[string]string) map[string][]iam.Statement {
		t.Helper()
		parameters["Deployment"], parameters["SecondRegion"], parameters["EncryptIdentifiers"] = "latchkey", "eu-west-1", "true"
		s, err := sam.Read(template, sam.Values{Region: region, Parameters: parameters, Attributes: map[string]string{
			"SigningKey.Arn": "SigningKey", "EncryptionKey.Arn": "EncryptionKey", "WrappingKey.Arn": "WrappingKey", "Replica.Arn": "SigningKey",
		}})
		if err != nil {
			t.Fatal(err)
		}
		return s.KeyPolicies
	}
	first := policies(cloud.Template(), sam.Region, map[string]string{})
	second := policies("../infra/second-region.yaml", "eu-west-1", map[string]string{
		"PrimaryRegion": sam.Region, "PrimarySigningKey": "mrk-1", "PrimaryEncryptionKey": "mrk-2", "PrimaryWrappingKey": "mrk-3",
	})
	if diff := cmp.Diff(first, second); diff != "" || len(first) != 3 {
		t.Errorf("L6 infra/second-region.yaml (-first +second): %s", diff)
	}
	more := policies("../infra/signing-key.yaml", sam.Region, map[string]string{})
	replica := policies("../infra/signing-key.yaml", "eu-west-1", map[string]string{"PrimaryKey": "arn:aws:kms:eu-central-1:1:key/mrk-1"})
	for _, of := range []map[string][]iam.Statement{more, replica} {
		if diff := cmp.Diff(map[string][]iam.Statement{"SigningKey": first["SigningKey"]}, of); diff != "" {
			t.Errorf("L6 infra/signing-key.yaml (-first +this): %s", diff)
		}
	}
}

// TestWhoDecrypts: L6, identifiers are decrypted where logout requests are read,
// and nowhere else; the master key by name of its table.
func TestWhoDecrypts(t *testing.T) {
	s := stack(t)
	for _, name := range s.Names() {
		if got := allowed(s, name, iam.Request{Action: "kms:Decrypt", Resource: decryption}); got != (name == "slo") {
			t.Errorf("L6 %s decrypts identifiers: %v", name, got)
		}
		for _, context := range []map[string][]string{nil, {"kms:EncryptionContext:latchkey:table": {"another"}, "kms:EncryptionContext:latchkey:purpose": {"master#1"}}} {
			if allowed(s, name, iam.Request{Action: "kms:Decrypt", Resource: wrappingKey, Context: context}) {
				t.Errorf("L6 %s unwraps with the context %v", name, context)
			}
		}
	}
}

// TestWhoReadsTheOriginSecret: L6, who answers requests, that one secret, and
// nobody without CloudFront.
func TestWhoReadsTheOriginSecret(t *testing.T) {
	without, err := sam.Read(cloud.Template(), sam.Values{})
	if err != nil {
		t.Fatal(err)
	}
	s := stack(t)
	for _, name := range s.Names() {
		get := iam.Request{Action: "secretsmanager:GetSecretValue", Resource: originSecret}
		if got := allowed(s, name, get); got != slices.Contains(names, name) {
			t.Errorf("L6 %s reads it: %v", name, got)
		}
		for _, other := range []iam.Request{
			{Action: get.Action, Resource: "arn:other"}, {Action: "secretsmanager:PutSecretValue", Resource: originSecret},
			{Action: "secretsmanager:DescribeSecret", Resource: originSecret},
		} {
			if allowed(s, name, other) {
				t.Errorf("L6 %s may: %s", name, other)
			}
		}
		if without.Functions[name].Env["LATCHKEY_ORIGIN_SECRET"] != "" || allowed(without, name, get) {
			t.Errorf("L6 without CloudFront %s looks for a secret", name)
		}
	}
}

// TestPoliciesAreNarrow: L6, no wildcard and no scan; every right on the table
// names its partitions. That none is too many, and none too few, is shown by
// internal/app (TestLeastPrivilege).
func TestPoliciesAreNarrow(t *testing.T) {
	s := stack(t)
	if len(s.Functions) != len(names)+len(scheduled)+1 { // and precheck
		t.Errorf("%d functions in the template", len(s.Functions))
	}
	for _, name := range s.Names() {
		f := s.Functions[name]
		for _, managed := range f.Managed {
			if managed != "AWSXRayDaemonWriteAccess" {
				t.Errorf("L6 %s has the managed policy %s", name, managed)
			}
		}
		for _, statement := range f.Policy {
			for _, text := range append(statement.Actions, statement.Resources...) {
				if (strings.Contains(text, "*") || strings.Contains(text, "Scan")) && !strings.HasSuffix(text, ":deploymentgroup:ServerlessDeploymentApplication/*") {
					t.Errorf("L6 %s, %s: %s", name, statement.Sid, text)
				}
			}
			aboutTable := slices.ContainsFunc(statement.Actions, func(a string) bool { return strings.HasPrefix(a, "dynamodb:") })
			if aboutTable && !slices.ContainsFunc(statement.Conditions, func(c iam.Condition) bool {
				return c.Operator == "ForAllValues:StringLike" && c.Key == "dynamodb:LeadingKeys" && !slices.Contains(c.Values, "*")
			}) {
				t.Errorf("L6 %s, %s: which partitions?", name, statement.Sid)
			}
		}
	}
}

// TestRoles: L6, what some functions must never touch, whatever else they do.
func TestRoles(t *testing.T) {
	s := stack(t)
	actions := []string{"GetItem", "BatchGetItem", "Query", "PutItem", "DeleteItem", "UpdateItem"}
	never := map[string][]string{
		// It calls addresses from outside: no people, no sign-ins, no secrets.
		"refresh": {"USER#1", "CRED#1", "LOGIN#1", "QRSESSION#1", "KEYS", "SECRET", "INVITE#1", "APPPW#1"},
		// It takes requests that nobody signed.
		"wsfed": {"USER#1", "CRED#1", "QRSESSION#1", "KEYS", "INVITE#1", "APPPW#1"},
		// It looks for what others do to the audit trail: nothing else.
		"audit": {"SP#1", "USER#1", "CRED#1", "LOGIN#1", "QRSESSION#1", "KEYS", "METADATA", "INVITE#1", "APPPW#1"},
		// It is asked by everybody.
		"metadata": {"USER#1", "CRED#1", "LOGIN#1", "QRSESSION#1", "INVITE#1", "APPPW#1"},
		// What a session or a code is worth is not the administrators' affair.
		"admin": {"LOGIN#1", "QRSESSION#1", "CODE#1", "BROWSER#1"},
	}
	for name, keys := range never {
		for _, key := range keys {
			for _, action := range actions {
				if allowed(s, name, item(action, key)) {
					t.Errorf("L6 %s may %s %s", name, action, key)
				}
			}
		}
	}
	for _, name := range s.Names() {
		if strings.HasPrefix(name, "refresh") && slices.ContainsFunc(s.Functions[name].Policy, func(st iam.Statement) bool {
			return strings.HasPrefix(st.Actions[0], "kms:")
		}) {
			t.Errorf("L6 %s has a key", name)
		}
		for _, action := range []string{"DeleteItem", "UpdateItem"} {
			for _, key := range []string{"AUDIT#2026-11-26", "AUDITCHECK"} {
				if allowed(s, name, item(action, key)) {
					t.Errorf("AD10 %s may %s %s", name, action, key)
				}
			}
		}
		// Who asks the others has no part in what they do.
		if name == "precheck" {
			if slices.ContainsFunc(s.Functions[name].Policy, func(st iam.Statement) bool {
				return !strings.HasPrefix(st.Actions[0], "lambda:") && !strings.HasPrefix(st.Actions[0], "codedeploy:")
			}) {
				t.Errorf("L6 %s may use the table or a key", name)
			}
			continue
		}
		// Who says what the trail held writes no events, and the other way round.
		if got := allowed(s, name, item("PutItem", "AUDIT#2026-11-26")); got == (name == "audit") {
			t.Errorf("AD10 %s writes events: %v", name, got)
		}
		if got := allowed(s, name, item("PutItem", "AUDITCHECK")); got != (name == "audit") {
			t.Errorf("AD10 %s writes checkpoints: %v", name, got)
		}
	}
}

// environment is what a function may be told by its environment: names,
// addresses, switches. Whoever adds a name here has made sure that its value is
// no secret.
var environment = []string{
	"LATCHKEY_ATTESTATION", "LATCHKEY_ATTESTATION_MODELS", "LATCHKEY_ATTESTATION_ROOTS", "LATCHKEY_DISPLAY_NAME", "LATCHKEY_ENCRYPTION_KEY",
	"LATCHKEY_ENTITY_ID", "LATCHKEY_HEALTH_HOST", "LATCHKEY_INFORMATION_URL", "LATCHKEY_ISSUERS", "LATCHKEY_LOGO_URL", "LATCHKEY_LOG_LEVEL", "LATCHKEY_MASTER_KEY",
	"LATCHKEY_ORIGIN_SECRET", "LATCHKEY_PRIVACY_URL", "LATCHKEY_PUBLIC_URL", "LATCHKEY_RESTORED_FROM", "LATCHKEY_SIGNING_KEY", "LATCHKEY_SUPPORT_URL", "LATCHKEY_TABLE",
	"LATCHKEY_VERSIONS",
}

// TestEnvironment: L5, and keys are there by their ARN only.
func TestEnvironment(t *testing.T) {
	s := stack(t)
	t.Run("L5 names on the list only", func(t *testing.T) {
		for _, name := range s.Names() {
			for variable, value := range s.Functions[name].Env {
				if !slices.Contains(environment, variable) {
					t.Errorf("%s gets %s", name, variable)
				}
				for key := range strings.SplitSeq(value, ",") {
					if (strings.HasSuffix(variable, "_KEY") || strings.HasSuffix(variable, "_SECRET")) && !strings.HasPrefix(key, "arn:") {
						t.Errorf("%s of %s is no ARN", variable, name)
					}
				}
			}
		}
	})
}

// TestWhoInvokes: L1, the HTTP API of this stack invokes the functions with
// routes, and nobody else is allowed to by the template.
func TestWhoInvokes(t *testing.T) {
	s := stack(t)
	t.Run("L1 resource policies name the API", func(t *testing.T) {
		var invoked []string
		for _, r := range s.Resources {
			if r.Type != "AWS::Lambda::Permission" {
				continue
			}
			source, _ := r.Properties["SourceArn"].(string)
			if r.Properties["Principal"] != "apigateway.amazonaws.com" || !strings.Contains(source, ":execute-api:") || !strings.Contains(source, ":HttpApi/") ||
				r.Properties["Action"] != "lambda:InvokeFunction" {
				t.Errorf("%s: %v", r.LogicalID, r.Properties)
			}
			for _, name := range s.Names() {
				if strings.Contains(r.Properties["FunctionName"].(string), s.Functions[name].LogicalID) {
					invoked = append(invoked, name)
				}
			}
		}
		slices.Sort(invoked)
		if diff := cmp.Diff(slices.Sorted(slices.Values(names)), slices.Compact(invoked)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("L4 behind an address of its own the API's is off", func(t *testing.T) {
		for address, off := range map[string]any{"": false, "https://id.example.com": true} {
			s, err := sam.Read(cloud.Template(), sam.Values{Parameters: map[string]string{"PublicURL": address}})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range s.Resources {
				if r.Type == "AWS::ApiGatewayV2::Api" && r.Properties["DisableExecuteApiEndpoint"] != off {
					t.Errorf("PublicURL %q: %v", address, r.Properties)
				}
			}
		}
	})
}
