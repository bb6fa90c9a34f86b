package dynamo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
)

// The attributes that a release has written; never changed
// (docs/adr/0029-stored-items.md). d is {"s":1,"v":{}}.
const storedAttributes = `{"pk":{"S":"USER#U"},"sk":{"S":"user"},"v":{"N":"3"},"tok":{"S":"T"},"d":{"B":"eyJzIjoxLCJ2Ijp7fX0="},"xms":{"N":"4102444800001"},"exp":{"N":"4102444801"}}`

func TestStoredForm(t *testing.T) {
	want := table.Item{
		Key: table.Key{PK: "USER#U", SK: "user"}, Version: 3,
		Expires: time.UnixMilli(4_102_444_800_001).UTC(), Data: []byte(`{"s":1,"v":{}}`),
	}
	for name, attributes := range map[string]string{
		"as written":                       storedAttributes,
		"with an attribute of a later one": storedAttributes[:len(storedAttributes)-1] + `,"later":{"S":"x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			tb, _ := answering(t, http.StatusOK, `{"Item":`+attributes+`}`)
			got, err := tb.Get(t.Context(), want.Key)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
	t.Run("written as it was", func(t *testing.T) {
		var sent struct{ Item map[string]any }
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
				t.Error(err)
			}
			_, _ = io.WriteString(w, `{}`)
		}))
		t.Cleanup(server.Close)
		tb := dynamo.New(dynamotest.ClientAt(server.URL), "table", time.Now)
		before := want
		before.Version = 2 // becomes 3
		if _, err := tb.Put(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		var attributes map[string]any
		if err := json.Unmarshal([]byte(storedAttributes), &attributes); err != nil {
			t.Fatal(err)
		}
		attributes["tok"] = sent.Item["tok"] // random
		if diff := cmp.Diff(attributes, sent.Item); diff != "" {
			t.Error(diff)
		}
	})
}
