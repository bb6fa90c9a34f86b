package admin_test

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/latchkey-idp/latchkey/docs"
)

var document = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(docs.OpenAPI())
})

// conforms checks an answer against the description of the API: the status,
// the type and the schema.
func conforms(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	doc, err := document()
	must(t, err)
	op := operation(doc, r)
	if op == nil {
		return // a route that does not exist
	}
	described := op.Responses.Status(w.Code)
	if described == nil {
		described = op.Responses.Default()
	}
	if w.Code < 300 && described == op.Responses.Default() {
		t.Errorf("%s %s: status %d is not described", r.Method, r.URL.Path, w.Code)
	}
	if w.Body.Len() == 0 {
		return
	}
	media, _, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	must(t, err)
	content := described.Value.Content[media]
	if content == nil {
		t.Errorf("%s %s: %d as %s is not described", r.Method, r.URL.Path, w.Code, media)
		return
	}
	var body any
	must(t, json.Unmarshal(w.Body.Bytes(), &body))
	if err := content.Schema.Value.VisitJSON(body, openapi3.EnableJSONSchema2020()); err != nil {
		t.Errorf("%s %s: %d is not as described: %v", r.Method, r.URL.Path, w.Code, err)
	}
}

// operation finds the description of a call; literal parts of a path win over
// parameters.
func operation(doc *openapi3.T, r *http.Request) *openapi3.Operation {
	var found *openapi3.Operation
	for path, item := range doc.Paths.Map() {
		if op := item.GetOperation(r.Method); op != nil && pathMatches(path, r.URL.Path) && (found == nil || path == r.URL.Path) {
			found = op
		}
	}
	return found
}

func pathMatches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}
