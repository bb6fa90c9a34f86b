package originsecret_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/latchkey-idp/latchkey/internal/originsecret"
)

const (
	arn   = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:origin-AbCdEf"
	first = "TEST-ONLY-the-first-value"
	next  = "TEST-ONLY-the-next-value"
	last  = "TEST-ONLY-the-last-value"
)

// world is Secrets Manager and the time.
type world struct {
	current, previous string
	down              error
	calls             int
	now               time.Time
	log               bytes.Buffer
}

func (w *world) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	w.calls++
	if w.down != nil {
		return nil, w.down
	}
	value := map[string]string{"AWSCURRENT": w.current, "AWSPREVIOUS": w.previous}[*in.VersionStage]
	if value == "" || *in.SecretId != arn {
		return nil, &types.ResourceNotFoundException{}
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: &value}, nil
}

func open() (*world, *originsecret.Secret) {
	w := &world{current: first, now: time.Unix(1_800_000_000, 0)}
	return w, originsecret.New(w, arn, func() time.Time { return w.now }, slog.New(slog.NewTextHandler(&w.log, nil)))
}

// says checks what is accepted, and that no value is logged.
func says(t *testing.T, w *world, s *originsecret.Secret, want map[string]bool) {
	t.Helper()
	for presented, ok := range want {
		if got, err := s.Check(t.Context(), presented); got != ok || err != nil {
			t.Errorf("%q: %v, %v", presented, got, err)
		}
	}
	if strings.Contains(w.log.String(), "TEST-ONLY") {
		t.Errorf("the log has a secret: %s", &w.log)
	}
}

func TestAccepted(t *testing.T) {
	w, s := open()
	says(t, w, s, map[string]bool{first: true, "": false, "guess": false, first + "x": false, first[:16]: false, first + "," + first: false})
	if w.calls != 2 {
		t.Errorf("%d calls", w.calls)
	}
	t.Run("nothing presented, nothing asked", func(t *testing.T) {
		w, s := open()
		if ok, err := s.Check(t.Context(), ""); ok || err != nil || w.calls != 0 {
			t.Errorf("%v, %v, %d calls", ok, err, w.calls)
		}
	})
	t.Run("a secret that is short or empty is none", func(t *testing.T) {
		for _, value := range []string{"", "short"} {
			w, s := open()
			w.current = value
			if ok, err := s.Check(t.Context(), "short"); ok || err == nil {
				t.Errorf("%q: %v, %v", value, ok, err)
			}
		}
	})
}

func TestReplacing(t *testing.T) {
	w, s := open()
	says(t, w, s, map[string]bool{first: true})
	w.current, w.previous = next, first
	w.now = w.now.Add(originsecret.Pause)
	says(t, w, s, map[string]bool{next: true, first: true}) // CloudFront sends both while it is updated
	w.current, w.previous = last, next
	w.now = w.now.Add(originsecret.Fresh)
	says(t, w, s, map[string]bool{last: true, next: true, first: false})
}

// TestGuessing: wrong secrets cause no calls but one reading in a Pause.
func TestGuessing(t *testing.T) {
	w, s := open()
	says(t, w, s, map[string]bool{first: true})
	for range 1000 {
		says(t, w, s, map[string]bool{"guess": false, first: true})
		w.now = w.now.Add(100 * time.Millisecond)
	}
	if most := 2 + 2*10; w.calls > most {
		t.Errorf("%d calls in 100 s, at most %d are due", w.calls, most)
	}
}

func TestSecretsManagerIsDown(t *testing.T) {
	t.Run("from the beginning", func(t *testing.T) {
		w, s := open()
		w.down = errors.New("500")
		for range 5 {
			if ok, err := s.Check(t.Context(), first); ok || !errors.Is(err, w.down) {
				t.Errorf("%v, %v", ok, err)
			}
		}
		if w.calls != 1 {
			t.Errorf("%d calls", w.calls)
		}
		w.down, w.now = nil, w.now.Add(originsecret.FirstPause)
		says(t, w, s, map[string]bool{first: true})
	})
	t.Run("what was known counts for an hour", func(t *testing.T) {
		w, s := open()
		says(t, w, s, map[string]bool{first: true})
		w.down = errors.New("500")
		w.now = w.now.Add(originsecret.Stale - time.Second)
		says(t, w, s, map[string]bool{first: true, "guess": false})
		if !strings.Contains(w.log.String(), "edge.secret.unavailable") {
			t.Error("nothing in the log")
		}
		w.now = w.now.Add(time.Second)
		if ok, err := s.Check(t.Context(), first); ok || err == nil {
			t.Errorf("after an hour: %v, %v", ok, err)
		}
	})
	t.Run("the value before cannot be read", func(t *testing.T) {
		w, s := open()
		w.previous = "short"
		if ok, err := s.Check(t.Context(), first); ok || err == nil {
			t.Errorf("%v, %v", ok, err)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	w, s := open()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if ok, err := s.Check(t.Context(), first); !ok || err != nil {
				t.Errorf("%v, %v", ok, err)
			}
		})
	}
	all.Wait()
	if w.calls != 2 {
		t.Errorf("%d calls", w.calls)
	}
}
