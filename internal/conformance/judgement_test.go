package conformance_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestTheJudgeSaysNo: a rule that lets everything pass proves nothing. Signatures
// are for xmlsec1 and the schema is for xmllint, whose judgement schematest tests.
func TestTheJudgeSaysNo(t *testing.T) {
	w := newWorld(t)
	v := w.visit(t)
	r := v.request(w.plain)
	good := v.approve(v.redirect(r))
	judged := func(a answer) *recorder {
		w.ids = map[string]bool{}
		judge := &visit{TB: &recorder{TB: t}, world: w}
		done := make(chan struct{})
		go func() { // which a Fatal ends
			defer close(done)
			judge.response(a, r, w.plain)
			judge.assertion(judge.one(a.root, "./Assertion"), r, w.plain, a.ACS)
			judge.indexed(judge.one(a.root, "./Assertion"))
		}()
		<-done
		return judge.TB.(*recorder)
	}
	if said := judged(good); said.no != "" {
		t.Fatalf("of a good answer: %s", said.no)
	}
	early := w.now().Add(time.Hour).UTC().Format(time.RFC3339)
	for name, change := range map[string][2]string{
		"another request":     {` InResponseTo="` + r.ID, ` InResponseTo="_other`},
		"another endpoint":    {`Recipient="https://plain.test/acs?a=1&amp;b=2"`, `Recipient="https://plain.test/acs"`},
		"another audience":    {`<saml:Audience>https://plain.test/sp`, `<saml:Audience>https://other.test/sp`},
		"another issuer":      {`<saml:Issuer>https://idp.test`, `<saml:Issuer>https://other.test`},
		"another method":      {`cm:bearer`, `cm:sender-vouches`},
		"not valid yet":       {`<saml:Conditions NotBefore="`, `<saml:Conditions NotBefore="` + early + `" X="`},
		"a NotBefore":         {`<saml:SubjectConfirmationData `, `<saml:SubjectConfirmationData NotBefore="` + early + `" `},
		"signed in later":     {`AuthnInstant="`, `AuthnInstant="` + early + `" X="`},
		"no session":          {` SessionIndex="`, ` X="`},
		"two subjects":        {`<saml:Subject>`, `<saml:Subject><saml:SubjectConfirmation/>`},
		"an instant of no Z":  {`Z" Recipient`, `" Recipient`},
		"another signed part": {`<ds:Reference URI="#`, `<ds:Reference URI="#x`},
		"a comment":           {`</saml:Subject>`, `<!-- --></saml:Subject>`},
	} {
		t.Run(name, func(t *testing.T) {
			text := string(good.SAMLResponse)
			changed := good
			changed.SAMLResponse = []byte(strings.ReplaceAll(text, change[0], change[1]))
			if string(changed.SAMLResponse) == text {
				t.Fatalf("nothing to change in %s", text)
			}
			changed.root = parse(t, changed.SAMLResponse)
			if judged(changed).no == "" {
				t.Error("passes")
			}
		})
	}
}

// TestTheJudgeOfLogoutSaysNo is the same for the messages of a logout.
func TestTheJudgeOfLogoutSaysNo(t *testing.T) {
	w := newWorld(t)
	v := w.visit(t)
	first, other := v.joins(w.plain), v.joins(w.persistent)
	r := v.signOut(first)
	frames, goOn := v.waits(v.leaves(w.plain, r))
	request := v.carried(v.browser.Get(frames[0]))
	v.replies(w.persistent, request, "Success")
	response := goOn()
	judged := func(m sent) string {
		w.ids = map[string]bool{}
		judge := &visit{TB: &recorder{TB: t}, world: w}
		done := make(chan struct{})
		go func() { // which a Fatal ends
			defer close(done)
			judge.message(m)
			if m.root.Tag == "LogoutRequest" {
				judge.isAbout(m, other)
			} else {
				judge.answered(m, r, "Success", "")
			}
		}()
		<-done
		return judge.TB.(*recorder).no
	}
	early := w.now().Add(-time.Hour).UTC().Format(time.RFC3339)
	for name, c := range map[string]struct {
		good     sent
		old, new string
	}{
		"about another session":  {request, other.index, first.index},
		"about another person":   {request, other.nameID.Text(), "x"},
		"of another format":      {request, formatPersistent, formatTransient},
		"another qualifier":      {request, ` SPNameQualifier="`, ` X="`},
		"too late":               {request, ` NotOnOrAfter="`, ` NotOnOrAfter="` + early + `" X="`},
		"of another issuer":      {request, `>https://idp.test`, `>https://other.test`},
		"to another endpoint":    {request, `Destination="https://persistent.test`, `Destination="https://other.test`},
		"to another request":     {response, r.ID, "_other"},
		"of another status":      {response, "status:Success", "status:Responder"},
		"a status below":         {response, `status:Success">`, `status:Success"><samlp:StatusCode Value="urn:x"/>`},
		"of long ago":            {response, `IssueInstant="`, `IssueInstant="` + early + `" X="`},
		"of another version":     {response, `Version="2.0"`, `Version="2.1"`},
		"another kind of answer": {response, "LogoutResponse", "Response"},
	} {
		t.Run(name, func(t *testing.T) {
			if said := judged(c.good); said != "" {
				t.Fatalf("of a good one: %s", said)
			}
			changed := c.good
			changed.xml = []byte(strings.ReplaceAll(string(c.good.xml), c.old, c.new))
			if string(changed.xml) == string(c.good.xml) {
				t.Fatalf("nothing to change in %s", changed.xml)
			}
			changed.root = parse(t, changed.xml)
			if judged(changed) == "" {
				t.Error("passes")
			}
		})
	}
}

// recorder keeps what a judge says, instead of failing the test.
type recorder struct {
	testing.TB
	no string
}

func (r *recorder) Errorf(format string, args ...any) { r.no += fmt.Sprintf(format, args...) + "\n" }
func (r *recorder) Error(args ...any)                 { r.no += fmt.Sprintln(args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}
