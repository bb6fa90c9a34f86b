package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const bill = `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
	{"type":"library","name":"example.com/a/v2","version":"v2.1.0","purl":"pkg:golang/example.com/a/v2@v2.1.0"},
	{"type":"library","name":"std","version":"go1.26.8","purl":"pkg:golang/std@go1.26.8"},
	{"type":"library","name":"qr","version":"0.7.0","purl":"pkg:npm/qr@0.7.0"}]}`

func TestAdvisories(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bill.json")
	if err := os.WriteFile(file, []byte(bill), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		about  string // the package that there is an advisory about
		status int
		want   string // in the error
	}{
		"C2 none":               {"", 200, ""},
		"C2 of a module":        {"example.com/a/v2@2.1.0", 200, "1 advisories"},
		"C2 of the library":     {"stdlib@1.26.8", 200, "1 advisories"},
		"C2 of a script":        {"qr@0.7.0", 200, "1 advisories"},
		"C2 no answer is no ok": {"", 429, "429"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				affects := strings.Split(r.URL.Query().Get("affects"), ",")
				asked = append(asked, affects...)
				w.WriteHeader(c.status)
				for _, a := range affects {
					if a == c.about {
						fmt.Fprint(w, `[{"ghsa_id":"GHSA-1","summary":"bad","html_url":"https://example.com/1"}]`)
						return
					}
				}
				fmt.Fprint(w, `[]`)
			}))
			defer server.Close()
			var out bytes.Buffer
			err := run(t.Context(), &out, server.URL, file)
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if c.want == "1 advisories" && !strings.Contains(out.String(), "GHSA-1") {
				t.Errorf("printed %q", out.String())
			}
			if c.status == 200 && len(asked) != 3 {
				t.Errorf("asked for %q", asked)
			}
		})
	}
}
