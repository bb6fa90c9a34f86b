package web

import "net/http"

// Mux is where the functions mount their routes, by the patterns of
// http.ServeMux. It is as small as that so that the routes can also be listed.
type Mux interface {
	Handle(pattern string, h http.Handler)
}
