package conformance_test

import (
	"regexp"
	"slices"
	"testing"
)

// conformanceCase is a row of the suite.
type conformanceCase struct {
	id      string // B, C, M or P for the document, and three digits: two would be a row of docs/requirements.txt
	section string // "Core 3.4.1.1"
	what    string // in a few words
	run     func(*visit)
}

// cases is every row.
var cases = slices.Concat(
	transportCases,
	requestCases,
	endpointCases,
	nameIDCases,
	contextCases,
	sessionCases,
	signatureCases,
	responseCases,
	metadataCases,
	logoutCases,
	logoutRefusals,
	soapCases,
	programCases,
)

func TestConformance(t *testing.T) {
	w := newWorld(t)
	for _, c := range cases {
		t.Run(c.id+" "+c.what+", "+c.section, func(t *testing.T) { c.run(w.visit(t)) })
	}
}

// TestRows: a row can be named, and says what it rests on.
func TestRows(t *testing.T) {
	id := regexp.MustCompile(`^[BCMP][0-9]{3}$`)
	section := regexp.MustCompile(`^(Core|Bindings|Profiles|Metadata) ([0-9]+(\.[0-9]+)*|[A-Z])$`)
	seen := map[string]bool{}
	for _, c := range cases {
		if !id.MatchString(c.id) || seen[c.id] || !section.MatchString(c.section) || c.section[0] != c.id[0] || c.what == "" {
			t.Errorf("row %q, %q, %q", c.id, c.section, c.what)
		}
		seen[c.id] = true
	}
}
