package metadata

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"PT6H": 6 * time.Hour, "P1D": 24 * time.Hour, "PT1H30M": 90 * time.Minute, "P0Y0M0DT6H0M0.000S": 6 * time.Hour,
		"P1M": 30 * 24 * time.Hour, "PT3600S": time.Hour, "P999999Y": 10 * 365 * 24 * time.Hour,
		"": 0, "P": 0, "PT0S": 0, "-PT6H": 0, "6h": 0, "PT6H ": 0, "PT9999999999H": 0,
	} {
		if got, ok := duration(s); got != want || ok != (want > 0) {
			t.Errorf("%q = %v, %v; want %v", s, got, ok, want)
		}
	}
}
