package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table/tabletest"
)

// TestManyServiceProviders: lists of thousands come in few requests.
func TestManyServiceProviders(t *testing.T) {
	f := newStore(t)
	const n = 1_201
	for i := range n {
		sp := &idp.ServiceProvider{EntityID: fmt.Sprintf("https://sp%04d.test", i), Slug: fmt.Sprintf("sp%04d", i)}
		ok(t, f.SaveServiceProvider(t.Context(), sp))
	}
	m := tabletest.NewMetered(f.table)
	s := store.New(m, func() time.Time { return f.at().Time() })
	all, err := s.ServiceProviders(t.Context())
	ok(t, err)
	if b := m.Take(); len(all) != n || b.ReadRequests != 2 {
		t.Errorf("%d listed in %d requests", len(all), b.ReadRequests)
	}
	ok(t, f.DeleteServiceProvider(t.Context(), all[7].EntityID)) // meanwhile
	sps, err := s.ServiceProvidersOf(t.Context(), all)
	ok(t, err)
	if b := m.Take(); len(sps) != n-1 || sps[7].EntityID != all[8].EntityID || sps[7].Version != 1 || b.ReadRequests != 13 {
		t.Errorf("%d read in %d requests", len(sps), b.ReadRequests)
	}
}
