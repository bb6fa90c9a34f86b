package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	module = "github.com/latchkey-idp/latchkey"
	std    = "std" // the standard library and the runtime
)

// component is something of others that we pass on.
type component struct {
	name, version, purl string
	sum                 string   // of go.sum
	root                string   // its folder
	dirs                []string // folders of it that are used
	uses                []string // names of components
	license             string   // SPDX expression
	texts               []text
}

// targets are the programs of a release, for the systems that each is for.
var targets = []struct {
	os, arch, tags string
	packages       []string
}{
	{"linux", "arm64", "lambda.norpc", []string{module + "/functions/..."}},
	{"linux", "amd64", "", []string{module + "/cmd/latchkey"}},
	{"darwin", "arm64", "", []string{module + "/cmd/latchkey"}},
	{"windows", "amd64", "", []string{module + "/cmd/latchkey"}},
}

type goPackage struct {
	ImportPath, Dir string
	Standard        bool
	Imports         []string
	Module          *struct{ Path, Version, Dir, Sum string }
}

func (p goPackage) component() string {
	if p.Module == nil {
		return std
	}
	return p.Module.Path
}

// linked lists the modules of all targets and what we keep a copy of, by name.
func linked(ctx context.Context) ([]component, error) {
	packages := map[string]goPackage{}
	for _, t := range targets {
		if err := list(ctx, packages, t.os, t.arch, append([]string{"-tags=" + t.tags}, t.packages...)...); err != nil {
			return nil, err
		}
	}
	version, err := command(ctx, nil, "go", "env", "GOVERSION", "GOROOT", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("ask for the version of Go: %w", err)
	}
	goEnv := strings.Split(strings.TrimSpace(string(version)), "\n")
	found := map[string]*component{}
	for _, p := range packages {
		name := p.component()
		c := found[name]
		switch {
		case c != nil:
		case name == std:
			c = &component{name: std, version: goEnv[0], root: goEnv[1]}
		default:
			c = &component{name: name, version: p.Module.Version, root: p.Module.Dir, sum: p.Module.Sum}
		}
		found[name] = c
		c.purl = "pkg:golang/" + c.name + "@" + c.version
		if name != std { // what lies below has no other licence, but for BoringSSL, which is not linked
			c.dirs = append(c.dirs, p.Dir)
		}
		for _, i := range p.Imports {
			if used, ok := packages[i]; ok && used.component() != name {
				c.uses = append(c.uses, used.component())
			}
		}
	}
	ours := found[module]
	if ours == nil {
		return nil, errors.New("nothing of ours is linked")
	}
	for _, c := range copies(filepath.Dir(goEnv[2])) {
		found[c.name] = &c
		ours.uses = append(ours.uses, c.name)
	}
	var all []component
	for _, name := range slices.Sorted(maps.Keys(found)) {
		c := found[name]
		slices.Sort(c.uses)
		c.uses = slices.Compact(c.uses)
		all = append(all, *c)
	}
	return all, nil
}

// copies are what this repository holds of others, as published.
func copies(repository string) []component {
	dir := filepath.Join(repository, "internal/assets/static/qr")
	return []component{{name: "qr", version: "0.7.0", purl: "pkg:npm/qr@0.7.0", root: dir, dirs: []string{dir}}}
}

// list adds the packages that a build for a system links.
func list(ctx context.Context, into map[string]goPackage, system, arch string, args ...string) error {
	env := []string{"CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOOS=" + system, "GOARCH=" + arch}
	cmd := command(ctx, env, "go", append([]string{"list", "-deps", "-json=ImportPath,Dir,Standard,Imports,Module"}, args...)...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list packages for %s/%s: %w: %s", system, arch, err, problems.String())
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the list of packages: %w", err)
		}
		p.Imports = append(p.Imports, into[p.ImportPath].Imports...) // they differ by system
		into[p.ImportPath] = p
	}
}

func command(ctx context.Context, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}
