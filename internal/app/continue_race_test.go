package app_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// continuing is a person with a session, and what happens before or after the
// transaction that stores that it answers.
type continuing struct {
	*idptest.IdP
	*person
	before, after atomic.Pointer[func() error]
}

func newContinuing(t *testing.T) *continuing {
	c := &continuing{}
	hook := func(at *atomic.Pointer[func() error]) tabletest.Hook {
		return func(op string, keys []table.Key) error {
			if op != "transact" || !strings.HasPrefix(keys[0].PK, "LOGIN#") {
				return nil
			}
			if do := at.Swap(nil); do != nil {
				return (*do)()
			}
			return nil
		}
	}
	c.IdP = idptest.New(t, idptest.Options{Table: func(inner table.Table) table.Table {
		return &tabletest.Faulty{Table: inner, Before: hook(&c.before), After: hook(&c.after)}
	}})
	c.person = newPerson(c.IdP, c.Alice)
	assertion(t, c.Finish(c.approve(c.Start(query(c.Good()))).SID, idptest.RandomKey()))
	return c
}

// next begins a sign-in and opens its page; the form that goes on.
func (c *continuing) next() url.Values {
	location := c.Start(query(c.Good()))
	c.Get(location)
	return url.Values{"l": {strings.TrimPrefix(location, "/login?l=")}}
}

func (c *continuing) lines(t *testing.T) int {
	list, _, err := c.Store.SignIns(t.Context(), c.Alice.ID, "", 0)
	must(t, err)
	return len(list)
}

func TestContinueRaces(t *testing.T) {
	t.Run("P14 Q7 signed out at the same moment", func(t *testing.T) {
		c := newContinuing(t)
		form, signs := c.next(), c.Key.Signs()
		out := func() error {
			_, err := c.Store.EndSSOSessions(context.Background(), c.Alice.ID, "")
			return err
		}
		c.before.Store(&out)
		resp := c.PostForm("/login/continue", form)
		if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || to != "/login?l="+form.Get("l")+"&ask=1" {
			t.Fatalf("%d to %q", resp.StatusCode, to)
		}
		left, err := c.Store.SSOSessions(t.Context(), c.Alice.ID)
		must(t, err)
		l, err := c.Store.Login(t.Context(), form.Get("l"))
		must(t, err)
		if len(left) != 0 || l.Done != "" || c.Key.Signs() != signs || c.lines(t) != 1 {
			t.Errorf("%d sessions, login done by %q, %d signatures, %d lines", len(left), l.Done, c.Key.Signs()-signs, c.lines(t))
		}
		assertion(t, c.Finish(c.approve("/login?l="+form.Get("l")).SID, idptest.RandomKey()))
	})
	for name, at := range map[string]func(*continuing) *atomic.Pointer[func() error]{
		"Q7 storage fails":      func(c *continuing) *atomic.Pointer[func() error] { return &c.before },
		"Q7 its answer is lost": func(c *continuing) *atomic.Pointer[func() error] { return &c.after },
	} {
		t.Run(name, func(t *testing.T) {
			c := newContinuing(t)
			form, signs := c.next(), c.Key.Signs()
			fail := func() error { return table.ErrUnavailable }
			at(c).Store(&fail)
			action, again := pageForm(t, refusedPage(t, c.IdP, c.PostForm("/login/continue", form), http.StatusServiceUnavailable, idp.Code(idp.StoreUnavailable)))
			if c.Key.Signs() != signs {
				t.Error("signed before it was stored")
			}
			assertion(t, c.PostForm(action, again))
			if n := c.lines(t); n != 2 {
				t.Errorf("%d lines in the own list", n)
			}
		})
	}
	t.Run("Q7 four tabs at the same moment", func(t *testing.T) {
		c := newContinuing(t)
		forms := []url.Values{c.next(), c.next(), c.next(), c.next()}
		ids := make([]string, len(forms))
		var tabs sync.WaitGroup
		for n, form := range forms {
			tab := *c.person.Browser
			tab.Cookies = map[string]string{}
			for name, value := range c.Cookies {
				tab.Cookies[name] = value
			}
			tabs.Go(func() { ids[n] = assertion(t, tab.PostForm("/login/continue", form)) })
		}
		tabs.Wait()
		for n, id := range ids {
			if again := assertion(t, c.PostForm("/login/continue", forms[n])); again != id {
				t.Errorf("tab %d: %s, then %s", n, id, again)
			}
		}
		if n := c.lines(t); n != 5 {
			t.Errorf("%d lines in the own list", n)
		}
	})
}
