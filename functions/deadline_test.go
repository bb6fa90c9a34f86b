package functions_test

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/apigw"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
)

// hanging lets calls to AWS come to nothing: AWS takes them and never answers.
type hanging struct {
	mu    sync.Mutex
	calls int // so far
	from  int // the first call that hangs; 0: none
	only  bool
}

func (h *hanging) between(_ string, aws http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.calls++
		hangs := h.from > 0 && (h.calls == h.from || h.calls > h.from && !h.only)
		h.mu.Unlock()
		if hangs {
			_, _ = io.Copy(io.Discard, r.Body) // or nobody notices that the caller gave up
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
		aws.ServeHTTP(w, r)
	})
}

// arm counts from here on and lets calls hang; it returns the count before.
func (h *hanging) arm(from int, only bool) (before int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, h.calls, h.from, h.only = h.calls, 0, from, only
	return before
}

// TestTimeOutMidWay: each call of a finish to AWS hangs once. The sign-in is
// answered all the same, once.
func TestTimeOutMidWay(t *testing.T) {
	h := &hanging{}
	c := cloud.Start(t, cloud.Options{Between: h.between})
	ana, b := enrolled(t, c), browser(t, c)
	b.Finish(approved(t, b, ana, nil), idptest.RandomKey()) // everything is warm
	b.DropSession()
	sid := approved(t, b, ana, nil)
	h.arm(0, false)
	b.Finish(sid, idptest.RandomKey())
	calls := h.arm(0, false)
	if calls < 5 {
		t.Fatalf("a finish made %d calls", calls)
	}
	for n := 1; n <= calls; n++ {
		t.Run("L15 one call hangs", func(t *testing.T) {
			b.DropSession()
			sid, key := approved(t, b, ana, nil), idptest.RandomKey()
			h.arm(n, true)
			posted := idptest.ReadPost(t, b.Finish(sid, key))
			h.arm(0, false)
			again := idptest.ReadPost(t, b.Finish(sid, key))
			if first := assertionOf(posted); first == "" || first != assertionOf(again) {
				t.Errorf("call %d: %s, repeated: %s", n, posted.SAMLResponse, again.SAMLResponse)
			}
		})
	}
}

// assertionOf is the ID of the assertion in a Response.
func assertionOf(p idptest.Posted) string {
	_, after, _ := strings.Cut(string(p.SAMLResponse), "<saml:Assertion")
	_, after, _ = strings.Cut(after, ` ID="`)
	id, _, _ := strings.Cut(after, `"`)
	return id
}

// TestDeadline: when nothing answers, the function does, before Lambda ends it;
// the same process serves the next request.
func TestDeadline(t *testing.T) {
	h := &hanging{}
	c := cloud.Start(t, cloud.Options{Between: h.between})
	if status, _ := get(t, c, "/v1/healthz"); status != http.StatusOK { // the secrets are there
		t.Fatal(status)
	}
	f, err := lambdaruntime.Launch(filepath.Join(cloud.Build(t), "sso"), lambdaruntime.Options{Env: c.Env("sso"), Timeout: 2500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	r, err := http.NewRequest(http.MethodGet, cloud.URL+"/saml/sso?"+samltest.RedirectQuery(samltest.B().Request(time.Now()).XML(), nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	event, err := apigw.Gateway{}.Event(r)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(want int) {
		t.Helper()
		resp, err := f.Invoke(event)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%d, %v, want %d\n%s", resp.StatusCode, err, want, f.Output())
		}
	}
	t.Run("L15 the deadline of the event at the first request", func(*testing.T) {
		h.arm(1, false)
		ask(http.StatusServiceUnavailable)
	})
	t.Run("L15 the process is whole afterwards", func(*testing.T) {
		h.arm(0, false)
		ask(http.StatusBadRequest) // nobody registered this application
	})
	t.Run("L15 the deadline of the event later", func(*testing.T) {
		h.arm(1, false)
		ask(http.StatusServiceUnavailable)
		h.arm(0, false)
		ask(http.StatusBadRequest)
	})
}

// TestFrozenBetweenEvents: Lambda freezes a process once it has answered. It
// leaves nothing to be done then, and its old connections may be dead.
func TestFrozenBetweenEvents(t *testing.T) {
	h := &hanging{}
	c := cloud.Start(t, cloud.Options{Between: h.between})
	ana, b := enrolled(t, c), browser(t, c)
	idptest.ReadPost(t, b.Finish(approved(t, b, ana, nil), idptest.RandomKey()))
	t.Run("L15 nothing is left to be done", func(t *testing.T) {
		h.arm(0, false)
		c.Wake()
		time.Sleep(300 * time.Millisecond)
		if n := h.arm(0, false); n != 0 {
			t.Errorf("%d calls to AWS after the answers", n)
		}
	})
	t.Run("L15 connections died meanwhile", func(t *testing.T) {
		b.DropSession()
		sid := approved(t, b, ana, nil)
		c.Disconnect()
		idptest.ReadPost(t, b.Finish(sid, idptest.RandomKey()))
	})
}
