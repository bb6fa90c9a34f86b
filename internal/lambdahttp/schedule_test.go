package lambdahttp_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
)

func TestSchedule(t *testing.T) {
	event, err := os.ReadFile("../../events/refresh/schedule.json")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	opts := lambdahttp.Options{Log: slog.New(slog.NewJSONHandler(&log, nil))}
	calls := 0
	var left time.Duration
	f := lambdahttp.Schedule(func(ctx context.Context) error {
		calls++
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return nil
	}, opts)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := f(ctx, event); err != nil || calls != 1 {
		t.Errorf("%v, %d calls", err, calls)
	}
	if left > 56*time.Second {
		t.Errorf("%v of a minute are left to it; nothing is kept", left)
	}
	files, err := filepath.Glob("../../events/*/*.json")
	if err != nil || len(files) < 50 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "/schedule.json") || strings.HasSuffix(file, "foreign/eventbridge.json") {
			continue
		}
		t.Run("L1 "+file, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			log.Reset()
			if err := f(t.Context(), raw); err == nil || calls != 1 {
				t.Errorf("%v, %d calls", err, calls)
			}
			if n := strings.Count(log.String(), `"reason":"event.unknown"`); n != 1 {
				t.Errorf("log %s", log.String())
			}
		})
	}
	t.Run("what failed is told in a word", func(t *testing.T) {
		f := lambdahttp.Schedule(func(context.Context) error { return errors.New("secret words") }, opts)
		if err := f(t.Context(), event); err == nil || strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	})
}
