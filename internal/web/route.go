package web

import (
	"net/http"
	"strings"
)

// Route serves mux and renders "no such path" and "no such method", which
// ServeMux answers as plain text, in our own way.
func (s *Site) Route(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		if allow := allowed(mux, r); len(allow) > 0 {
			s.MethodNotAllowed(allow...).ServeHTTP(w, r)
			return
		}
		s.NotFound().ServeHTTP(w, r)
	})
}

// allowed lists the methods for which the path has a route.
func allowed(mux *http.ServeMux, r *http.Request) []string {
	var out []string
	for _, method := range strings.Fields("GET POST PUT PATCH DELETE") {
		probe := *r
		probe.Method = method
		if _, pattern := mux.Handler(&probe); pattern != "" {
			out = append(out, method)
		}
	}
	return out
}
