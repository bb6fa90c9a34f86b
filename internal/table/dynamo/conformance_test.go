package dynamo_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

func TestConformance(t *testing.T) {
	tabletest.Run(t, func(t *testing.T, clock idp.Clock) table.Table {
		return dynamotest.New(t, clock)
	})
}
