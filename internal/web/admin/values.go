package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
)

// How much of the values before and after a change an audit event holds, in
// bytes: of one member, and of all. What is longer is there as its hash.
const (
	recordedValue = 300
	recordedInAll = 4000
)

// recordValues puts on an event what members of a stored value were and are, as
// two JSON objects. None of the two may hold a secret.
func recordValues(e *idp.AuditEvent, before, after map[string]any, names []string) {
	for name, of := range map[string]map[string]any{"before": before, "after": after} {
		if text := valuesText(of, names); text != "" {
			e.Detail[name] = text
		}
	}
}

func valuesText(of map[string]any, names []string) string {
	out, size := map[string]json.RawMessage{}, 0
	for _, name := range names {
		v, ok := of[name]
		if !ok {
			continue
		}
		raw := toJSON(v)
		if len(raw) > recordedValue || size+len(raw) > recordedInAll {
			sum := sha256.Sum256(raw)
			raw = toJSON(fmt.Sprintf("%d bytes, sha256:%s", len(raw), hex.EncodeToString(sum[:])))
		}
		size += len(raw)
		out[name] = raw
	}
	if len(out) == 0 {
		return ""
	}
	return string(toJSON(out))
}

// changedMembers names the members that differ, sorted.
func changedMembers(before, after map[string]any) []string {
	var names []string
	for name := range after {
		if !reflect.DeepEqual(before[name], after[name]) {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// spMembers are the members of a service provider as the audit trail has them:
// fingerprints in place of certificates.
func spMembers(sp *idp.ServiceProvider) map[string]any {
	out := members(sp)
	for name, certs := range map[string][][]byte{"signing_certs": sp.SigningCerts, "encryption_certs": sp.EncryptCerts} {
		var prints []any
		for _, c := range certs {
			prints = append(prints, mdrefresh.Fingerprint(c))
		}
		if prints != nil {
			out[name] = prints
		}
	}
	return out
}

// userMembers are the members of a user that decide who they are to
// applications, and whether they may sign in. Names are personal data that the
// trail has no use for.
func userMembers(u *idp.User) map[string]any {
	out := members(u)
	for _, name := range []string{"given_name", "family_name", "display_name"} {
		delete(out, name)
	}
	return out
}

// members is a value by the names of its wire form.
func members(v any) map[string]any {
	var out map[string]any
	if err := json.Unmarshal(toJSON(v), &out); err != nil { // a struct of strings, numbers and lists: cannot happen
		panic(err)
	}
	for _, name := range []string{"created_at", "updated_at", "version"} {
		delete(out, name)
	}
	return out
}

func toJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // as above
		panic(err)
	}
	return data
}
