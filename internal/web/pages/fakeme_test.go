//go:build browser

package pages_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/qr"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// fakeMe answers what a person's own page asks, and judges nothing: that is for
// the tests of the server.
type fakeMe struct {
	*httptest.Server
	origin string

	mu      sync.Mutex
	devices []map[string]any
	adding  map[string]any     // how far the adding of a device is
	refuse  map[string]problem // by method and path below /v1/me
}

func newFakeMe(t *testing.T) *fakeMe {
	t.Helper()
	a, err := assets.New(catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pages.New(a, catalog(t), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	f := &fakeMe{refuse: map[string]problem{}, devices: []map[string]any{
		{
			"id": "RDE", "name": "iPhone of Ana-Marija with a rather long name", "kind": "iPhone", "type": "webauthn", "state": "active", "synced": true,
			"binding": "invite", "added_at": now - 9e6, "last_used_at": now - 900, "last_used_app": "Payroll", "last_used_place": "Ljubljana, SI", "this": true,
		},
		{"id": "RDI", "name": "Work PC", "kind": "Windows PC", "type": "webauthn", "state": "probation", "binding": "recovery", "added_at": now - 7200, "probation_until": now + 80_000, "suspect": true},
		{"id": "RDM", "name": "Tablet", "kind": "iPad", "type": "webauthn", "state": "pending", "binding": "device", "added_at": now - 60},
	}}
	mux := http.NewServeMux()
	mux.Handle("/assets/", a.Handler())
	mux.HandleFunc("GET /manifest.webmanifest", manifest)
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, _ *http.Request) {
		report(t, p.Me(w, pages.MePage{Frame: pageFrame(t), Host: "id.example.com"}))
	})
	answer := func(route string, answer func() any) {
		mux.HandleFunc(strings.Replace(route, " ", " /v1/me", 1), func(w http.ResponseWriter, _ *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if p, refused := f.refuse[route]; refused {
				fail(w, p)
				return
			}
			if v := answer(); v != nil {
				reply(w, v)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})
	}
	nothing := func() any { return nil }
	answer("GET ", func() any {
		return map[string]any{"user": map[string]string{"display": "Ana-Marija Kovač"}, "codes_left": 2, "notices": []map[string]any{
			{"code": "device_added", "device": "RDI", "name": "Work PC", "at": now - 7200}, {"code": "few_codes"},
		}}
	})
	answer("GET /devices", func() any { return map[string]any{"items": f.devices, "accepted": nil} })
	answer("GET /sessions", func() any {
		return map[string]any{"items": []map[string]any{
			{"id": "S1", "browser": "Firefox 145", "os": "Windows 11", "created_at": now - 900, "this": true}, {"id": "S2", "browser": "unknown", "os": "unknown", "created_at": now - 5000},
		}}
	})
	answer("GET /consents", func() any {
		return map[string]any{"items": []map[string]any{{"id": "C1", "app": "Payroll", "names": []string{"mail", "urn:oid:1.3.6.1.4.1.5923.1.1.1.7"}, "at": now - 4000}}}
	})
	answer("DELETE /consents/{id}", nothing)
	answer("GET /activity", func() any {
		return map[string]any{"cursor": "x", "items": []map[string]any{
			{"id": "A1", "at": now - 900, "app": "Universal Consolidated Expense Reporting and Travel Booking", "browser": "Firefox 145", "os": "Windows 11", "place": "Ljubljana, SI", "ip": "203.0.113.0/24", "device": "iPhone", "device_id": "RDE", "new_browser": true},
			{"id": "A2", "at": now - 9000, "app": "Payroll", "browser": "unknown", "os": "Linux", "place": "unknown", "ip": "2001:db8:1::/48", "device": "Work PC", "device_id": "RDI", "reported": true},
		}}
	})
	answer("GET /app-passwords", func() any {
		return map[string]any{"apps": []map[string]any{{"id": "mail", "name": "Mail"}, {"id": "files", "name": "Universal Consolidated File Storage and Retrieval"}}, "items": []map[string]any{
			{"id": "P1", "name": "Thunderbird on the laptop with a long name", "app": "Mail", "created_at": now - 9e5, "expires_at": now + 7e6, "last_used_at": now - 60},
			{"id": "P2", "name": "Backup", "app": "Universal Consolidated File Storage and Retrieval", "by_admin": true, "created_at": now - 9e4, "expires_at": now + 7e5},
		}}
	})
	answer("POST /app-passwords", func() any {
		return map[string]any{"id": "P3", "name": "Phone", "app": "Mail", "created_at": now, "expires_at": now + 7776000, "username": "ana@example.com", "password": "2345-6789-ABCD-EFGH-JKMN-PQRS-TVWX"}
	})
	answer("DELETE /app-passwords/{id}", nothing)
	answer("PATCH /devices/{id}", nothing)
	answer("DELETE /devices/{id}", nothing)
	answer("POST /activity/{id}/report", func() any { return map[string]string{"device_id": "RDI", "device": "Work PC"} })
	answer("POST /recovery-codes", func() any {
		return map[string]any{"codes": strings.Fields("2345-6789-ABCD-EFGH JKMN-PQRS-TVWX-YZ23 4567-89AB-CDEF-GHJK MNPQ-RSTV-WXYZ-2345 6789-ABCD-EFGH-JKMN PQRS-TVWX-YZ23-4567 89AB-CDEF-GHJK-MNPQ RSTV-WXYZ-2345-6789")}
	})
	answer("POST /devices/add", func() any {
		url := "https://id.example.com/e#AAECAwQFBgcICQoLDA0OD-"
		code, err := qr.Encode(url)
		report(t, err)
		return map[string]any{"id": "ADD", "url": url, "expires_at": now + 600, "size": code.Size, "bits": code.Bitmap()}
	})
	answer("GET /devices/add/{id}", func() any { return f.adding })
	answer("DELETE /devices/add/{id}", nothing)
	answer("POST /devices/add/{id}/approve", nothing)
	f.adding = map[string]any{"status": "waiting", "expires_at": now + 600}
	f.Server = httptest.NewServer(mux)
	f.origin = strings.Replace(f.URL, "127.0.0.1", rpID, 1)
	t.Cleanup(f.Close)
	return f
}

// keyReady lets a new device have made its key.
func (f *fakeMe) keyReady() {
	f.set(func() {
		f.adding = map[string]any{
			"status": "key_ready", "expires_at": time.Now().Add(10 * time.Minute).Unix(), "name": "Tablet of Ana-Marija", "rpId": rpID,
			"text":    map[string]any{"idp": "https://id.example.com/idp", "sp": "https://id.example.com/idp", "req": "key:x", "acr": "", "browser": "x", "nonce": "x", "exp": 1}, // no text that anybody signs
			"context": idp.AddContext{V: 1, Kind: "add-device", Device: "iPad", Place: "Ljubljana, SI", IP: "203.0.113.0/24", RequestedAt: time.Now().Unix()},
		}
	})
}

func (f *fakeMe) set(edit func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit()
}
