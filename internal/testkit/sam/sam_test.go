package sam_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

const template = `
Parameters:
  Name: {Type: String, Default: door}
  More: {Type: String, Default: ""}
Conditions:
  HasMore: !Not [!Equals [!Ref More, ""]]
Globals:
  Function:
    Timeout: 15
    Environment:
      Variables:
        TABLE: !Ref Table
        KEYS: !If [HasMore, !Sub "${Key.Arn},${More}", !GetAtt Key.Arn]
        URL: {"Fn::Join": ["", ["https://", {Ref: Name}, ".test"]]}
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy:
        Statement:
          - {Effect: Allow, Principal: {AWS: "arn:aws:iam::1:root"}, Action: "kms:*", Resource: "*"}
  Left:
    Type: AWS::Serverless::Function
    Condition: HasMore
  WorkFunction:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 25
      Tags: {"for": !Ref "AWS::StackName"}
      Policies:
        - AWSXRayDaemonWriteAccess
        - Statement:
            - Effect: Allow
              Action: kms:Sign
              Resource: !Split [",", !If [HasMore, !Sub "${Key.Arn},${More}", !GetAtt Key.Arn]]
            - !If
              - HasMore
              - {Effect: Allow, Action: "kms:Decrypt", Resource: !Sub ["${x}/1", {x: !Ref More}]}
              - !Ref AWS::NoValue
  WorkIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {IntegrationUri: !Ref WorkFunction.Alias, TimeoutInMillis: 20000}
  Route: {Type: AWS::ApiGatewayV2::Route, Properties: {RouteKey: "GET /work", AuthorizationType: AWS_IAM, Target: !Sub "integrations/${WorkIntegration}"}}
`

func read(t *testing.T, text string, v sam.Values) (*sam.Stack, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return sam.Read(path, v)
}

func TestRead(t *testing.T) {
	v := sam.Values{Names: map[string]string{"Table": "t-1"}, Attributes: map[string]string{"Key.Arn": "arn:k"}}
	s, err := read(t, template, v)
	if err != nil {
		t.Fatal(err)
	}
	work := s.Functions["work"]
	want := map[string]string{"TABLE": "t-1", "KEYS": "arn:k", "URL": "https://door.test"}
	if diff := cmp.Diff(want, work.Env); diff != "" || work.Timeout != 25*time.Second || work.Tags["for"] != "latchkey" || len(s.Functions) != 1 {
		t.Errorf("%+v\n%s", work, diff)
	}
	if len(work.Policy) != 1 || work.Managed[0] != "AWSXRayDaemonWriteAccess" || len(s.KeyPolicies["arn:k"]) != 1 {
		t.Errorf("%+v, %+v", work, s.KeyPolicies)
	}
	if r := s.Routes[0]; r != (sam.Route{Key: "GET /work", IAM: true, Function: "work", Timeout: 20 * time.Second}) {
		t.Errorf("%+v", r)
	}
	v.Parameters = map[string]string{"More": "arn:m"}
	if s, err = read(t, template, v); err != nil {
		t.Fatal(err)
	}
	work = s.Functions["work"]
	if work.Env["KEYS"] != "arn:k,arn:m" || len(s.Functions) != 2 || len(work.Policy) != 2 ||
		strings.Join(work.Policy[0].Resources, " ") != "arn:k arn:m" || work.Policy[1].Resources[0] != "arn:m/1" {
		t.Errorf("%+v", work)
	}
}

func TestUnknownIsAnError(t *testing.T) {
	for want, change := range map[string][2]string{
		"Magic":        {`!Ref Table`, `!Magic x`},
		"no condition": {`!If [HasMore, !Sub`, `!If [HasNone, !Sub`},
		"has no value": {`, Default: door`, ``},
		"within 0s":    {`, TimeoutInMillis: 20000`, ``},
		"NotAction":    {`Action: kms:Sign`, `NotAction: kms:Sign`},
	} {
		if _, err := read(t, strings.Replace(template, change[0], change[1], 1), sam.Values{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
