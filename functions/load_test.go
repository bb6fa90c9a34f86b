package functions_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
	"github.com/latchkey-idp/latchkey/internal/testkit/load"
)

// oneAtATime is a deployment with one instance of each function, which has one
// request at a time; others wait.
type oneAtATime struct {
	deployment
	busy map[string]*sync.Mutex
}

func (d oneAtATime) RoundTrip(r *http.Request) (*http.Response, error) {
	mu := d.busy[functionOf(r.URL.Path)]
	mu.Lock()
	defer mu.Unlock()
	return d.deployment.RoundTrip(r)
}

// TestManyThroughTheFunctions drives the sign-ins of several people at once.
func TestManyThroughTheFunctions(t *testing.T) {
	bin := build(t)
	cloud := newCloud(t)
	env := append(cloud.env(), "LATCHKEY_PUBLIC_URL="+idptest.Base)
	d := oneAtATime{deployment{}, map[string]*sync.Mutex{}}
	for _, name := range names {
		d.deployment[name], d.busy[name] = lambdaruntime.Start(t, filepath.Join(bin, name), env...), &sync.Mutex{}
	}
	crowd, err := load.Gather(t.Context(), load.Target{
		Base: idptest.Base, Authorize: func(*http.Request, []byte) error { return nil },
		Transport: func(int) http.RoundTripper { return d },
	}, load.Options{People: 4, Apps: 2, For: time.Minute, SignIns: 12})
	if err != nil {
		t.Fatal(err)
	}
	r := crowd.Drive(t.Context())
	if r.SignIns() != 12 || len(r.Errors()) > 0 {
		t.Errorf("%d sign-ins, errors %v", r.SignIns(), r.Errors())
	}
	var report strings.Builder
	r.Print(&report)
	t.Log(report.String())
}
