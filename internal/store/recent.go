package store

import (
	"sync"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

const maxRecent = 500

// recent remembers service providers that were read a moment ago, by entityID.
type recent struct {
	mu  sync.Mutex
	sps map[string]seen
}

type seen struct {
	sp idp.ServiceProvider
	at time.Time
}

func (r *recent) keep(sp *idp.ServiceProvider, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sps == nil || len(r.sps) >= maxRecent {
		r.sps = map[string]seen{}
	}
	r.sps[sp.EntityID] = seen{*sp, now}
}

func (r *recent) get(entityID string, now time.Time) *idp.ServiceProvider {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.sps[entityID]
	if !ok || now.Sub(s.at) >= recentFor || now.Before(s.at) {
		return nil
	}
	sp := s.sp
	return &sp
}

func (r *recent) drop(entityID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sps, entityID)
}
