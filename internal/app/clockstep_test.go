package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestClockStep: the clock of an instance is set, or the instance was frozen,
// between the approval and the finish.
func TestClockStep(t *testing.T) {
	approved := func(t *testing.T) (*idptest.IdP, *person, string) {
		i := idptest.New(t)
		p := newPerson(i, i.Alice)
		return i, p, p.approve(p.Start(query(i.Good()))).SID
	}
	t.Run("L15 back by half a minute", func(t *testing.T) {
		i, p, sid := approved(t)
		i.Clock.Add(-30 * time.Second)
		key := idptest.RandomKey()
		first := assertion(t, p.Finish(sid, key))
		i.Clock.Add(5 * time.Second)
		if again := assertion(t, p.Finish(sid, key)); again != first {
			t.Errorf("%s, then %s", first, again)
		}
	})
	t.Run("L15 ahead by an hour", func(t *testing.T) {
		i, p, sid := approved(t)
		i.Clock.Add(time.Hour)
		signs := i.Key.Signs()
		if resp := p.Finish(sid, idptest.RandomKey()); resp.StatusCode == http.StatusOK || i.Key.Signs() != signs {
			t.Errorf("%d, %d signatures", resp.StatusCode, i.Key.Signs()-signs)
		}
		i.Clock.Add(-time.Hour) // it was a mistake: this sign-in is over, the next one works
		if resp := p.Finish(sid, idptest.RandomKey()); resp.StatusCode == http.StatusOK {
			t.Error("finished after it was too late")
		}
		assertion(t, p.Finish(p.approve(p.Start(query(i.Good()))).SID, idptest.RandomKey()))
	})
}
