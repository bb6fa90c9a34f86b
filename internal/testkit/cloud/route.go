package cloud

import (
	"net/url"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// match finds the route of a request as the gateway does: segment by segment,
// the most specific one first - full matches, then those with variables, then
// greedy ones ("Routing API requests" of the Developer Guide). Paths are taken
// as they come: an empty segment is a segment, and nothing resolves dots.
func match(routes []sam.Route, method, escapedPath string) (best sam.Route, params map[string]string, ok bool) {
	segments := strings.Split(escapedPath, "/")
	found := 0
	for _, r := range routes {
		wantMethod, pattern, _ := strings.Cut(r.Key, " ")
		if wantMethod != method && wantMethod != "ANY" {
			continue
		}
		p, rank := matchPath(strings.Split(pattern, "/"), segments)
		if wantMethod == method {
			rank *= 2
		}
		if p != nil && rank > found {
			best, params, found = r, p, rank
		}
	}
	return best, params, found > 0
}

// Ranks of matches.
const (
	greedy   = 1
	variable = 10
	full     = 100
)

func matchPath(pattern, segments []string) (params map[string]string, rank int) {
	params, rank = map[string]string{}, full
	for i, want := range pattern {
		name, isVariable := strings.CutPrefix(want, "{")
		name = strings.TrimSuffix(name, "}")
		switch {
		case i >= len(segments):
			return nil, 0
		case isVariable && strings.HasSuffix(name, "+"):
			rest := decoded(strings.Join(segments[i:], "/"))
			if rest == "" {
				return nil, 0
			}
			params[strings.TrimSuffix(name, "+")] = rest
			return params, greedy
		case isVariable:
			if segments[i] == "" {
				return nil, 0
			}
			params[name], rank = decoded(segments[i]), variable
		case decoded(segments[i]) != want:
			return nil, 0
		}
	}
	if len(segments) > len(pattern) {
		return nil, 0
	}
	return params, rank
}

func decoded(s string) string {
	if d, err := url.PathUnescape(s); err == nil {
		return d
	}
	return s
}
