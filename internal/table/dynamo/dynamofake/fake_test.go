package dynamofake_test

import (
	"net/http/httptest"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamofake"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

// TestConformance: what the engine sees of the fake is what it sees of DynamoDB
// Local (dynamo.TestConformance).
func TestConformance(t *testing.T) {
	tabletest.Run(t, func(t *testing.T, clock idp.Clock) table.Table {
		server := httptest.NewServer(dynamofake.New())
		t.Cleanup(server.Close)
		return dynamo.New(dynamotest.ClientAt(server.URL), "t", clock)
	})
}
