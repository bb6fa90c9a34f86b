package counterparts_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
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

	Profile profile
}

// profile is whom a library takes somebody for.
type profile struct {
	NameID          string         `json:"nameID"`
	NameIDFormat    string         `json:"nameIDFormat"`
	NameQualifier   *string        `json:"nameQualifier"`
	SPNameQualifier *string        `json:"spNameQualifier"`
	SessionIndex    string         `json:"sessionIndex"`
	Attributes      map[string]any `json:"attributes"`
}

// ask sends a command: an operation, the library's options, and pairs of more
// members.
func (n *library) ask(op string, options map[string]any, more ...any) libraryAnswer {
	n.t.Helper()
	command := map[string]any{"op": op, "options": options}
	for i := 0; i < len(more); i += 2 {
		command[more[i].(string)] = more[i+1]
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

// applications registers two service providers with options by name and address
// of logout, as change changes them, if it is not nil.
func (n *library) applications(i *idptest.Live, options func(name, logout string) map[string]any, change func(*idp.ServiceProvider)) (two [2]application) {
	n.t.Helper()
	for at, name := range []string{"one", "two"} {
		door := newDoor(i, n)
		o := options(name, door.URL)
		door.options = o
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
				if got.Error == "" {
					door.session = &got.Profile
				}
				return single(got.Profile.Attributes[oidMail]), got.Error
			},
			signedIn: func(*visitor) bool { return door.session != nil },
			leave: func(v *visitor) page {
				made := n.ask("leave", o, "profile", door.session)
				if made.URL == "" {
					n.t.Fatal(made.Error)
				}
				return v.get(made.URL)
			},
		}
	}
	return two
}

// door is the logout endpoint of a library's application, and its only session:
// a library has no pages and keeps nobody signed in.
type door struct {
	*httptest.Server
	library *library
	options map[string]any
	session *profile // nil: nobody is signed in
}

func newDoor(i *idptest.Live, n *library) *door {
	d := &door{library: n}
	d.Server = i.Serve(d)
	return d
}

// ServeHTTP lets the library judge a logout message. A request has to name the
// session.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got := d.library.ask("logout", d.options,
		"query", r.URL.RawQuery, "request", r.PostFormValue("SAMLRequest"), "response", r.PostFormValue("SAMLResponse"))
	switch {
	case got.Error != "":
		http.Error(w, got.Error, http.StatusForbidden)
	case got.URL == "":
		d.session = nil
		_, _ = io.WriteString(w, "signed out")
	case d.session == nil || got.Profile.NameID != d.session.NameID || got.Profile.SessionIndex != d.session.SessionIndex:
		http.Error(w, fmt.Sprintf("about %+v, not %+v", got.Profile, d.session), http.StatusForbidden)
	default:
		d.session = nil
		http.Redirect(w, r, got.URL, http.StatusFound)
	}
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
