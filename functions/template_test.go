package functions_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestWSFedRole: L6, the function that takes requests which nobody signed can
// sign nothing, sees no users and changes nothing but its own logins.
func TestWSFedRole(t *testing.T) {
	raw, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?ms)^  WSFedFunction:\n.*?^  WSFedLog:`).FindString(string(raw))
	var keys []string
	for _, m := range regexp.MustCompile(`LeadingKeys: \[(.*)\]`).FindAllStringSubmatch(block, -1) {
		keys = append(keys, m[1])
	}
	if got := strings.Join(keys, "; "); got != `"SP#*", "LOGIN#*", SECRET; "LOGIN#*", "AUDIT#*"` {
		t.Errorf("L6 it may touch %s", got)
	}
	for _, word := range []string{"kms:Sign", "kms:Encrypt,", "kms:Encrypt]", "dynamodb:Scan", "dynamodb:*", `Resource: "*"`, "signs-for", "SigningKey"} {
		if strings.Contains(block, word) {
			t.Errorf("L6 it has %s", word)
		}
	}
}

// TestRefreshRole: L6, the function that calls addresses from outside can use
// no key, and sees no users, sign-ins or secrets.
func TestRefreshRole(t *testing.T) {
	raw, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?ms)^  RefreshFunction:\n.*?^  RefreshLog:`).FindString(string(raw))
	if !strings.Contains(block, "Type: Schedule") {
		t.Fatal("L6 RefreshFunction has no schedule")
	}
	allowed := map[string]bool{`"SP#*"`: true, "METADATA": true, `"AUDIT#*"`: true}
	for _, m := range regexp.MustCompile(`LeadingKeys: \[(.*)\]`).FindAllStringSubmatch(block, -1) {
		for _, key := range strings.Split(m[1], ", ") {
			if !allowed[key] {
				t.Errorf("L6 it may touch %s", key)
			}
		}
	}
	for _, word := range []string{"kms:", "dynamodb:Scan", "dynamodb:*", `Resource: "*"`, "signs-for"} {
		if strings.Contains(block, word) {
			t.Errorf("L6 it has %s", word)
		}
	}
	if n := strings.Count(block, "LeadingKeys"); n != strings.Count(block, "Effect: Allow") {
		t.Errorf("L6 %d of its statements name their partitions", n)
	}
}

// TestKeyRoles: L6, the functions that sign may use the same keys for the same
// and nothing else, the admin function sees their public halves only, and
// nobody here decrypts what others encrypt for us.
func TestKeyRoles(t *testing.T) {
	raw, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile("../infra/signing-key.yaml")
	if err != nil {
		t.Fatal(err)
	}
	functions := regexp.MustCompile(`(?ms)^  (\w+)Function:\n.*?^  \w+Log:`).FindAllStringSubmatch(string(raw), -1)
	if len(functions) < 7 {
		t.Fatalf("found %d functions", len(functions))
	}
	wrapping := regexp.MustCompile(`Action: (\[kms:Encrypt, kms:Decrypt\]|kms:Decrypt)\n              Resource: !GetAtt WrappingKey.Arn`)
	statement := regexp.MustCompile(`(?ms)^ +- Sid: Sign\n.*?MessageType: DIGEST\n`)
	var sign []string
	for _, f := range functions {
		block, name := f[0], f[1]
		signs := strings.Contains(block, "kms:Sign\n")
		if may := name == "SSO" || name == "Metadata" || name == "SLO"; signs && !may || signs != strings.Contains(block, `Tags: {"latchkey:signs-for"`) {
			t.Errorf("L6 %s may sign", name)
		}
		if signs {
			sign = append(sign, statement.FindString(block))
		}
		if strings.Contains(block, "EncryptionKey.Arn") && strings.Contains(block, "latchkey:decrypts-for") != (name == "SLO") {
			t.Errorf("L6 %s may decrypt identifiers", name)
		}
		if n := strings.Count(block, "kms:Decrypt"); name != "SLO" && n > 1 || n == 1 && !wrapping.MatchString(block) {
			t.Errorf("L6 %s decrypts with more than the wrapping key", name)
		}
	}
	if len(sign) < 2 || sign[0] == "" {
		t.Fatalf("L6 statements that allow to sign: %q", sign)
	}
	for _, s := range sign[1:] {
		if s != sign[0] {
			t.Errorf("L6 functions sign with different keys:\n%s\n%s", s, sign[0])
		}
	}
	policy := regexp.MustCompile(`(?ms)^          - Sid: OnlyTheSigningFunctionsSign\n.*?Condition:\n`)
	if p := policy.FindString(string(raw)); p == "" || p != policy.FindString(string(more)) {
		t.Error("L6 a further signing key has another policy than the first")
	}
}

// TestAuditRoles: AD10, no function may delete from the audit trail; only one
// writes checkpoints, and it writes nothing else. IAM cannot tell a new item
// from one that replaces another: see docs/adr/0025-audit-chain.md.
func TestAuditRoles(t *testing.T) {
	raw, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	functions := regexp.MustCompile(`(?ms)^  (\w+)Function:\n.*?^  \w+Log:`).FindAllStringSubmatch(string(raw), -1)
	if len(functions) < 10 {
		t.Fatalf("found %d functions", len(functions))
	}
	statement := regexp.MustCompile(`(?ms)Action: ([^\n]*)\n +Resource: !GetAtt Table.Arn\n.*?LeadingKeys: \[([^\n]*)\]\n`)
	for _, f := range functions {
		block, name := f[0], f[1]
		statements := statement.FindAllStringSubmatch(block, -1)
		if n := strings.Count(block, "dynamodb:LeadingKeys"); n == 0 || n != len(statements) || n != strings.Count(block, "Table.Arn") {
			t.Errorf("AD10 %s: %d of %d statements are understood", name, len(statements), n)
		}
		appends := false
		for _, s := range statements {
			action, keys := s[1], s[2]
			for _, forbidden := range []string{"Delete", "Update", "BatchWrite", "PartiQL", "*"} {
				if strings.Contains(action, forbidden) && strings.Contains(keys, "AUDIT") {
					t.Errorf("AD10 %s may %s in %s", name, action, keys)
				}
			}
			if strings.Contains(action, "PutItem") {
				appends = appends || strings.Contains(keys, `"AUDIT#*"`)
				if strings.Contains(keys, "AUDITCHECK") != (name == "Audit") || name == "Audit" && keys != "AUDITCHECK" {
					t.Errorf("AD10 %s may write %s", name, keys)
				}
			}
		}
		if appends == (name == "Audit") {
			t.Errorf("AD10 %s may append: %v", name, appends)
		}
		if name == "Audit" && (strings.Contains(block, "kms:Sign") || strings.Contains(block, "kms:Encrypt,") || strings.Contains(block, "SigningKey")) {
			t.Error("AD10 Audit may use more than the wrapping key, or for more than to decrypt")
		}
	}
}
