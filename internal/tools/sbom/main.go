// Command sbom looks at everything of others that is linked into the functions
// and the command line: their licences must be on the list of those that we may
// pass on. It writes, where asked, the bill of materials (CycloneDX) and the
// notices that go with a release. The same source gives the same files.
//
//	go run ./internal/tools/sbom                      the licences only
//	go run ./internal/tools/sbom -bom FILE -notices FILE
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/latchkey-idp/latchkey/internal/build"
)

func main() {
	bom := flag.String("bom", "", "file for the bill of materials, CycloneDX JSON")
	notices := flag.String("notices", "", "file for the licences of others")
	flag.Parse()
	if err := run(context.Background(), *bom, *notices); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bom, notices string) error {
	components, err := linked(ctx)
	if err != nil {
		return err
	}
	var wrong []error
	for i := range components {
		wrong = append(wrong, components[i].readLicenses())
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	if err := write(bom, func(w io.Writer) error { return writeBOM(w, build.Version(), components) }); err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	if err := write(notices, func(w io.Writer) error { return writeNotices(w, components) }); err != nil {
		return fmt.Errorf("write the notices: %w", err)
	}
	fmt.Printf("%d components, licences %v\n", len(components), tally(components))
	return nil
}

func write(name string, content func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(content(f), f.Close())
}

// tally counts the components of each licence.
func tally(components []component) map[string]int {
	n := map[string]int{}
	for _, c := range components {
		n[c.license]++
	}
	return n
}
