package mdrefresh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// How often metadata is looked at: its cacheDuration, within these.
const (
	least   = time.Hour
	most    = 24 * time.Hour
	usually = 6 * time.Hour // where it does not say

	again = 3 // times that a change is tried when somebody else writes, too

	// enough is the time that the slowest file may take: without it none is
	// begun, or our lack of time would look like the other side's failure.
	enough = aggregateTimeout + 5*time.Second
)

// Runner refreshes.
type Runner struct {
	Store   *store.Store
	Audit   *audit.Trail
	Fetcher *Fetcher
	Clock   idp.Clock
	Log     *slog.Logger
}

// Outcomes of a refresh.
const (
	Unchanged = "unchanged"
	Applied   = "applied"
	Pending   = "pending"
	Failed    = "failed"
	Gone      = "gone" // the service provider was removed
)

// Outcome is what became of one source.
type Outcome struct {
	Result  string
	Source  *idp.MetadataSource // as it is now
	Changes []idp.MetadataChange
	Reasons []string // why they wait
}

// Run refreshes all that are due, the longest due first, and counts the
// outcomes. An aggregate that several come from is fetched once. What ctx
// leaves no time for comes first the next time.
func (r *Runner) Run(ctx context.Context) (map[string]int, error) {
	sources, err := r.Store.MetadataSources(ctx)
	if err != nil {
		return nil, err
	}
	now := r.Clock.Now()
	sources = slices.DeleteFunc(sources, func(s *idp.MetadataSource) bool { return !s.NextAt.Over(now) })
	slices.SortStableFunc(sources, func(a, b *idp.MetadataSource) int { return int(a.NextAt.Sub(b.NextAt)) })
	count := map[string]int{}
	var wrong []error
	for len(sources) > 0 && ctx.Err() == nil && timeLeft(ctx) {
		var group []*idp.MetadataSource
		group, sources = split(sources)
		outcomes, err := r.group(ctx, idp.ActorRefresh, group)
		if err != nil { // the others must not wait for it, hour after hour
			wrong = append(wrong, err)
		}
		for _, o := range outcomes {
			count[o.Result]++
		}
	}
	r.Log.InfoContext(ctx, "metadata was refreshed", "event", "metadata.refresh", "unchanged", count[Unchanged],
		"applied", count[Applied], "pending", count[Pending], "failed", count[Failed], "left", len(sources), "errors", len(wrong))
	return count, errors.Join(wrong...)
}

func timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) >= enough
}

// split takes the first source and those that come from the same file.
func split(sources []*idp.MetadataSource) (group, rest []*idp.MetadataSource) {
	first := sources[0]
	for _, s := range sources {
		if s == first || s.MDQ == "" && first.MDQ == "" && s.URL == first.URL && s.Aggregate == first.Aggregate && slices.Equal(s.PinnedCert, first.PinnedCert) {
			group = append(group, s)
		} else {
			rest = append(rest, s)
		}
	}
	return group, rest
}

// Loop runs at once and then every so often, until ctx ends.
func (r *Runner) Loop(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if _, err := r.Run(ctx); err != nil && ctx.Err() == nil {
			r.Log.ErrorContext(ctx, "metadata could not be refreshed", "event", "metadata.refresh", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// One refreshes one service provider now, due or not; store.ErrNotFound if its
// metadata comes from no address.
func (r *Runner) One(ctx context.Context, actor, entityID string) (Outcome, error) {
	src, err := r.Store.MetadataSource(ctx, entityID)
	if err != nil {
		return Outcome{}, err
	}
	outcomes, err := r.group(ctx, actor, []*idp.MetadataSource{src})
	if err != nil {
		return Outcome{}, err
	}
	return outcomes[0], nil
}

// group refreshes the sources of one file. Its error is the store's.
func (r *Runner) group(ctx context.Context, actor string, group []*idp.MetadataSource) ([]Outcome, error) {
	ask := *group[0]
	var wanted []string
	for _, s := range group {
		wanted = append(wanted, s.EntityID)
		if s.ETag != ask.ETag || s.LastModified != ask.LastModified {
			ask.ETag, ask.LastModified = "", "" // what is unchanged for one is not for all
		}
	}
	got, err := r.Fetcher.query(ctx, &ask, true, wanted...)
	group[0].MDQ = ask.MDQ // as the server knows it
	if ctx.Err() != nil {
		return nil, ctx.Err() // it was we who gave up
	}
	var out []Outcome
	var wrong []error
	for _, s := range group {
		o, err := r.settle(ctx, actor, s, got, err)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("refresh %s: %w", s.EntityID, err))
			continue
		}
		out = append(out, o)
	}
	return out, errors.Join(wrong...)
}

// settle draws the conclusions for one source, anew if somebody else writes.
func (r *Runner) settle(ctx context.Context, actor string, src *idp.MetadataSource, got *fetched, failure error) (Outcome, error) {
	for n := 1; ; n++ {
		o, err := r.conclude(ctx, actor, src, got, failure)
		if errors.Is(err, table.ErrTooLarge) && failure == nil {
			failure = idp.E(idp.Invalid, "the metadata of this entity is too large to be stored")
			continue
		}
		if !errors.Is(err, store.ErrConflict) || n == again {
			return o, err
		}
		if src, err = r.Store.MetadataSource(ctx, src.EntityID); err != nil {
			return Outcome{Result: Gone, Source: &idp.MetadataSource{}}, ignoreGone(err)
		}
	}
}

func ignoreGone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

func (r *Runner) conclude(ctx context.Context, actor string, before *idp.MetadataSource, got *fetched, failure error) (Outcome, error) {
	src := *before
	sp, err := r.Store.ServiceProvider(ctx, src.EntityID)
	if errors.Is(err, store.ErrNotFound) {
		return Outcome{Result: Gone, Source: &src}, r.Store.DeleteMetadataSource(ctx, src.EntityID)
	}
	if err != nil {
		return Outcome{}, err
	}
	var in metadata.Result
	if failure == nil && !got.unchanged {
		in = got.entities[src.EntityID]
		failure = told(in.Err)
	}
	switch {
	case failure != nil:
		return r.fail(ctx, actor, &src, failure)
	case got.unchanged:
		well(&src, r.Clock.Now())
		return r.same(ctx, actor, &src)
	}
	d := Decide(src.Facts, in.Facts, Trust{
		Verified: in.SP.MetadataSigned == metadata.Verified,
		Allowed:  src.TrustURL,
		Expired:  !in.ValidUntil.IsZero() && !r.Clock().Before(in.ValidUntil),
	})
	switch {
	case d.Apply():
		return r.apply(ctx, actor, sp, &src, in.Imported, got, d)
	case d.Wait():
		return r.wait(ctx, actor, &src, in.Imported, got, d)
	default:
		accept(&src, in.Imported, got, r.Clock.Now())
		if sp.MetadataSigned != src.Signature {
			return r.vouched(ctx, actor, sp, &src)
		}
		return r.same(ctx, actor, &src)
	}
}
