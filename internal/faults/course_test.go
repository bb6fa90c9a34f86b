package faults_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// tries is how often a client makes a call that is told to be worth repeating.
const tries = 3

// course is one person's way through a flow.
type course struct {
	t     *testing.T
	w     *world
	start time.Time
	*idptest.IdP
	user    *idp.User
	browser *idptest.Browser
	phone   *idptest.Handset

	fault    *fault              // the only one; nil: none, or several
	tolerant bool                // a step may be refused for good: givenUp
	lost     bool                // an approval was not finished within its time
	before   map[string]func()   // what happens before a step
	told     int                 // status that the rival got
	issued   map[string][]string // assertions that the browser got, by login
	refused  int                 // calls that were answered with an honest error
	rivals   map[string]func()   // who acts at the same moment as a step; else the step itself, twice
	password string              // of a program
	passkey  *authenticator      // of the person, in the browser's computer
	sid      string              // of the session that the screen shows
	decided  idp.State           // what the phone or the screen was told that became of it
}

// newCourse makes a person with a browser and a phone.
func newCourse(t *testing.T, w *world) *course {
	t.Helper()
	w.begin()
	c := &course{t: t, w: w, start: w.now(), issued: map[string][]string{}}
	c.IdP = &idptest.IdP{T: t, Handler: w, Store: w.store, Log: w.log, Clock: idptest.NewClock(w.now())}
	c.Clock.Set(idp.At(w.now()))
	w.log.Reset()
	c.user = c.AddUser(fmt.Sprintf("ana%d@example.com", w.n), "Ana", "Kovač")
	c.browser = c.Browser(c.address(1))
	c.phone = c.EnrolledHandset(c.user, c.address(2))
	return c
}

// address is one of this course's own, so that no limit joins courses.
func (c *course) address(n int) string { return fmt.Sprintf("10.%d.%d.%d", c.w.n>>8&255, c.w.n&255, n) }

// step makes a client's call, and makes it again, byte for byte the same, as
// long as it is told honestly that this helps. Meanwhile AWS recovers.
//
// done are what may be answered instead where an earlier try may have got
// through without anybody hearing of it: that it is done already.
func (c *course) step(name string, want int, send func() *http.Response, done ...int) *http.Response {
	c.t.Helper()
	for try := 1; ; try++ {
		c.at(name, send)
		lines := len(c.w.reasons())
		resp := send()
		if resp.StatusCode == want {
			return resp
		}
		if slices.Contains(done, resp.StatusCode) && (try > 1 || c.w.wire.acted()) {
			return resp
		}
		wait := time.Second
		if resp.StatusCode != statusDied && resp.StatusCode != statusLeft {
			wait = c.honest(name, resp, c.w.reasons()[lines:])
		}
		if try == tries && c.tolerant {
			panic(givenUp{name, resp.StatusCode})
		}
		if try == tries {
			c.t.Fatalf("%s: still %d after %d tries\n%s", name, resp.StatusCode, tries, c.w.log)
		}
		c.w.wire.heal()
		time.Sleep(wait)
	}
}

// givenUp is the panic of a tolerant course that was refused for good.
type givenUp struct {
	step   string
	status int
}

// try lets a course come to an early end. It returns where; nil: it did not.
func (c *course) try(do func()) (end *givenUp) {
	c.tolerant = true
	defer func() {
		c.tolerant = false
		switch p := recover().(type) {
		case nil:
		case givenUp:
			end = &p
		default:
			panic(p)
		}
	}()
	do()
	return nil
}

// anew begins to count again.
func (c *course) anew() {
	c.issued, c.start, c.refused, c.lost, c.sid = map[string][]string{}, c.w.now(), 0, false, ""
	c.fault, c.rivals = nil, nil
}

// at says what comes, and who comes in between.
func (c *course) at(step string, send func() *http.Response) {
	if first, ok := c.before[step]; ok {
		first()
	}
	rival, ok := c.rivals[step]
	if !ok {
		rival = func() { _ = idptest.Body(c.t, send()) }
	}
	c.w.wire.mu.Lock()
	c.w.wire.step, c.w.wire.rival = step, func() { c.w.meanwhile(rival) }
	c.w.wire.mu.Unlock()
	c.Clock.Set(idp.At(c.w.now()))
}

// honest asserts that a refusal says that it is our fault, when to come again,
// and to the log why.
func (c *course) honest(name string, resp *http.Response, reasons []string) time.Duration {
	c.t.Helper()
	c.refused++
	conflict := resp.StatusCode == http.StatusPreconditionFailed || resp.StatusCode == http.StatusConflict
	if conflict && strings.HasPrefix(resp.Request.URL.Path, "/v1/admin/") && (c.fault == nil || c.fault.reason == idp.Reason(idp.Busy)) {
		return time.Second // an administrator is told to look again
	}
	if c.tolerant && resp.StatusCode >= 400 && resp.StatusCode < 500 {
		panic(givenUp{name, resp.StatusCode})
	}
	wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != http.StatusServiceUnavailable || err != nil {
		c.t.Fatalf("%s: %d, Retry-After %q: %s\n%s", name, resp.StatusCode, resp.Header.Get("Retry-After"), idptest.Body(c.t, resp), c.w.log)
	}
	if len(reasons) == 0 {
		c.t.Fatalf("%s: no line in the log", name)
	}
	if got := reasons[len(reasons)-1]; c.fault != nil && !slices.Contains([]idp.Reason{c.fault.reason, c.fault.kms}, idp.Reason(got)) {
		c.t.Errorf("%s: reason %q, want %q or %q\n%s", name, got, c.fault.reason, c.fault.kms, c.w.log)
	}
	return time.Duration(wait) * time.Second
}

// reasons are those of the requests in the log, also of programs that could not
// start.
func (w *world) reasons() (all []string) {
	for line := range strings.Lines(w.log.String()) {
		var l struct{ Event, Reason string }
		if json.Unmarshal([]byte(line), &l) == nil && (l.Event == "request" || l.Event == "lambda.start.failed") {
			all = append(all, l.Reason)
		}
	}
	return all
}

// got keeps an assertion that came out for a login.
func (c *course) got(login string, resp *http.Response) string {
	c.t.Helper()
	id := assertionID(c.t, resp)
	if id == "" && c.tolerant { // the application is told that nobody was signed in
		panic(givenUp{"finish", resp.StatusCode})
	}
	if id == "" {
		c.t.Fatal("no assertion")
	}
	c.issued[login] = append(c.issued[login], id)
	return id
}

// assertionID is the ID of the assertion in the page's form; empty: there is none.
func assertionID(t testing.TB, resp *http.Response) string {
	t.Helper()
	p := idptest.ReadPost(t, resp)
	var m struct {
		Assertions []struct {
			ID string `xml:"ID,attr"`
		} `xml:"Assertion"`
	}
	must(t, xml.Unmarshal(p.SAMLResponse, &m))
	if len(m.Assertions) == 0 {
		return ""
	}
	return m.Assertions[0].ID
}

// ask sends the browser to us with a fresh request and shows a code.
func (c *course) ask() idptest.View {
	c.t.Helper()
	c.Clock.Set(idp.At(c.w.now()))
	query := c.browser.Query(nil)
	location := c.step("request", http.StatusSeeOther, func() *http.Response { return c.browser.Get("/saml/sso?" + query) }).Header.Get("Location")
	return c.show(location)
}

// show opens the login page and shows a code.
func (c *course) show(location string) idptest.View {
	c.t.Helper()
	c.step("login page", http.StatusOK, func() *http.Response { return c.browser.Get(location) })
	key := idptest.RandomKey()
	v := idptest.Decode[idptest.View](c.t, c.step("create", http.StatusCreated, func() *http.Response {
		return c.browser.Create(loginOf(location), key)
	}))
	c.sid, c.decided = v.SID, idp.StateCreated
	return v
}

// loginOf is the login that a page's address names.
func loginOf(location string) string {
	_, id, _ := strings.Cut(location, "l=")
	return id
}

// acted reports whether the rival of the last step has acted.
func (w *wire) acted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rival == nil
}
