package app_test

import (
	"math"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// auditMonths is how long audit events are kept: 400 days.
const auditMonths = 400 / 30.44

// figures are rows of a table: a label, and numbers in its cells.
type figures map[string][]float64

// documented reads the table that follows a heading of docs/operations.md.
func documented(t *testing.T, heading string) figures {
	t.Helper()
	raw, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(raw), "\n"+heading+"\n")
	if !found {
		t.Fatalf("docs/operations.md has no %q", heading)
	}
	_, after, _ = strings.Cut(after, "\n|")
	rows, _, _ := strings.Cut(after, "\n\n")
	out := figures{}
	for row := range strings.Lines(rows) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
		var numbers []float64
		for _, cell := range cells[1:] {
			if m := regexp.MustCompile(`[0-9][0-9,]*(\.[0-9]+)?`).FindString(cell); m != "" {
				n, err := strconv.ParseFloat(strings.ReplaceAll(m, ",", ""), 64)
				if err != nil {
					t.Fatal(err)
				}
				numbers = append(numbers, n)
			}
		}
		label := strings.Trim(cells[0], " *")
		if name, _, explained := strings.Cut(label, ": "); explained {
			label = name
		}
		if len(numbers) > 0 {
			out[label] = numbers
		}
	}
	return out
}

// of is the number of a row; what is not there fails the test.
func (f figures) of(t *testing.T, row string, column int) float64 {
	t.Helper()
	if column >= len(f[row]) {
		t.Fatalf("docs/operations.md has no %q", row)
	}
	return f[row][column]
}

// measured counts one sign-in of each column: in a new browser, and in the same
// one, which is known then.
func measured(t *testing.T) figures {
	t.Helper()
	var meter, audit *tabletest.Metered
	i := idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		meter, audit = tabletest.NewMetered(inner), tabletest.NewMetered(inner)
		return &byPurpose{Table: meter, audit: audit, keys: inner}
	}})
	b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	i.Clock.Add(time.Minute)
	out := figures{"files of the sign-in page": {filesOf(t, i)}}
	for range 2 {
		meter.Take()
		audit.Take()
		i.Log.Reset()
		signs, requests := i.Key.Signs(), 0
		signInSteps(t, i, b, h, func(step string, do func()) {
			do()
			requests++
		})
		events := audit.Take()
		bill := meter.Take()
		bill.Add(events)
		log := i.Log.String()
		for row, n := range map[string]float64{
			"requests":              float64(requests + pollsOfSignIn - 1),
			"signatures":            float64(i.Key.Signs() - signs),
			"write request units":   float64(bill.WriteUnits),
			"read request units":    bill.ReadUnits,
			"bytes written":         float64(bill.WriteBytes),
			"bytes of audit events": float64(events.WriteBytes + 100*events.WriteItems), // and what each item costs in storage
			"bytes of our log":      float64(len(log) + 26*strings.Count(log, "\n")),    // and what each line costs
		} {
			out[row] = append(out[row], n)
		}
		i.Clock.Add(time.Minute)
		b.DropSession()
	}
	return out
}

// filesOf is how many files the sign-in page asks for.
func filesOf(t *testing.T, i *idptest.IdP) float64 {
	t.Helper()
	b := i.Browser(address())
	page := b.Get(b.Start(samltest.RedirectQuery(i.Good().XML(), nil)))
	accepted(t, page, http.StatusOK)
	files := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?:src|href)="(/[^"]*assets/[^"]+)"`).FindAllStringSubmatch(idptest.Body(t, page), -1) {
		files[m[1]] = true
	}
	if len(files) == 0 {
		t.Fatal("the page asks for no files")
	}
	return float64(len(files))
}

// TestCost holds docs/operations.md ("What a million sign-ins cost") to what is
// measured, and to its own formula.
func TestCost(t *testing.T) {
	signIn, prices, costs := documented(t, "One sign-in:"), documented(t, "Assumed prices:"), documented(t, "A million sign-ins:")
	now := measured(t)
	for row, numbers := range now {
		for column, n := range numbers {
			tolerance := 0.0
			if strings.HasPrefix(row, "bytes") { // names and random numbers have lengths
				tolerance = 0.03
			}
			if d := signIn.of(t, row, column); math.Abs(d-n) > tolerance*n {
				t.Errorf("%s: documented %v, measured %v", row, d, n)
			}
		}
	}
	// Prices are for a million, or for a GB: a kB of each sign-in.
	all := [2]float64{}
	for column := range all {
		of := func(row string) float64 { return signIn.of(t, row, column) }
		price := func(row string) float64 { return prices.of(t, row, 0) }
		requests := of("requests")
		for _, c := range []struct {
			row     string
			dollars float64
		}{
			{"DynamoDB writes", of("write request units") * price("DynamoDB write request unit")},
			{"DynamoDB reads", of("read request units") * price("DynamoDB read request unit")},
			{"HTTP API", requests * price("HTTP API request")},
			{"Lambda requests", requests * price("Lambda request")},
			{"Lambda time", of("GB-seconds") * price("Lambda GB-second, arm64")},
			{"KMS", of("signatures") * price("KMS Sign, RSA-2048")},
			{"CloudWatch Logs", (of("bytes of our log") + requests*signIn.of(t, "bytes of AWS's log, for each request", 0)) / 1e3 * price("CloudWatch Logs, GB")},
			{"storage of the audit trail", of("bytes of audit events") / 1e3 * auditMonths * (price("DynamoDB storage, GB-month") + price("PITR, GB-month"))},
		} {
			if d := costs.of(t, c.row, column); math.Abs(d-c.dollars) > 0.005+1e-9 {
				t.Errorf("%s: documented %.2f, computed %.3f", c.row, d, c.dollars)
			}
			all[column] += c.dollars
		}
		if d := costs.of(t, "all", column); math.Abs(d-all[column]) > 0.005+1e-9 {
			t.Errorf("all: documented %.2f, computed %.3f", d, all[column])
		}
		for row, dollars := range map[string]float64{
			"X-Ray, 5 % of the requests": requests * 0.05 * price("X-Ray trace"),
			"files of the sign-in page":  signIn.of(t, "files of the sign-in page", 0) * (price("HTTP API request") + price("Lambda request")),
		} {
			if d := costs.of(t, row, min(column, len(costs[row])-1)); column < len(costs[row]) && math.Abs(d-dollars) > 0.005+1e-9 {
				t.Errorf("%s: documented %.2f, computed %.3f", row, d, dollars)
			}
		}
	}
}
