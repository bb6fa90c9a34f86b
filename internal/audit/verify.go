package audit

import (
	"bytes"
	"context"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// Enough is the number of events after which Verify stops at the end of an hour.
const Enough = 20_000

// Verify checks the hours of a day (UTC) from one on, 0 to 23, until it has
// seen Enough; next is the hour to go on with, or 24. Hours that have not begun
// are left out. Events are kept for store.AuditKeep: of a day that is older,
// Verify would miss what is not kept any more.
func (v *Verifier) Verify(ctx context.Context, day time.Time, from int) (hours []Hour, next int, err error) {
	now := v.Clock().UTC()
	day = day.UTC().Truncate(24 * time.Hour)
	points, err := v.points(ctx, day, now)
	if err != nil {
		return nil, 0, err
	}
	seen := 0
	for next = from; next < 24; next++ {
		hour := day.Add(time.Duration(next) * time.Hour)
		if seen >= Enough {
			return hours, next, nil
		}
		if hour.After(now) {
			break
		}
		x, err := v.examine(ctx, hour)
		if err != nil {
			return nil, 0, err
		}
		points.compare(x, hour, now)
		hours = append(hours, x.Hour)
		seen += x.Events
	}
	return hours, 24, nil
}

// checkpoints are those that a day is judged by.
type checkpoints struct {
	sealer
	byHour map[string]*idp.AuditCheckpoint
	first  time.Time // hour of the deployment's first; zero: there is none
}

// points reads the checkpoints of a day and of the hour before it, and since
// when there are any.
func (v *Verifier) points(ctx context.Context, day, now time.Time) (*checkpoints, error) {
	p := &checkpoints{sealer: sealer{v.Masters}, byHour: map[string]*idp.AuditCheckpoint{}}
	found, err := v.Store.AuditCheckpoints(ctx, day.Add(24*time.Hour), recent)
	if err != nil {
		return nil, err
	}
	for i := range found {
		p.byHour[found[i].Hour] = &found[i]
	}
	latest, err := v.Store.AuditCheckpoints(ctx, now, recent)
	if err != nil {
		return nil, err
	}
	if c, _ := newest(p.sealer, latest); c != nil {
		p.first = c.First()
	}
	return p, nil
}

// compare holds an hour against its checkpoint.
func (p *checkpoints) compare(x *examination, hour, now time.Time) {
	c := p.byHour[x.Hour.Hour]
	if c == nil {
		p.without(x, hour, now)
		return
	}
	x.State = Closed
	if !p.genuine(c) {
		x.find(BadCheckpoint, "", "the checkpoint was not made by this deployment")
		return
	}
	x.Checkpoint, x.Number = c.MAC, c.N
	if before := p.byHour[hour.Add(-time.Hour).Format(idp.AuditHour)]; before != nil && p.genuine(before) &&
		(c.N != before.N+1 || !bytes.Equal(c.Prev, before.MAC)) {
		x.find(BadCheckpoint, "", "the checkpoint does not follow that of the hour before")
	}
	if c.Events != x.Events {
		x.find(Changed, "", "the hour has %d events and had %d when it was over", x.Events, c.Events)
	} else if !bytes.Equal(c.Digest, x.digest.Sum(nil)) {
		x.find(Changed, "", "the events are not those that were there when the hour was over")
	}
}

// without judges an hour that has no checkpoint.
func (p *checkpoints) without(x *examination, hour, now time.Time) {
	switch {
	case now.Sub(hour) < time.Hour+late:
		x.State = Open
	case x.Events == 0 && (p.first.IsZero() || hour.Before(p.first)):
		x.State = Before
	default:
		x.State = None
		x.find(NoCheckpoint, "", "the hour has no checkpoint, and should have one since %s", hour.Add(time.Hour+late).Format(time.DateTime))
	}
}

// Kept reports whether all events of a day are still there.
func Kept(day, now time.Time) bool {
	return now.Sub(day.UTC().Truncate(24*time.Hour)) < store.AuditKeep
}
