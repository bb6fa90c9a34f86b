// Command advisories asks GitHub's database for advisories about what a bill of
// materials lists. govulncheck does the same with the database of the Go
// project, which lacks some of them and knows Go only.
//
//	make sbom && go run ./internal/tools/advisories dist/latchkey.cdx.json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

const (
	database = "https://api.github.com/advisories"
	atOnce   = 50 // packages in one question, whose address must not get too long
)

// ecosystems are those of package URLs, as the database calls them.
var ecosystems = map[string]string{"golang": "go", "npm": "npm"}

type advisory struct {
	ID      string `json:"ghsa_id"`
	Summary string `json:"summary"`
	URL     string `json:"html_url"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: advisories BILL-OF-MATERIALS")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout, database, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "advisories:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, database, file string) error {
	asked, err := packages(file)
	if err != nil {
		return err
	}
	n, found := 0, 0
	for ecosystem, names := range asked {
		n += len(names)
		for some := range slices.Chunk(names, atOnce) {
			list, err := ask(ctx, database, ecosystem, some)
			if err != nil {
				return err
			}
			for _, a := range list {
				fmt.Fprintf(w, "%s %s\n  %s\n", a.ID, a.Summary, a.URL)
			}
			found += len(list)
		}
	}
	if n == 0 {
		return errors.New("the bill of materials lists nothing")
	}
	if found > 0 {
		return fmt.Errorf("%d advisories about what we use", found)
	}
	fmt.Fprintf(w, "%d packages, no advisory\n", n)
	return nil
}

// packages reads what is listed, as name@version of each ecosystem.
func packages(file string) (map[string][]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open the bill of materials: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(f, cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		return nil, fmt.Errorf("read the bill of materials: %w", err)
	}
	asked := map[string][]string{}
	for _, c := range *bom.Components {
		kind, _, _ := strings.Cut(strings.TrimPrefix(c.PackageURL, "pkg:"), "/")
		ecosystem, known := ecosystems[kind]
		if !known {
			return nil, fmt.Errorf("no ecosystem is known for %s", c.PackageURL)
		}
		name, version := c.Name, strings.TrimPrefix(c.Version, "v")
		if name == "std" {
			name, version = "stdlib", strings.TrimPrefix(version, "go")
		}
		asked[ecosystem] = append(asked[ecosystem], name+"@"+version)
	}
	return asked, nil
}

func ask(ctx context.Context, database, ecosystem string, names []string) ([]advisory, error) {
	query := url.Values{"ecosystem": {ecosystem}, "affects": {strings.Join(names, ",")}, "per_page": {"100"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, database+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("make the question: %w", err)
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the database: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the database answers %s", resp.Status)
	}
	var list []advisory
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return list, nil
}
