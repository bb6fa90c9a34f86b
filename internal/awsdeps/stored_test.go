package awsdeps

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// plainWrapper unwraps what is not wrapped, and pads it to the length of a key.
type plainWrapper struct{}

func (plainWrapper) Wrap(context.Context, idp.Secret, map[string]string) ([]byte, error) {
	panic("a master key was made anew")
}

func (plainWrapper) Unwrap(_ context.Context, wrapped []byte, _ map[string]string) (idp.Secret, error) {
	return idp.Secret(string(wrapped) + strings.Repeat(" ", 32-len(wrapped))), nil
}

// TestStoredMasterKey: an item as a release wrote it (docs/adr/0029-stored-items.md),
// as it is and with what a later release adds.
func TestStoredMasterKey(t *testing.T) {
	raw, err := os.ReadFile("testdata/schema/1/master.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		PK, SK string
		Data   json.RawMessage
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"L17 as written":            string(golden.Data),
		"L17 with a field of later": strings.Replace(string(golden.Data), "{", `{"later":{},`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			v := vault{table: newTable(t), name: "t", keys: plainWrapper{}}
			if _, err := v.table.Put(t.Context(), table.Item{Key: table.Key{PK: golden.PK, SK: golden.SK}, Data: []byte(data)}); err != nil {
				t.Fatal(err)
			}
			s, err := v.open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(s.pairwise), "TEST ONLY pairwise") || s.masters.Newest() != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}
