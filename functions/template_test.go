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
