package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// BenchmarkPoll is the call that there are most of.
func BenchmarkPoll(b *testing.B) {
	i := idptest.New(b)
	browser := i.Browser(screenIP)
	v := browser.ShowCode()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		i.Clock.Add(500 * time.Millisecond)
		if n%300 == 299 { // its time would be over
			v = browser.ShowCode()
		}
		browser.Poll(v.SID)
	}
}

// BenchmarkSignIn is a complete sign-in on the embedded table, all parties in
// one process, with the commits of the table's file.
func BenchmarkSignIn(b *testing.B) {
	i := idptest.New(b)
	browser, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	b.ReportAllocs()
	for b.Loop() {
		i.Clock.Add(5 * time.Second)
		v, _ := i.Approved(browser, h)
		if r := browser.Finish(v.SID, idptest.RandomKey()); r.StatusCode != http.StatusOK {
			b.Fatal(r.StatusCode)
		}
	}
}
