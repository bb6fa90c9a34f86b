package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// AuditKeep is how long audit events are kept.
const AuditKeep = 400 * 24 * time.Hour

// sealed is the envelope of an audit event. Programs that know no seals read it
// as any other.
type sealed struct {
	envelope
	Seal *idp.AuditSeal `json:"seal,omitempty"`
}

// AppendAudit stores an event, given as its JSON, with its seal.
func (s *Store) AppendAudit(ctx context.Context, at time.Time, id string, value []byte, seal *idp.AuditSeal) error {
	data, err := json.Marshal(sealed{envelope{schema, value}, seal})
	if err != nil {
		return fmt.Errorf("encode audit event: %w", err)
	}
	_, err = s.table.Put(ctx, table.Item{Key: auditKey(at, id), Expires: at.Add(AuditKeep), Data: data})
	return outside("write audit event", err)
}

// NotAudited is that a change was not made because its event could not be written.
func NotAudited(e idp.AuditEvent, err error) error {
	reason := idp.StoreUnavailable
	if idp.CodeOf(err) == idp.Busy {
		reason = idp.Reason(idp.AsError(err).LogReason())
	}
	return &idp.Error{Code: idp.Busy, Reason: reason, Detail: "audit write failed, " + e.Event + " not done", Err: err}
}

// OpenAudit decodes what AuditItems gives: the event's JSON, as it is stored,
// and its seal (nil: none).
func OpenAudit(data []byte) (value []byte, seal *idp.AuditSeal, err error) {
	var e sealed
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, nil, fmt.Errorf("decode audit event: %w", err)
	}
	return e.Value, e.Seal, nil
}

func auditKey(day time.Time, id string) table.Key {
	return table.Key{PK: "AUDIT#" + day.UTC().Format(time.DateOnly), SK: id}
}

// Events lists the events of one day (UTC), newest first, up to limit, after a
// cursor. In place of what is not an event it has idp.AuditUnreadable.
func (s *Store) Events(ctx context.Context, day time.Time, after string, limit int) (out []idp.AuditEvent, next string, err error) {
	q := table.Query{PK: auditKey(day, "").PK, After: after, Reverse: true}
	next, err = listItems(ctx, s, q, limit, func(item table.Item) error {
		var e idp.AuditEvent
		if err := decode(item.Data, &e); err != nil {
			e = idp.AuditEvent{ID: item.SK, Event: idp.AuditUnreadable}
		}
		out = append(out, e)
		return nil
	})
	return out, next, err
}

// auditPage is how many items AuditItems asks for at once: about 1 MB.
const auditPage = 1000

// AuditItems passes on everything that is stored for an hour of the trail, in
// order and undecoded. The first and the last hour of a day hold what has no
// proper id, too: between them they miss nothing of the day's partition.
func (s *Store) AuditItems(ctx context.Context, hour time.Time, keep func(id string, data []byte)) error {
	hour = hour.UTC().Truncate(time.Hour)
	q := table.Query{PK: auditKey(hour, "").PK, Limit: auditPage}
	if hour.Hour() > 0 {
		q.After = idTime(hour) // which is before every id of that time
	}
	end := ""
	if hour.Hour() < 23 {
		end = idTime(hour.Add(time.Hour))
	}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return outside("list "+q.PK, err)
		}
		for _, item := range page.Items {
			if end != "" && item.SK > end {
				return nil
			}
			keep(item.SK, item.Data)
		}
		if q.After = page.After; q.After == "" {
			return nil
		}
	}
}

// idTime is how the ids of a time begin.
func idTime(t time.Time) string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(t)) // fails from the year 10889 on
	return id.String()[:10]
}

func checkpointKey(hour string) table.Key { return table.Key{PK: "AUDITCHECK", SK: hour} }

// AuditCheckpoints lists the newest checkpoints of hours before one, up to
// limit, the newest first. What cannot be read is listed with its hour only.
func (s *Store) AuditCheckpoints(ctx context.Context, before time.Time, limit int) ([]idp.AuditCheckpoint, error) {
	q := table.Query{PK: checkpointKey("").PK, After: before.UTC().Format(idp.AuditHour), Reverse: true, Limit: limit}
	page, err := s.table.Query(ctx, q)
	if err != nil {
		return nil, outside("list checkpoints", err)
	}
	out := make([]idp.AuditCheckpoint, len(page.Items))
	for i, item := range page.Items {
		if err := decode(item.Data, &out[i]); err != nil || out[i].Hour != item.SK {
			out[i] = idp.AuditCheckpoint{Hour: item.SK}
		}
	}
	return out, nil
}

// AddAuditCheckpoint stores a checkpoint; ErrExists if its hour has one. It is
// kept a little longer than the events that it is about.
func (s *Store) AddAuditCheckpoint(ctx context.Context, c *idp.AuditCheckpoint) error {
	_, err := put(ctx, s, checkpointKey(c.Hour), 0, c.At.Time().Add(AuditKeep+24*time.Hour), c)
	if errors.Is(err, ErrConflict) {
		return ErrExists
	}
	return err
}
