package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

const (
	// settle is the time after which nothing is written any more that was begun
	// within an hour: functions stop before.
	settle = 6 * time.Minute

	// late is when an hour must have its checkpoint; they are made once an hour.
	late = 2 * time.Hour

	// recent checkpoints are looked at for one that is genuine.
	recent = 100

	// overtaken is how often an hour may be found closed by somebody else, and
	// still due.
	overtaken = 4
)

// closeDue makes the checkpoints that are due, the oldest first, and returns the
// first hour that it closed, or now. Several may run at once.
func (v *Verifier) closeDue(ctx context.Context) (first time.Time, err error) {
	first = v.Clock().UTC()
	var before time.Time
	for tries := 1; ; tries++ {
		now := v.Clock().UTC()
		hour, last, err := v.due(ctx, now)
		if err != nil {
			return first, err
		}
		if now.Sub(hour) < time.Hour+settle {
			return first, nil
		}
		if hour.Before(first) {
			first = hour
		}
		if !hour.Equal(before) {
			before, tries = hour, 1
		}
		if tries > overtaken {
			return first, idp.E(idp.Busy, "hour %s of the audit trail has a checkpoint that cannot be seen", hour.Format(idp.AuditHour))
		}
		if err := v.close(ctx, now, hour, last); err != nil {
			return first, fmt.Errorf("close hour of the audit trail: %w", err)
		}
	}
}

// due is the hour that the next checkpoint is for, and the newest genuine
// checkpoint (nil before the first). Whoever puts something in the place of a
// checkpoint makes a finding, and does not stop the next ones.
func (v *Verifier) due(ctx context.Context, now time.Time) (hour time.Time, last *idp.AuditCheckpoint, err error) {
	found, err := v.Store.AuditCheckpoints(ctx, now, recent)
	if err != nil {
		return hour, nil, err
	}
	if len(found) == 0 {
		return now.Add(-settle).Truncate(time.Hour).Add(-time.Hour), nil, nil
	}
	last, bad := newest(sealer{v.Masters}, found)
	if last == nil {
		v.alert(ctx, Hour{Hour: found[0].Hour, Findings: []Finding{{Kind: BadCheckpoint}}, Wrong: bad})
		return hour, nil, errors.New("none of the newest checkpoints of the audit trail is genuine")
	}
	hour, err = time.Parse(idp.AuditHour, last.Hour)
	for taken := true; taken && err == nil; {
		hour = hour.Add(time.Hour)
		name := hour.Format(idp.AuditHour)
		taken = slices.ContainsFunc(found[:bad], func(c idp.AuditCheckpoint) bool { return c.Hour == name })
	}
	return hour, last, err
}

// newest finds the first genuine one of some checkpoints, and how many are in
// front of it that are not.
func newest(s sealer, found []idp.AuditCheckpoint) (genuine *idp.AuditCheckpoint, bad int) {
	for i := range found {
		if s.genuine(&found[i]) {
			return &found[i], i
		}
	}
	return nil, len(found)
}

// close makes the checkpoint of an hour.
func (v *Verifier) close(ctx context.Context, now, hour time.Time, last *idp.AuditCheckpoint) error {
	c := idp.AuditCheckpoint{N: 1, At: idp.At(now), Key: v.Masters.Newest()}
	if last != nil {
		c.N, c.Prev = int(hour.Sub(last.First())/time.Hour)+1, last.MAC
	}
	x, err := v.examine(ctx, hour)
	if err != nil {
		return err
	}
	c.Hour, c.Events, c.Digest = x.Hour.Hour, x.Events, x.digest.Sum(nil)
	if c.MAC, err = (sealer{v.Masters}).checkpoint(&c); err != nil {
		return err
	}
	if err := v.Store.AddAuditCheckpoint(ctx, &c); errors.Is(err, store.ErrExists) {
		return nil // somebody else was faster
	} else if err != nil {
		return err
	}
	v.Log.InfoContext(ctx, "an hour of the audit trail was closed", "event", "audit.checkpoint",
		"hour", c.Hour, "checkpoint", c.N, "events", c.Events, "mac", hex.EncodeToString(c.MAC))
	return nil
}
