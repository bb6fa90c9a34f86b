package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
)

// Items as releases wrote them lie in testdata/schema/<number> for good: what is
// in a table must be readable (docs/adr/0029-stored-items.md). -update writes
// those that are missing and never changes one.
var update = flag.Bool("update", false, "write items of the present schema where none has all fields")

// golden is a stored item as a file.
type golden struct {
	PK   string          `json:"pk"`
	SK   string          `json:"sk"`
	Data json.RawMessage `json:"data"`

	file string
}

func (g golden) key() table.Key { return table.Key{PK: g.PK, SK: g.SK} }

// value is what is in the envelope.
func (g golden) value(t *testing.T) []byte {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(g.Data, &e); err != nil {
		t.Fatal(err)
	}
	return e.Value
}

// goldens reads those of a kind: NAME.json, NAME-2.json, ...
func goldens(t *testing.T, k kind) (all []golden) {
	t.Helper()
	for n := 1; ; n++ {
		file := filepath.Join("testdata", "schema", fmt.Sprint(schema), k.name+".json")
		if n > 1 {
			file = strings.TrimSuffix(file, ".json") + fmt.Sprintf("-%d.json", n)
		}
		raw, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			if *update && n == 1 {
				write(t, k, file)
				n--
				continue
			}
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		g := golden{file: file}
		if err := json.Unmarshal(raw, &g); err != nil {
			t.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, g.Data); err != nil {
			t.Fatal(err)
		}
		g.Data = compact.Bytes()
		all = append(all, g)
	}
}

func write(t *testing.T, k kind, file string) {
	t.Helper()
	key, v := k.example()
	data, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.MarshalIndent(golden{PK: key.PK, SK: key.SK, Data: data}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(raw, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tableOf is a store whose table has items as they are.
func tableOf(t *testing.T, items ...golden) (*Store, table.Table) {
	t.Helper()
	clock := func() time.Time { return day }
	db, err := embedded.Open(filepath.Join(t.TempDir(), "test.db"), clock, embedded.WithoutSync())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var ops []table.Op
	for _, g := range items {
		ops = append(ops, table.Op{Put: &table.Item{Key: g.key(), Data: g.Data}})
	}
	if err := db.Transact(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	return New(db, clock), db
}

// TestKindsAreComplete holds this test to the table in keys.go.
func TestKindsAreComplete(t *testing.T) {
	source, err := os.ReadFile("keys.go")
	if err != nil {
		t.Fatal(err)
	}
	var listed, tested []string
	for _, m := range regexp.MustCompile(`(?m)^//\t(\S+) +([^\s,]+)(?:, (\S+))?`).FindAllStringSubmatch(string(source), -1) {
		for _, sk := range m[2:] {
			if sk != "" {
				listed = append(listed, m[1]+" "+sk)
			}
		}
	}
	for _, k := range kinds() {
		tested = append(tested, k.line)
	}
	slices.Sort(listed)
	slices.Sort(tested)
	if !slices.Equal(listed, tested) {
		t.Errorf("keys.go lists\n%q, this test knows\n%q", listed, tested)
	}
}

// TestGoldenItems: every value of every item that a release wrote is found, at
// its key, and is written as it was, which is what the release before reads.
func TestGoldenItems(t *testing.T) {
	for _, k := range kinds() {
		t.Run("L17 "+k.name, func(t *testing.T) {
			covered := map[string]string{}
			for _, g := range goldens(t, k) {
				s, _ := tableOf(t, g)
				v, err := k.read(t.Context(), s, g.value(t))
				if err != nil {
					t.Fatalf("%s: %v", g.file, err)
				}
				again, err := encode(v)
				if err != nil {
					t.Fatal(err)
				}
				was, is := leaves(t, g.Data), leaves(t, again)
				for path, value := range was {
					if is[path] != value {
						t.Errorf("%s: %s was %s and is %q", g.file, path, value, is[path])
					}
				}
				maps.Copy(covered, was)
			}
			_, v := k.example()
			data, err := encode(v)
			if err != nil {
				t.Fatal(err)
			}
			for path := range leaves(t, data) {
				if covered[path] == "" {
					t.Errorf("no item in testdata has %s: read docs/adr/0029-stored-items.md, then add the next %s-N.json", path, k.name)
				}
			}
		})
	}
}

// TestSealAsStored: the seal of an audit event stands beside it in the item.
func TestSealAsStored(t *testing.T) {
	const item = `{"s":1,"v":{"id":"TEST-ONLY-id"},"seal":{"c":"TEST-ONLY-chain","n":2,"k":1,"p":"AQ==","m":"Ag=="}}`
	value, seal, err := OpenAudit([]byte(item))
	want := idp.AuditSeal{Chain: "TEST-ONLY-chain", N: 2, Key: 1, Prev: []byte{1}, MAC: []byte{2}}
	if err != nil || string(value) != `{"id":"TEST-ONLY-id"}` || seal == nil || !reflect.DeepEqual(*seal, want) {
		t.Errorf("%s, %+v, %v", value, seal, err)
	}
	again, err := json.Marshal(sealed{envelope{schema, value}, seal})
	if err != nil || string(again) != item {
		t.Errorf("written as %s, %v", again, err)
	}
}

// TestUnknownFields: what the next release adds does not keep this one from
// reading the rest.
func TestUnknownFields(t *testing.T) {
	for _, k := range kinds() {
		t.Run("L17 "+k.name, func(t *testing.T) {
			for _, g := range goldens(t, k) {
				before := g.Data
				g.Data = extended(t, g.Data)
				s, _ := tableOf(t, g)
				v, err := k.read(t.Context(), s, g.value(t))
				if err != nil {
					t.Fatalf("%s: %v", g.file, err)
				}
				again, err := encode(v)
				if err != nil {
					t.Fatal(err)
				}
				for path, value := range leaves(t, before) {
					if got := leaves(t, again)[path]; got != value {
						t.Errorf("%s: %s was %s and is %q", g.file, path, value, got)
					}
				}
			}
		})
	}
}

// TestRewritingDropsUnknownFields is the limit that docs/adr/0029-stored-items.md
// builds its rule on: a release keeps what it knows, and compare-and-swap keeps
// it from writing over what it has not read.
func TestRewritingDropsUnknownFields(t *testing.T) {
	ctx := t.Context()
	user := goldens(t, kindNamed("user"))[0]
	user.Data = extended(t, user.Data)
	s, db := tableOf(t, user)
	id := strings.TrimPrefix(user.PK, "USER#")
	stale, err := s.User(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveUser(ctx, stale); err != nil {
		t.Fatal(err)
	}
	item, err := db.Get(ctx, user.key())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(item.Data, []byte(unknown)) {
		t.Error("unknown fields are kept: say so in docs/adr/0029-stored-items.md and drop its rule")
	}
	item.Data = user.Data // the next release writes it once more
	if _, err := db.Put(ctx, item); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveUser(ctx, stale); !errors.Is(err, ErrConflict) {
		t.Errorf("%v, want a conflict: it was read before the next release wrote", err)
	}
}

// TestNewerSchema: an item of a schema that this release does not know is
// refused as what it is, and no call writes over it or removes it.
func TestNewerSchema(t *testing.T) {
	var all []golden
	for _, k := range kinds() {
		all = append(all, goldens(t, k)[0])
	}
	for n, k := range kinds() {
		t.Run("L17 "+k.name, func(t *testing.T) {
			items := slices.Clone(all)
			newer := []byte(fmt.Sprintf(`{"s":%d,"v":%s}`, schema+1, items[n].value(t)))
			items[n].Data = newer
			s, _ := tableOf(t, items...)
			if _, err := k.read(t.Context(), s, all[n].value(t)); !errors.Is(err, &idp.Error{Code: idp.Busy, Reason: idp.SchemaVersion}) {
				t.Errorf("read: %v", err)
			}
			for name, call := range calls() {
				s, db := tableOf(t, items...)
				_ = call(t.Context(), s)
				if item, err := db.Get(t.Context(), items[n].key()); err != nil || !bytes.Equal(item.Data, newer) {
					t.Fatalf("%s changed it: %s, %v", name, item.Data, err)
				}
			}
		})
	}
}

func kindNamed(name string) kind {
	for _, k := range kinds() {
		if k.name == name {
			return k
		}
	}
	return kind{}
}

// unknown is the name of a field that no release has.
const unknown = "field_of_the_next_release"

// extended is a stored item with unknown fields in every object of its value.
func extended(t *testing.T, data []byte) []byte {
	t.Helper()
	var e struct {
		Schema int `json:"s"`
		Value  any `json:"v"`
	}
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	extend(e.Value)
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func extend(v any) {
	switch v := v.(type) {
	case map[string]any:
		ofData := false // its names are data, and so would a new one be
		for name, child := range v {
			ofData = ofData || strings.HasPrefix(name, "TEST-ONLY-")
			extend(child)
		}
		if !ofData {
			v[unknown] = map[string]any{"later": true}
		}
	case []any:
		for _, child := range v {
			extend(child)
		}
	}
}

// leaves are the values of a JSON text by their paths.
func leaves(t *testing.T, data []byte) map[string]string {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	collect(out, "", v)
	return out
}

func collect(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			collect(out, path+"."+name, child)
		}
	case []any:
		for i, child := range v {
			collect(out, fmt.Sprintf("%s[%d]", path, i), child)
		}
	default:
		out[path] = fmt.Sprintf("%T %v", v, v)
	}
}
