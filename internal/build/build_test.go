package build

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"testing"
)

func TestHashIsOfTheProgramsFile(t *testing.T) {
	raw, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(raw)
	got, err := Hash()
	if err != nil || got != hex.EncodeToString(want[:]) {
		t.Errorf("got %q, %v; want %x", got, err, want)
	}
}

func TestVersionIsSemantic(t *testing.T) {
	semantic := regexp.MustCompile(`^\d+\.\d+\.\d+(-dev(\+[0-9a-f]{12})?)?$`)
	if v := Version(); !semantic.MatchString(v) {
		t.Errorf("version %q", v)
	}
}
