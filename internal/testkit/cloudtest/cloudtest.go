// Package cloudtest deploys CloudFormation templates without AWS: to moto, which
// scripts/moto brings closer to AWS. Everything in it is real but the services:
// the SAM transform, the calls of the SDK, and the rules of what is replaced.
package cloudtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Region is where stacks are, unless In says otherwise.
const Region = "eu-central-1"

// Cloud is an AWS account of its own.
type Cloud struct {
	Endpoint string // for AWS_ENDPOINT_URL
	Zone     string // the id of Route 53's zone example.com

	region, root, python string
}

// In is the same account in another region.
func (c *Cloud) In(region string) *Cloud {
	other := *c
	other.region = region
	return &other
}

// Start starts an account, which ends with the test. Without moto
// (scripts/deps.sh) the test is skipped, or fails if LATCHKEY_REQUIRE_ALL is 1.
func Start(t testing.TB) *Cloud {
	t.Helper()
	c := find(t)
	cmd := c.command(context.Background(), "server.py", bucket, Region)
	stdin, err := cmd.StdinPipe() // the server ends when it is closed, also by our death
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		if err := cmd.Wait(); err != nil {
			t.Errorf("moto: %v", err)
		}
		if t.Failed() {
			t.Logf("moto: ...%s", errors.String()[max(0, errors.Len()-4000):])
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	if _, err := fmt.Sscan(line, &c.Endpoint, &c.Zone); err != nil {
		t.Fatalf("moto says %q: %v", line, err)
	}
	return c
}

// find finds the scripts, from any package's folder, and the Python for them.
func find(t testing.TB) *Cloud {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		t.Fatal("cloudtest does not know where its source is; it does not work with -trimpath")
	}
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	cache := os.Getenv("LATCHKEY_CACHE")
	if cache == "" {
		cache = filepath.Join(root, ".cache")
	}
	python := filepath.Join(cache, "moto", "bin", "python3")
	if _, err := os.Stat(python); err != nil {
		const missing = "moto is not installed; run scripts/deps.sh"
		if os.Getenv("LATCHKEY_REQUIRE_ALL") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	scripts, err := filepath.Glob(filepath.Join(root, "scripts", "moto", "*"))
	must(t, err)
	depend(t, append(scripts, filepath.Join(cache, "moto", ".installed"))...)
	return &Cloud{region: Region, root: root, python: python}
}

// depend reads files that scripts read: so that `go test` knows that a cached
// result depends on them.
func depend(t testing.TB, files ...string) {
	t.Helper()
	for _, f := range files {
		if _, err := os.ReadFile(f); err != nil { //nolint:gosec // of this repository
			t.Fatal(err)
		}
	}
}

// Config is that of an SDK client with all rights in the account.
func (c *Cloud) Config() aws.Config {
	return aws.Config{
		Region: c.region, BaseEndpoint: &c.Endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

const bucket = "code"

// Template is what a template becomes when it is deployed, as JSON; path is
// absolute, or within the repository. code is "1" or "2": the first or the second release of the functions.
func (c *Cloud) Template(t testing.TB, path, code string) string {
	t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.root, path)
	}
	depend(t, path)
	return string(c.run(t, "transform.py", path, bucket, code))
}

// Lint runs cfn-lint on a template that was transformed. The transform has put the
// values of some parameters in, so that nothing refers to these any more (W2001).
func (c *Cloud) Lint(t testing.TB, template string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "template.json")
	must(t, os.WriteFile(file, []byte(template), 0o600))
	lint := filepath.Join(filepath.Dir(c.python), "cfn-lint")
	if out, err := exec.CommandContext(t.Context(), lint, "--regions", c.region, "--ignore-checks", "W2001", "--", file).CombinedOutput(); err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

// Deploy creates a stack, or updates it, as `aws cloudformation deploy` does:
// parameters that are not named stay as they are.
func (c *Cloud) Deploy(t testing.TB, stack, template string, parameters map[string]string) {
	t.Helper()
	client := cloudformation.NewFromConfig(c.Config())
	old, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack})
	capabilities := []types.Capability{types.CapabilityCapabilityNamedIam}
	if err != nil {
		_, err = client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: &stack, TemplateBody: &template, Parameters: given(parameters), Capabilities: capabilities,
		})
		must(t, err)
		return
	}
	all := given(parameters)
	for _, p := range old.Stacks[0].Parameters {
		if _, named := parameters[*p.ParameterKey]; !named {
			all = append(all, types.Parameter{ParameterKey: p.ParameterKey, ParameterValue: p.ParameterValue})
		}
	}
	_, err = client.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: &stack, TemplateBody: &template, Parameters: all, Capabilities: capabilities,
	})
	must(t, err)
}

func given(parameters map[string]string) []types.Parameter {
	var out []types.Parameter
	for k, v := range parameters {
		out = append(out, types.Parameter{ParameterKey: &k, ParameterValue: &v})
	}
	return out
}

// Outputs are those of a stack.
func (c *Cloud) Outputs(t testing.TB, stack string) map[string]string {
	t.Helper()
	out, err := cloudformation.NewFromConfig(c.Config()).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack})
	must(t, err)
	found := map[string]string{}
	for _, o := range out.Stacks[0].Outputs {
		found[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return found
}

// Resource is a resource of a stack.
type Resource struct {
	Type, ID string
	Says     map[string]any // what the service says about it
	NotMade  string         // why it is there by its name only; empty: it is there
}

// Resources are those of a stack, by logical id.
func (c *Cloud) Resources(t testing.TB, stack string) map[string]Resource {
	t.Helper()
	var found map[string]Resource
	must(t, json.Unmarshal(c.run(t, "describe.py", c.Endpoint, stack, c.region), &found))
	return found
}

// run runs one of the scripts and returns what it prints.
func (c *Cloud) run(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := c.command(t.Context(), args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("%s: %v\n%s", args[0], err, exit.Stderr)
	}
	must(t, err)
	return out
}

func (c *Cloud) command(ctx context.Context, args ...string) *exec.Cmd {
	script := filepath.Join(c.root, "scripts", "moto", args[0])
	cmd := exec.CommandContext(ctx, c.python, append([]string{"-B", script}, args[1:]...)...)
	cmd.Env = append(os.Environ(), "AWS_DEFAULT_REGION="+Region, "AWS_ENDPOINT_URL=")
	return cmd
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
