// Package dynamotest gives tests tables in DynamoDB Local, found by the
// environment variable DYNAMODB_ENDPOINT (scripts/dynamodb-local.sh sets it up).
package dynamotest

import (
	"context"
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
)

// New returns a fresh, empty table. Without an endpoint the test is skipped, or
// fails if LATCHKEY_REQUIRE_ALL is 1.
func New(t testing.TB, clock idp.Clock) *dynamo.Table {
	t.Helper()
	client := Client(t)
	return dynamo.New(client, Create(t, client), clock)
}

// Client returns a client of DynamoDB Local, made with dynamo.Options and then
// opts. It skips or fails as New does.
func Client(t testing.TB, opts ...func(*dynamodb.Options)) *dynamodb.Client {
	t.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		const missing = "DYNAMODB_ENDPOINT is not set; run scripts/dynamodb-local.sh start"
		if os.Getenv("LATCHKEY_REQUIRE_ALL") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return ClientAt(endpoint, opts...)
}

// ClientAt is Client for a given endpoint, such as a test's own HTTP server.
func ClientAt(endpoint string, opts ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       "eu-central-1",
		BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "dummy", SecretAccessKey: "dummy"}, nil
		}),
	}, append([]func(*dynamodb.Options){dynamo.Options}, opts...)...)
}

// Patient is an option of Client: making a table takes longer than a sign-in may.
func Patient(o *dynamodb.Options) {
	o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(time.Minute)
}

// Create makes a fresh table, deleted at the end of the test, and returns its name.
func Create(t testing.TB, client *dynamodb.Client) (name string) {
	t.Helper()
	name = "test-" + rand.Text()
	if err := dynamo.CreateTable(t.Context(), client, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// t.Context() is over by now.
		_, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
		if err != nil {
			t.Errorf("delete table: %v", err)
		}
	})
	return name
}
