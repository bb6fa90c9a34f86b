package main

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are the licences that a program under Apache-2.0 can be passed on with
// by keeping their texts, and nothing else. MPL-2.0 is left out until somebody
// needs it: it demands that changed files are published, which is a promise of
// its own. Copyleft of whole programs (GPL, AGPL, LGPL) can't be linked here.
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0"}

// enough is how much of a licence's file must be words of known licences, in
// percent. The rest are copyright lines.
const enough = 75

var (
	isLicense = regexp.MustCompile(`(?i)^(licen[cs]e|copying)([-._].*)?$`)
	isNotice  = regexp.MustCompile(`(?i)^(notice|license-summary)(\.(txt|md))?$`)
)

// text is a file that has to be passed on.
type text struct{ name, content string }

// readLicenses finds the licences of what is used of a component: in its own
// folder, and in those between that and the packages.
func (c *component) readLicenses() error {
	ids := map[string]bool{}
	for _, dir := range c.folders() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("look for the licence of %s: %w", c.name, err)
		}
		for _, e := range entries {
			if err := c.take(ids, dir, e); err != nil {
				return err
			}
		}
	}
	if len(ids) == 0 {
		return fmt.Errorf("%s %s: no licence found in %s", c.name, c.version, c.root)
	}
	c.license = strings.Join(slices.Sorted(maps.Keys(ids)), " AND ")
	return nil
}

func (c *component) take(ids map[string]bool, dir string, e fs.DirEntry) error {
	if e.IsDir() || !isLicense.MatchString(e.Name()) && !isNotice.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
		return nil
	}
	file := filepath.Join(dir, e.Name())
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the licence of %s: %w", c.name, err)
	}
	rel, err := filepath.Rel(c.root, file)
	if err != nil {
		return fmt.Errorf("name the licence of %s: %w", c.name, err)
	}
	c.texts = append(c.texts, text{filepath.ToSlash(rel), string(content)})
	if isNotice.MatchString(e.Name()) {
		return nil
	}
	found, err := identify(content)
	if err != nil {
		return fmt.Errorf("%s %s, %s: %w", c.name, c.version, rel, err)
	}
	for _, id := range found {
		ids[id] = true
	}
	return nil
}

// identify names the licences of a text. It fails on one that is not allowed, or
// that it does not know.
func identify(content []byte) ([]string, error) {
	found := licensecheck.Scan(content)
	if found.Percent < enough {
		return nil, fmt.Errorf("%.0f%% of the text is of known licences: read it", found.Percent)
	}
	var ids []string
	for _, m := range found.Match {
		if m.IsURL {
			continue
		}
		if !slices.Contains(allowed, m.ID) {
			return nil, fmt.Errorf("licence %s is not allowed", m.ID)
		}
		ids = append(ids, m.ID)
	}
	return ids, nil
}

// folders are those of the packages, and those above them up to the root.
func (c *component) folders() []string {
	all := map[string]bool{c.root: true}
	for _, dir := range c.dirs {
		for dir != c.root && strings.HasPrefix(dir, c.root+string(filepath.Separator)) {
			all[dir] = true
			dir = filepath.Dir(dir)
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// writeNotices writes the texts of the licences of everything but ourselves.
func writeNotices(w io.Writer, components []component) error {
	var b strings.Builder
	b.WriteString("Latchkey contains the following works of others.\n")
	for _, c := range components {
		if c.name == module {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n%s %s (%s)\n", strings.Repeat("=", 78), c.name, c.version, c.license)
		for _, t := range c.texts {
			fmt.Fprintf(&b, "\n---- %s\n\n%s\n", t.name, strings.TrimSpace(t.content))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
