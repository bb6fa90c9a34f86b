package main

import (
	"bytes"
	"debug/buildinfo"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

// TestBillOfMaterials compares what the bill lists with what the linker says in
// the programs themselves.
func TestBillOfMaterials(t *testing.T) {
	dir := t.TempDir()
	first, second, notices := filepath.Join(dir, "1.json"), filepath.Join(dir, "2.json"), filepath.Join(dir, "notices")
	for _, bom := range []string{first, second} {
		if err := run(t.Context(), bom, notices); err != nil {
			t.Fatal(err)
		}
	}
	raw := read(t, first)
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(raw), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, c := range *bom.Components {
		listed[c.Name+"@"+c.Version] = true
		if c.Licenses == nil || (*c.Licenses)[0].Expression == "" {
			t.Errorf("%s has no licence", c.Name)
		}
		if !bytes.Contains(read(t, notices), []byte("\n"+c.Name+" "+c.Version+" (")) {
			t.Errorf("the notices leave out %s", c.Name)
		}
	}
	t.Run("C5 bill of materials lists what is linked", func(t *testing.T) {
		want := programs(t)
		want["qr@0.7.0"] = true // a script
		if diff := cmp.Diff(want, listed); diff != "" {
			t.Errorf("linked (-), listed (+):\n%s", diff)
		}
	})
	t.Run("C5 bill of materials is the same twice", func(t *testing.T) {
		if !bytes.Equal(raw, read(t, second)) {
			t.Error("it is not")
		}
	})
}

// programs builds what a release has for Linux, and returns the modules in it.
// No other system needs another module; compiling for each takes minutes.
func programs(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, target := range targets {
		if target.os != "linux" {
			continue
		}
		dir := t.TempDir()
		args := append([]string{"build", "-o", dir + string(filepath.Separator), "-trimpath", "-ldflags=-s -w", "-tags", target.tags}, target.packages...)
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+target.os, "GOARCH="+target.arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build for %s: %v\n%s", target.os, err, out)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) == 0 {
			t.Fatalf("built %d programs: %v", len(files), err)
		}
		for _, f := range files {
			info, err := buildinfo.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			found["std@"+info.GoVersion] = true
			for _, m := range info.Deps {
				found[m.Path+"@"+m.Version] = true
			}
		}
	}
	return found
}

// TestCopies: whatever lies here with a licence of its own is on the list.
func TestCopies(t *testing.T) {
	var want, got []string
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 || d.Name() == "dist" || d.Name() == "node_modules"):
			return fs.SkipDir
		case !d.IsDir() && isLicense.MatchString(d.Name()) && filepath.Ext(path) != ".go" && filepath.Dir(path) != "../../..":
			want = append(want, filepath.Dir(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range copies("../../..") {
		got = append(got, c.root)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("there (-), on the list (+):\n%s", diff)
	}
}

func TestLicenses(t *testing.T) {
	ours := string(read(t, "../../../LICENSE"))
	for name, c := range map[string]struct{ text, want string }{
		"ours":             {ours, ""},
		"of nobody":        {"All rights reserved. Ask me.", "read it"},
		"part of one":      {strings.Repeat("You owe me a beer for each copy. ", 200) + ours[:2000], "read it"},
		"copyleft":         {gpl, "licence GPL-2.0-or-later is not allowed"},
		"two, one is not":  {ours + "\n" + gpl, "is not allowed"},
		"file by its name": {"SPDX-License-Identifier: MIT", "read it"},
	} {
		t.Run(name, func(t *testing.T) {
			ids, err := identify([]byte(c.text))
			if c.want == "" && (err != nil || !slices.Contains(ids, "Apache-2.0")) {
				t.Errorf("got %v, %v", ids, err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, %v; want %q", ids, err, c.want)
			}
		})
	}
}

const gpl = `This program is free software; you can redistribute it and/or modify it under the
terms of the GNU General Public License as published by the Free Software Foundation;
either version 2 of the License, or (at your option) any later version. This program is
distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even
the implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the
GNU General Public License for more details.`

func read(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
