package app_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchkey-idp/latchkey/"

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string // direct, without those of tests
	Deps       []string
}

// packages lists ours, by their path in the module.
func packages(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Standard,Imports,Deps", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, stderr.String())
	}
	found := map[string]listed{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p listed
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(p.ImportPath, module)] = p
	}
	return found
}

// within reports whether a path is one of these or below one that ends in /.
func within(path string, places ...string) bool {
	return slices.ContainsFunc(places, func(p string) bool {
		return path == strings.TrimSuffix(p, "/") || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)
	})
}

// TestWhoMayImportWhat keeps the directions of docs/architecture.md: what is
// named on the left may be imported only by the packages on the right.
func TestWhoMayImportWhat(t *testing.T) {
	all := packages(t)
	for _, rule := range []struct {
		name     string
		imported []string
		by       []string
	}{
		{"AWS SDK", []string{"github.com/aws/aws-sdk-go-v2/", "github.com/aws/smithy-go/"}, []string{
			"internal/table/dynamo/", "internal/keys/kmssigner", "internal/originsecret", "internal/awsdeps", "internal/adminclient/awsauth",
			"internal/precheck",          // speaks with CodeDeploy and Lambda, and has nothing else to do
			"internal/stackdoctor",       // asks AWS about a stack, from an administrator's machine
			"internal/testkit/cloudtest", // deploys templates
		}},
		{"Lambda", []string{"github.com/aws/aws-lambda-go/", "github.com/awslabs/"}, []string{
			"internal/lambdahttp", "internal/obs", "functions/precheck", "internal/testkit/",
		}},
		{"bbolt", []string{"go.etcd.io/bbolt"}, []string{"internal/table/embedded"}},
		{"XML trees and signatures", []string{"github.com/beevik/etree", "github.com/russellhaering/goxmldsig/"}, []string{"internal/saml/", "internal/wsfed", "internal/demo"}},
		{"crewjam/saml", []string{"github.com/crewjam/saml/"}, []string{"internal/saml/", "internal/demo"}},
		{"LDAP", []string{"github.com/go-ldap/"}, []string{"internal/directory/ldap"}},
		{"the wiring", []string{module + "internal/app", module + "internal/awsdeps", module + "internal/localdeps"}, []string{
			"functions/", "cmd/", "internal/app", "internal/awsdeps", "internal/localdeps", "internal/demo", "internal/testkit/",
		}},
		{"test kits", []string{module + "internal/testkit/", module + "internal/table/tabletest", module + "internal/saml/samltest",
			module + "internal/saml/schematest", module + "internal/keys/kmsfake", module + "internal/table/dynamo/dynamotest"}, []string{
			"internal/testkit/", "internal/table/tabletest", "internal/saml/samltest", "internal/saml/schematest", "internal/keys/kmsfake", "internal/table/dynamo/dynamotest",
		}},
	} {
		t.Run(rule.name, func(t *testing.T) {
			for path, p := range all {
				for _, i := range p.Imports {
					if within(i, rule.imported...) && !within(path, rule.by...) {
						t.Errorf("%s imports %s", path, i)
					}
				}
			}
		})
	}
}

// ours are the packages of this module that p imports itself.
func (p listed) ours() []string {
	var out []string
	for _, i := range p.Imports {
		if inner, ok := strings.CutPrefix(i, module); ok {
			out = append(out, inner)
		}
	}
	return out
}

func TestDirectionOfImports(t *testing.T) {
	all := packages(t)
	only := func(path string, allowed ...string) {
		t.Helper()
		p, ok := all[path]
		if !ok {
			t.Fatalf("no package %s", path)
		}
		for _, i := range p.Imports {
			if strings.Contains(strings.Split(i, "/")[0], ".") && !slices.Contains(allowed, strings.TrimPrefix(i, module)) {
				t.Errorf("%s imports %s", path, i)
			}
		}
	}
	t.Run("idp imports the standard library only", func(*testing.T) { only("internal/idp") })
	t.Run("login imports idp only", func(*testing.T) { only("internal/login", "internal/idp") })
	t.Run("table imports idp at most", func(*testing.T) { only("internal/table", "internal/idp") })

	t.Run("functions of the web know nothing of each other", func(t *testing.T) {
		shared := []string{"internal/web", "internal/web/pages", "internal/web/start"}
		for path, p := range all {
			for _, i := range p.ours() {
				if within(path, "internal/web/") && within(i, "internal/web/") && !slices.Contains(shared, i) {
					t.Errorf("%s imports %s", path, i)
				}
			}
		}
	})
	t.Run("adapters know nothing of each other", func(t *testing.T) {
		adapters := []string{
			"internal/table/embedded", "internal/table/dynamo", "internal/keys/filesigner", "internal/keys/kmssigner",
			"internal/directory/local", "internal/directory/ldap", "internal/lambdahttp",
		}
		for _, path := range adapters {
			for _, i := range all[path].ours() {
				if slices.Contains(adapters, i) {
					t.Errorf("%s imports %s", path, i)
				}
			}
		}
	})
	t.Run("lower layers know nothing of higher ones", func(t *testing.T) {
		layers := [][]string{
			{"internal/idp"},
			{"internal/login", "internal/saml/", "internal/wsfed", "internal/table/", "internal/keys/", "internal/directory", "internal/passkey", "internal/devicekey", "internal/outbound"},
			{"internal/store", "internal/audit", "internal/ratelimit", "internal/mdrefresh"},
			{"internal/web/"},
			{"internal/app", "internal/awsdeps", "internal/localdeps"},
			{"functions/", "cmd/"},
		}
		level := func(path string) int {
			return slices.IndexFunc(layers, func(l []string) bool { return within(path, l...) })
		}
		for path, p := range all {
			from := level(path)
			for _, i := range p.ours() {
				if from >= 0 && level(i) > from {
					t.Errorf("%s imports %s", path, i)
				}
			}
		}
	})
	t.Run("a Lambda holds no embedded table, and nothing for administrators' machines", func(t *testing.T) {
		for path, p := range all {
			for _, d := range []string{module + "internal/table/embedded", module + "internal/stackdoctor"} {
				if within(path, "functions/") && slices.Contains(p.Deps, d) {
					t.Errorf("%s depends on %s", path, d)
				}
			}
		}
	})
	t.Run("the laptop's wiring holds no AWS", func(t *testing.T) {
		for _, d := range all["internal/localdeps"].Deps {
			if within(d, "github.com/aws/", "github.com/awslabs/") {
				t.Errorf("internal/localdeps depends on %s", d)
			}
		}
	})
}

// TestSupplyChain: section 5.10 of the security requirements, as far as code
// can tell.
func TestSupplyChain(t *testing.T) {
	t.Run("C3 crewjam/saml for its types only", func(t *testing.T) {
		for path, text := range sources(t, "../..", ".go") {
			if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "internal/demo/") || !strings.Contains(text, `"github.com/crewjam/saml`) {
				continue
			}
			for _, behavior := range []string{"ServeSSO", "IdentityProvider{", "NewIdpAuthnRequest", "MakeAssertion", "WriteResponse"} {
				if strings.Contains(text, behavior) {
					t.Errorf("%s uses %s", path, behavior)
				}
			}
		}
	})
	t.Run("C6 pages load nothing from elsewhere", func(t *testing.T) {
		elsewhere := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}|@import|\burl\(["']?https?:`)
		xmlns := strings.NewReplacer("http://www.w3.org/2000/svg", "", "http://www.w3.org/1999/xlink", "")
		comments := regexp.MustCompile(`(?s)/\*.*?\*/|(?m)^\s*//.*$`)
		n := 0
		for path, text := range sources(t, "../assets", ".html", ".css", ".js", ".mjs", ".svg") {
			n++
			if strings.Contains(path, "/static/qr/") { // another project's, with links in its comments
				text = comments.ReplaceAllString(text, "")
			}
			for _, found := range elsewhere.FindAllString(xmlns.Replace(text), -1) {
				t.Errorf("%s names %q", path, found)
			}
		}
		if n == 0 {
			t.Error("no templates found")
		}
	})
	t.Run("W3 no HTML that is not escaped", func(t *testing.T) {
		raw := regexp.MustCompile(`template\.(HTML|HTMLAttr|JS|JSStr|CSS|URL|Srcset)\(|"text/template"`)
		for path, text := range sources(t, "..", ".go") {
			if found := raw.FindString(text); found != "" && !strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s has %s", path, found)
			}
		}
	})
}

// sources reads the files below a folder that end in one of these.
func sources(t *testing.T, root string, ends ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2:
			return fs.SkipDir
		case d.IsDir() || !slices.Contains(ends, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		found[filepath.ToSlash(path)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
