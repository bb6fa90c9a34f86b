package signaudit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
)

const (
	margin   = 5 * time.Minute // on both sides of the day, for what has its other half there
	delivery = time.Hour       // CloudTrail delivers within some 15 minutes
)

// Logs are groups of log entries.
type Logs interface {
	// Read passes on the entries of a group that match a filter, from one time up
	// to another.
	Read(ctx context.Context, group, filter string, from, to time.Time, keep func(message string) error) error
}

// Check compares a day of CloudTrail with the functions' logs.
type Check struct {
	Logs    Logs
	Trail   string   // log group of CloudTrail
	Groups  []string // log groups of the functions that sign
	Roles   []string // ARNs of their roles
	Keys    []string // ARNs of the signing keys
	Clock   idp.Clock
	Log     *slog.Logger
	Metrics obs.Metrics
}

// Yesterday compares the day before (UTC) and says loudly what it finds.
func (c *Check) Yesterday(ctx context.Context) error {
	to := c.Clock().UTC().Truncate(24 * time.Hour)
	r, err := c.compare(ctx, to.Add(-24*time.Hour), to)
	if err != nil {
		return err
	}
	for _, f := range r.Findings {
		c.Metrics.Count(obs.SignUnexplained, nil)
		c.Log.ErrorContext(ctx, "the signing key was used by somebody else, or its use was not recorded", "event", "alert", "reason", "sign."+f.Kind,
			"request_id", f.RequestID, "since", f.At.UTC().Format(time.RFC3339), "detail", f.Words)
	}
	c.Log.InfoContext(ctx, "the uses of the signing key were compared", "event", "sign.compared",
		"since", to.Add(-24*time.Hour).Format(time.DateOnly), "count", r.Signs, "unanswered", r.Unanswered, "findings", len(r.Findings))
	return nil
}

func (c *Check) compare(ctx context.Context, from, to time.Time) (Result, error) {
	var signs []Sign
	err := c.Logs.Read(ctx, c.Trail, trailFilter, from.Add(-margin), to.Add(delivery), func(message string) error {
		s, ok, err := readSign(message, c.Keys)
		if ok {
			signs = append(signs, s)
		}
		return err
	})
	if err != nil {
		return Result{}, fmt.Errorf("read %s: %w", c.Trail, err)
	}
	var lines []Line
	for _, group := range c.Groups {
		err := c.Logs.Read(ctx, group, lineFilter, from.Add(-margin), to.Add(margin), func(message string) error {
			l, ok, err := readLine(message, c.Keys)
			if ok {
				lines = append(lines, l)
			}
			return err
		})
		if err != nil {
			return Result{}, fmt.Errorf("read %s: %w", group, err)
		}
	}
	return Compare(signs, lines, c.Roles, from, to), nil
}
