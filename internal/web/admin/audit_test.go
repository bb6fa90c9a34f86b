package admin_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// TestVerifyAudit: AD10, an administrator hears what is wrong with the trail.
func TestVerifyAudit(t *testing.T) {
	f := newFixture(t)
	f.addUser("ana@example.com")
	f.call("POST", "/v1/admin/users", adminapi.NewUser{Email: "bob@example.com"}, 201, nil)
	f.call("POST", "/v1/admin/users", adminapi.NewUser{Email: "eva@example.com"}, 201, nil)
	verify := func() (hours []adminapi.AuditHour, wrong int) {
		t.Helper()
		for after := ""; ; {
			var page adminapi.Page[adminapi.AuditHour]
			f.call("GET", "/v1/admin/audit/verify?after="+after, nil, 200, &page)
			hours = append(hours, page.Items...)
			if after = page.After; after == "" {
				break
			}
		}
		for _, h := range hours {
			wrong += h.Wrong
		}
		return hours, wrong
	}
	hours, wrong := verify()
	now := hours[len(hours)-1]
	if wrong != 0 || now.Events != 3 || now.Chains != 1 || now.State != "open" || now.Hour != f.now.UTC().Format(idp.AuditHour) {
		t.Errorf("AD10 %d findings, %+v", wrong, now)
	}
	page, err := f.table.Query(t.Context(), table.Query{PK: "AUDIT#" + f.now.UTC().Format(time.DateOnly)})
	must(t, err)
	must(t, f.table.Delete(t.Context(), page.Items[0]))
	hours, wrong = verify()
	if now = hours[len(hours)-1]; wrong != 1 || len(now.Findings) != 1 || now.Findings[0].Kind != "missing" || now.Findings[0].Event != page.Items[1].SK {
		t.Errorf("AD10 %d findings, %+v", wrong, now)
	}
	for query, words := range map[string]string{
		"day=yesterday": "not a date", "day=2020-01-01": "not kept any more", "after=24": "cursor", "after=0": "cursor", "after=x": "cursor",
	} {
		f.refused("GET", "/v1/admin/audit/verify?"+query, nil, idp.Invalid, words)
	}
	var none adminapi.Page[adminapi.AuditHour]
	f.call("GET", "/v1/admin/audit/verify?day="+f.now.Add(48*time.Hour).UTC().Format(time.DateOnly), nil, 200, &none)
	if len(none.Items) != 0 {
		t.Errorf("%+v", none)
	}
}

// TestValuesOfChanges: AD10, what was and what is, within bounds.
func TestValuesOfChanges(t *testing.T) {
	f := newFixture(t)
	last := func() idp.AuditEvent {
		t.Helper()
		events, _, err := f.store.Events(t.Context(), f.now, "", 1)
		must(t, err)
		return events[0]
	}
	values := func(e idp.AuditEvent, name string) (out map[string]any) {
		t.Helper()
		if e.Detail[name] != "" {
			must(t, json.Unmarshal([]byte(e.Detail[name]), &out))
		}
		return out
	}
	f.add(adminapi.NewServiceProvider{EntityID: "urn:x", ACSURL: "https://sp.test/acs", Settings: adminapi.Settings{Slug: ptr("x")}})
	if e := last(); values(e, "before") != nil || !strings.Contains(e.Detail["after"], "https://sp.test/acs") {
		t.Errorf("created: %+v", e.Detail)
	}
	f.now = f.now.Add(time.Second)
	f.call("PATCH", spPath+"/x", `{"min_acr":"urn:latchkey:acr:phr","allow_sha1":true}`, 200, nil)
	e := last()
	before, after := values(e, "before"), values(e, "after")
	if before["allow_sha1"] != false || after["allow_sha1"] != true || after["min_acr"] != idp.ACRPHR || len(after) != 2 {
		t.Errorf("changed: %+v", e.Detail)
	}
	f.now = f.now.Add(time.Second)
	var many []string
	for range 90 {
		many = append(many, "attribute:group="+strings.Repeat("x", 40))
	}
	body, err := json.Marshal(map[string]any{"access": many})
	must(t, err)
	f.call("PATCH", spPath+"/x", string(body), 200, nil)
	if text, _ := values(last(), "after")["access"].(string); !strings.Contains(text, "bytes, sha256:") || len(last().Detail["after"]) > 200 {
		t.Errorf("long: %+v", last().Detail)
	}
	f.now = f.now.Add(time.Second)
	f.call("DELETE", spPath+"/x", nil, 204, nil)
	if e := last(); values(e, "after") != nil || !strings.Contains(e.Detail["before"], "https://sp.test/acs") {
		t.Errorf("removed: %+v", e.Detail)
	}

	f.now = f.now.Add(time.Second)
	var u adminapi.User
	f.call("POST", "/v1/admin/users", adminapi.NewUser{Email: "ana@example.com", GivenName: "Ana"}, 201, &u)
	f.now = f.now.Add(time.Second)
	f.call("PATCH", "/v1/admin/users/"+u.ID, `{"email":"eva@example.com","given_name":"Eva","attributes":{"immutableId":["7"]}}`, 200, nil)
	e = last()
	before, after = values(e, "before"), values(e, "after")
	if before["email"] != "ana@example.com" || after["email"] != "eva@example.com" || !strings.Contains(e.Detail["after"], `{"immutableId":["7"]}`) ||
		strings.Contains(e.Detail["after"], "Eva") || e.Detail["members"] != "email given_name attributes" {
		t.Errorf("user: %+v", e.Detail)
	}
	f.now = f.now.Add(time.Second)
	f.call("DELETE", "/v1/admin/users/"+u.ID, nil, 204, nil)
	if e := last(); values(e, "before")["email"] != "eva@example.com" || values(e, "after") != nil {
		t.Errorf("removed user: %+v", e.Detail)
	}
}
