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
