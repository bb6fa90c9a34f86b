package load_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/testkit/load"
)

func target(live *idptest.Live) load.Target {
	return load.Target{
		Base: live.URL, Authorize: adminclient.Bearer(idp.Secret(idptest.AdminToken)),
		Transport: load.Loopback(strings.TrimPrefix(live.URL, "http://")),
	}
}

func TestDrive(t *testing.T) {
	live := idptest.NewLive(t)
	crowd, err := load.Gather(t.Context(), target(live), load.Options{People: 3, Apps: 2, For: time.Minute, SignIns: 4})
	if err != nil {
		t.Fatal(err)
	}
	signs := live.Key.Signs()
	r := crowd.Drive(t.Context())
	if r.SignIns() != 4 || len(r.Errors()) != 0 || live.Key.Signs()-signs != 4 {
		t.Errorf("%d sign-ins, %d signatures, errors %v", r.SignIns(), live.Key.Signs()-signs, r.Errors())
	}
	var table strings.Builder
	r.Print(&table)
	for _, step := range []string{"request", "page", "create", "poll", "claim", "approve", "finish"} {
		if r.Quantile(step, 0.5) <= 0 || r.Quantile(step, 0.99) < r.Quantile(step, 0.5) || !strings.Contains(table.String(), "| "+step+" | ") {
			t.Errorf("%s is not in the report: %s", step, table.String())
		}
	}
	t.Run("what fails is counted by its kind", func(t *testing.T) {
		live.Key.Fail(func(int64) error { return http.ErrHandlerTimeout })
		r := crowd.Drive(t.Context())
		if r.SignIns() != 0 || r.Errors()["finish: 503 "]+r.Errors()["finish: 500 "] != 4 {
			t.Errorf("%d sign-ins, errors %v", r.SignIns(), r.Errors())
		}
	})
}

func TestLook(t *testing.T) {
	p, err := load.Look(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if p.Peak < p.Resident || p.Resident < 1<<20 || p.CPU < 0 {
		t.Errorf("%+v", p)
	}
}
