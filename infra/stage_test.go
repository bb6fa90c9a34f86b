package infra_test

import (
	"encoding/json"
	"slices"
	"testing"
)

// The stage's settings for single routes are refused ("unable to find route")
// unless the routes are made before it, and stay until it is gone.
func throttledRoutesAreThere(t *testing.T, template string) {
	t.Helper()
	var parsed struct {
		Resources map[string]struct {
			DependsOn  any
			Properties struct {
				RouteKey      string
				RouteSettings map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(template), &parsed); err != nil {
		t.Fatal(err)
	}
	routes := map[string]string{} // route -> resource
	for name, r := range parsed.Resources {
		routes[r.Properties.RouteKey] = name
	}
	stage := parsed.Resources["Stage"]
	if len(stage.Properties.RouteSettings) == 0 {
		t.Error("no route has settings of its own")
	}
	for route := range stage.Properties.RouteSettings {
		if name, ok := routes[route]; !ok || !slices.Contains(flat(stage.DependsOn), name) {
			t.Errorf("%s is not made before the stage", route)
		}
	}
}
