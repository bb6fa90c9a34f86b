package counterparts_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// application is one service provider of a counterpart that the identity
// provider knows.
type application struct {
	entityID string

	// open starts a sign-in and returns what the browser shows then.
	open func(v *visitor, w wish) page

	// accept gives it an answer. It tells the mail address of whom it signs in,
	// or why it refuses.
	accept func(v *visitor, a answer) (who, refusal string)

	// signedIn reports whether it takes the visitor for somebody.
	signedIn func(v *visitor) bool

	// leave starts a sign-out there and returns what the browser shows then. The
	// end of it is a page with the words "signed out".
	leave func(v *visitor) page

	deaf bool   // it reads no LogoutRequests
	soap string // its endpoint for LogoutRequests by SOAP; empty: none
	paos string // a page for programs; empty: none
}

// pages is an application with pages: ask signs in, with what the query wishes,
// and leads to what readSeen reads, in which mail names the address; whoami is
// that page, and leave is where a sign-out starts.
func pages(entityID, ask, mail, whoami, leave string) application {
	return application{
		entityID: entityID,
		open: func(v *visitor, w wish) page {
			to, err := url.Parse(ask)
			must(v.t, err)
			query := to.Query()
			if w.force {
				query.Set("force", "1")
			}
			if w.passive {
				query.Set("passive", "1")
			}
			to.RawQuery = query.Encode()
			return v.open(to.String())
		},
		accept: func(v *visitor, a answer) (who, refusal string) {
			p := v.deliver(a)
			if p.status != http.StatusOK || !strings.HasPrefix(p.body, "{") {
				return "", p.body // SimpleSAMLphp shows its exceptions with 200
			}
			return single(readSeen(v.t, p).Attributes[mail]), ""
		},
		signedIn: func(v *visitor) bool {
			p := v.open(whoami)
			return p.status == http.StatusOK && strings.HasPrefix(p.body, "{")
		},
		leave: func(v *visitor) page { return v.open(leave) },
	}
}

// wish is what an application asks for beyond a sign-in.
type wish struct{ force, passive bool }

// counterpart is software of other people.
type counterpart struct {
	name   string
	start  func(t *testing.T, i *idptest.Live) [2]application
	cannot map[string]string // behaviour -> why it has no such thing
}

var counterparts = []counterpart{
	{name: crewjam, start: crewjamApplications, cannot: map[string]string{
		"IdP-initiated logout": "it has no code that reads a LogoutRequest",
		"encrypted logout":     "it has no code that reads a LogoutRequest",
		"logout by SOAP":       "it has no code that reads a LogoutRequest",
		"ECP":                  "it has no service provider for it",
	}},
	{name: simpleSAMLphp, start: phpApplications, cannot: map[string]string{
		"logout by SOAP": "without an SQL or Redis store it finds sessions by the browser's cookie only",
		"ECP":            "it is an identity provider for it only",
	}},
	{name: nodeSAML, start: nodeApplications, cannot: map[string]string{
		"logout by SOAP": "it has none", "ECP": "it has none",
	}},
	{name: python3SAML, start: pythonApplications, cannot: map[string]string{
		"logout by SOAP": "it has none", "ECP": "it has none",
	}},
	{name: mellon, start: mellonApplications, cannot: map[string]string{
		"ForceAuthn": "it has no setting that asks for it",
	}},
}

// behaviours are what every counterpart has to bring about together with us.
// Each runs with a browser of its own.
var behaviours = []struct {
	name string
	run  func(*stage)
}{
	{"sign-in", (*stage).signIn},
	{"denial", (*stage).denial},
	{"changed answer", (*stage).changedAnswer},
	{"second application", (*stage).secondApplication},
	{"ForceAuthn", (*stage).forceAuthn},
	{"IsPassive", (*stage).passive},
	{"encryption", (*stage).encryption},
	{"SP-initiated logout", (*stage).logoutBySP},
	{"IdP-initiated logout", (*stage).logoutByPerson},
	{"encrypted logout", (*stage).logoutEncrypted},
	{"logout by SOAP", (*stage).logoutBySOAP},
	{"ECP", (*stage).program},
}

// TestBehaviours runs every behaviour with every counterpart; TestMain prints
// the table of what came out.
func TestBehaviours(t *testing.T) {
	for _, c := range counterparts {
		t.Run(c.name, func(t *testing.T) {
			i := idptest.NewLive(t)
			person := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
			two := c.start(t, i)
			for _, b := range behaviours {
				if why := c.cannot[b.name]; why != "" {
					outcomes.set(c.name, b.name, notApplicable+why)
					continue
				}
				passed := t.Run(b.name, func(t *testing.T) {
					b.run(&stage{T: t, by: c.name, idp: i, phone: person, one: two[0], two: two[1]})
				})
				outcomes.set(c.name, b.name, map[bool]string{true: "ok", false: "FAILED"}[passed])
			}
		})
	}
}

// stage is what a behaviour has at hand.
type stage struct {
	*testing.T
	by       string // the counterpart
	idp      *idptest.Live
	phone    *phone.Phone
	one, two application
	key      []byte // of the applications, where answers have to be encrypted
}

// takes checks that an application signs Ana in.
func (s *stage) takes(at application, v *visitor, a answer) {
	s.Helper()
	if who, refusal := at.accept(v, a); who != "ana@example.com" || refusal != "" {
		s.Fatalf("signed in as %q; refusal: %.2000s", who, refusal)
	}
	exercised.signIn(s.by)
}

// refuses checks that an application signs nobody in.
func (s *stage) refuses(at application, v *visitor, a answer) {
	s.Helper()
	if who, refusal := at.accept(v, a); who != "" || refusal == "" {
		s.Fatalf("signed in as %q; refusal: %.2000s", who, refusal)
	}
	exercised.refusal(s.by)
}

// signedIn is a browser in which Ana has approved a sign-in at the first
// application.
func (s *stage) signedIn() *visitor {
	s.Helper()
	v := newVisitor(s.T, s.idp, s.phone)
	v.key = s.key
	s.takes(s.one, v, v.approve(s.one.open(v, wish{})))
	return v
}

func (s *stage) signIn() { s.signedIn() }

func (s *stage) denial() {
	v := newVisitor(s.T, s.idp, s.phone)
	s.refuses(s.one, v, v.deny(s.one.open(v, wish{})))
}

func (s *stage) changedAnswer() {
	v := newVisitor(s.T, s.idp, s.phone)
	a := v.approve(s.one.open(v, wish{}))
	changed := strings.ReplaceAll(string(a.xml), "ana@example.com", "eve@example.com")
	if changed == string(a.xml) {
		s.Fatal("nothing to change in the answer")
	}
	a.fields.Set("SAMLResponse", encode(changed))
	s.refuses(s.one, v, a)
	if p := s.one.open(v, wish{}); !strings.HasPrefix(p.url.String(), s.idp.URL) {
		s.Errorf("signed in by a changed answer: %d %s", p.status, p.url)
	}
}

// secondApplication: the session answers, and no phone is used.
func (s *stage) secondApplication() {
	v := s.signedIn()
	a, ok := v.goesOn(s.two.open(v, wish{}))
	if !ok {
		s.Fatal("asks for another approval")
	}
	s.takes(s.two, v, a)
}

// forceAuthn: with a session that would suffice there is a fresh approval.
func (s *stage) forceAuthn() {
	v := s.signedIn()
	p := s.two.open(v, wish{force: true})
	if _, ok := v.goesOn(p); ok {
		s.Fatal("goes on without a fresh approval")
	}
	s.takes(s.two, v, v.approve(p))
}

// passive: without a session NoPassive, with one an assertion, and never a
// question.
func (s *stage) passive() {
	stranger := newVisitor(s.T, s.idp, nil)
	told := stranger.answerOn(s.one.open(stranger, wish{passive: true}))
	if !strings.Contains(string(told.xml), "status:NoPassive") {
		s.Errorf("told %s", told.xml)
	}
	s.refuses(s.one, stranger, told)

	v := s.signedIn()
	a, ok := v.goesOn(s.two.open(v, wish{passive: true}))
	if !ok {
		s.Fatal("the session does not answer")
	}
	s.takes(s.two, v, a)
}

func (s *stage) encryption() {
	s.idp.Update(s.one.entityID, func(sp *idp.ServiceProvider) { sp.Encryption = idp.EncryptRequired })
	defer s.idp.Update(s.one.entityID, func(sp *idp.ServiceProvider) { sp.Encryption = idp.EncryptOff })
	v := newVisitor(s.T, s.idp, s.phone)
	v.key, _ = theirKey(s.T)
	a := v.approve(s.one.open(v, wish{}))
	if text := string(a.xml); strings.Contains(text, "ana@example.com") ||
		!strings.Contains(text, xmlenc.AES128GCM) && !strings.Contains(text, xmlenc.AES256GCM) {
		s.Errorf("not encrypted by AES-GCM: %s", text)
	}
	s.takes(s.one, v, a)
}
