//go:build unix

package bench_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

// BenchmarkRejectWorst refuses the dearest messages within the limits of size.
// Target: 2 ms of CPU and 1 MB each.
func BenchmarkRejectWorst(b *testing.B) {
	now := time.Now()
	sp := samltest.A()
	env := request.Env{SSOURL: samltest.SSO, Now: now}
	for name, query := range worst(sp, now) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				if err := judge(query, sp, env); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

// reportCPU measures from now until the function that it returns is called.
func reportCPU(b *testing.B) func() {
	b.Helper()
	begin := cpu(b)
	return func() { b.ReportMetric(float64(cpu(b)-begin)/float64(b.N), "cpu-ns/op") }
}

// cpu is the time that all threads of this process have used, in ns: unlike
// the time on the wall it does not grow with what else the machine does.
func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func judge(query string, sp *samltest.SP, env request.Env) error {
	in, err := binding.Redirect(query)
	if err != nil {
		return err
	}
	in.Binding = idp.BindingPOST // so that the signature inside is looked at
	req, err := request.Parse(in)
	if err != nil {
		return err
	}
	_, err = request.Judge(req, in, &sp.ServiceProvider, env)
	return err
}

// worst are redirect queries that need the most work before they are refused.
func worst(sp *samltest.SP, now time.Time) map[string]string {
	message := sp.Request(now).XML()
	signed := sp.SignXML(message, samltest.Signing{KeyInfo: sp.X509()})
	var names strings.Builder
	for i := range 60 {
		names.WriteString(` xmlns:n` + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `="urn:n"`)
	}
	stuffed := func(message, element string, n int) string {
		return samltest.RedirectQuery(samltest.Insert(message, "<samlp:Extensions"+names.String()+">"+strings.Repeat(element, n)+"</samlp:Extensions>"), nil)
	}
	return map[string]string{
		"unsigned_elements": stuffed(message, `<t v="tttt">&lt;&lt;</t>`, 420),
		"signed_attributes": stuffed(signed, "<x y='"+strings.Repeat("z", 130)+"'/>", 80),
		"signed_elements":   stuffed(signed, `<t v="ttt">t</t>`, 400),
		"unknown_key":       samltest.RedirectQuery(samltest.B().SignXML(message, samltest.Signing{}), nil),
		"deep":              samltest.RedirectQuery(samltest.Insert(message, strings.Repeat("<a>", 1000)+strings.Repeat("</a>", 1000)), nil),
		"inflates":          samltest.RedirectQuery(strings.Repeat(" ", 8<<20), nil),
		"doctype":           samltest.RedirectQuery(`<!DOCTYPE r [<!ENTITY a "`+strings.Repeat("x", 20000)+`">]>`+message, nil),
	}
}

// TestVectors keeps the benchmarks honest: what they measure is what happens.
func TestVectors(t *testing.T) {
	now := time.Now()
	sp := samltest.A()
	for name, query := range worst(sp, now) {
		err := judge(query, sp, request.Env{SSOURL: samltest.SSO, Now: now})
		var refused *idp.Error
		var answered *request.Answer
		if !errors.As(err, &refused) && !errors.As(err, &answered) {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s (%d bytes): %v", name, len(query), err)
	}
}
