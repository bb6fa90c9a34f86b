package adminapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

func TestDocument(t *testing.T) {
	for in, want := range map[string]string{
		`"PHg+"`:             "<x>",
		`" PHg+\n"`:          "<x>",
		`" <x>é</x>"`:        " <x>é</x>",
		`"\ufeff<x/>"`:       "\ufeff<x/>",
		`"//48AHgALwA+AA=="`: "\xff\xfe<\x00x\x00/\x00>\x00", // UTF-16
		`""`:                 "",
	} {
		var d adminapi.Document
		if err := json.Unmarshal([]byte(in), &d); err != nil || string(d) != want || d == nil {
			t.Errorf("%s = %q, %v; want %q", in, d, err, want)
		}
	}
	for _, in := range []string{`"x"`, `1`, `{}`, `"PHg+ PHg+"`} {
		var d adminapi.Document
		if err := json.Unmarshal([]byte(in), &d); err == nil {
			t.Errorf("%s = %q, want an error", in, d)
		}
	}
}

// An empty file is a file, and is refused as such; no file is none.
func TestDocumentIsLeftOut(t *testing.T) {
	for want, req := range map[string]adminapi.NewServiceProvider{
		`{}`:              {},
		`{"metadata":""}`: {Metadata: adminapi.Document{}},
	} {
		got, err := json.Marshal(req)
		if err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
		var back adminapi.NewServiceProvider
		if err := json.Unmarshal(got, &back); err != nil || (back.Metadata == nil) != (req.Metadata == nil) {
			t.Errorf("%s came back as %v, %v", got, back.Metadata, err)
		}
	}
}

func TestTimesAreSeconds(t *testing.T) {
	for name, v := range map[string]any{
		"user":             adminapi.UserOf(&idp.User{CreatedAt: 1_795_370_000_123}),
		"service provider": adminapi.ServiceProviderOf(&idp.ServiceProvider{CreatedAt: 1_795_370_000_123}),
		"device":           adminapi.DeviceOf(&idp.Device{CreatedAt: 1_795_370_000_123}),
		"invite":           adminapi.InviteOf(&idp.Invite{CreatedAt: 1_795_370_000_123}, 0),
	} {
		got, err := json.Marshal(v)
		if err != nil || strings.Count(string(got), `"created_at":1795370000`) != 1 || strings.Contains(string(got), "1795370000123") {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func FuzzDocument(f *testing.F) {
	for _, seed := range []string{`"PHg+"`, `"<x/>"`, `null`, `1`, `""`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d, back adminapi.Document
		if json.Unmarshal(data, &d) != nil || d == nil {
			return
		}
		sent, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(sent, &back); err != nil || string(back) != string(d) {
			t.Fatalf("%q came back as %q, %v", d, back, err)
		}
	})
}
