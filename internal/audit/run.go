package audit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// again is how long what is closed is looked at again, with the rest of the day
// that it begins in.
const again = 24 * time.Hour

// Verifier makes checkpoints and verifies the trail. It needs the master keys.
type Verifier struct {
	Store   *store.Store
	Masters *login.MasterKeys
	Clock   idp.Clock
	Log     *slog.Logger
	Metrics obs.Metrics
}

// Run makes the checkpoints that are due, verifies today and yesterday and all
// that it has closed, and says loudly what it finds.
func (v *Verifier) Run(ctx context.Context) error {
	first, err := v.closeDue(ctx)
	if err != nil {
		return err
	}
	today := v.Clock().UTC().Truncate(24 * time.Hour)
	oldest := today.Add(-again)
	if first.Before(oldest) {
		oldest = first.Truncate(24 * time.Hour)
	}
	var sum Hour
	for day := today; !day.Before(oldest); day = day.Add(-24 * time.Hour) { // the newest matter most if time runs out
		for from := 0; from < 24; {
			hours, next, err := v.Verify(ctx, day, from)
			if err != nil {
				return fmt.Errorf("verify audit trail of %s: %w", dayOf(day), err)
			}
			for _, h := range hours {
				sum.Events, sum.Keyless, sum.Wrong = sum.Events+h.Events, sum.Keyless+h.Keyless, sum.Wrong+h.Wrong
				if h.Wrong > 0 {
					v.alert(ctx, h)
				}
			}
			from = next
		}
	}
	v.Log.InfoContext(ctx, "the audit trail was verified", "event", "audit.verified",
		"since", dayOf(oldest), "events", sum.Events, "unauthenticated", sum.Keyless, "findings", sum.Wrong)
	return nil
}

// alert is for an hour with findings.
func (v *Verifier) alert(ctx context.Context, h Hour) {
	v.Metrics.Count(obs.AuditBroken, nil)
	f := h.Findings[0]
	v.Log.ErrorContext(ctx, "somebody has changed the audit trail", "event", "alert", "reason", "audit.broken",
		"hour", h.Hour, "finding", f.Kind, "id", f.Event, "detail", f.Words, "findings", h.Wrong)
}

// Loop runs at once and then every so often, until ctx ends.
func (v *Verifier) Loop(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := v.Run(ctx); err != nil && ctx.Err() == nil {
			v.Log.ErrorContext(ctx, "the audit trail could not be verified", "event", "audit.verified", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
