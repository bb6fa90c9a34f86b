package counterparts_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// library is a counterpart without pages: a running program of scripts/ that
// makes requests and judges answers with a library, one JSON value a line.
type library struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner

	stop func() // ends it
}

// startLibrary runs a script until the test ends.
func startLibrary(t *testing.T, program, script string, env ...string) *library {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, script)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
	})
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	return &library{t, in, scanner, stop}
}

// cached is a file below the folder of what scripts/deps.sh installs.
func cached(t *testing.T, parts ...string) string {
	t.Helper()
	cache := os.Getenv("LATCHKEY_CACHE")
	if cache == "" {
		cache = "../../.cache"
	}
	path, err := filepath.Abs(filepath.Join(append([]string{cache}, parts...)...))
	must(t, err)
	return path
}

// libraryAnswer is what a script answers, whatever it was asked.
type libraryAnswer struct {
	XML, URL, Form, Error, Status string

	Profile struct {
		NameID       string         `json:"nameID"`
		NameIDFormat string         `json:"nameIDFormat"`
		Attributes   map[string]any `json:"attributes"`
	}
}

// ask sends a command: an operation, the library's options, and pairs of more
// members.
func (n *library) ask(op string, options map[string]any, more ...string) libraryAnswer {
	n.t.Helper()
	command := map[string]any{"op": op, "options": options}
	for i := 0; i < len(more); i += 2 {
		command[more[i]] = more[i+1]
	}
	line, err := json.Marshal(command)
	must(n.t, err)
	late := time.AfterFunc(30*time.Second, n.stop)
	defer late.Stop()
	_, err = n.in.Write(append(line, '\n'))
	must(n.t, err)
	if !n.out.Scan() {
		n.t.Fatal("the script ended: ", n.out.Err())
	}
	var a libraryAnswer
	must(n.t, json.Unmarshal(n.out.Bytes(), &a))
	return a
}

// start lets the library make a request and takes it to the identity provider.
// A form is sent from the address that is the option "issuer".
func (n *library) start(v *visitor, options map[string]any, relay string) page {
	n.t.Helper()
	a := n.ask("request", options, "relayState", relay)
	if a.URL != "" {
		return v.get(a.URL)
	}
	f, ok := readForm(n.t, a.Form)
	if !ok {
		n.t.Fatalf("no request: %+v", a)
	}
	from, err := url.Parse(options["issuer"].(string))
	must(n.t, err)
	return v.submit(page{url: from}, f)
}

// applications registers two service providers with options by name, as change
// changes them, if it is not nil.
func (n *library) applications(i *idptest.Live, options func(name string) map[string]any, change func(*idp.ServiceProvider)) (two [2]application) {
	n.t.Helper()
	for at, name := range []string{"one", "two"} {
		o := options(name)
		made := n.ask("metadata", o)
		if made.Error != "" {
			n.t.Fatal(made.Error)
		}
		two[at] = application{
			entityID: i.Register([]byte(made.XML), change).EntityID,
			open: func(v *visitor, w wish) page {
				asked := maps.Clone(o)
				asked["forceAuthn"], asked["passive"] = w.force, w.passive
				return n.start(v, asked, "")
			},
			accept: func(_ *visitor, a answer) (who, refusal string) {
				got := n.ask("validate", o, "response", a.fields.Get("SAMLResponse"))
				return single(got.Profile.Attributes[oidMail]), got.Error
			},
		}
	}
	return two
}

// single is a value that may be a list of one.
func single(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) == 1 {
			return single(v[0])
		}
	case []string:
		if len(v) == 1 {
			return v[0]
		}
	}
	return ""
}

// oidMail is the name of the attribute mail.
const oidMail = "urn:oid:0.9.2342.19200300.100.1.3"
