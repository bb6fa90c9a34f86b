// Package docs embeds the documents that the program itself serves.
package docs

import (
	_ "embed"
)

//go:embed openapi.json
var openapi []byte

// OpenAPI is the description of the API, OpenAPI 3.1 as JSON. It is generated
// from openapi.yaml by `make openapi`, and a test keeps both the same.
func OpenAPI() []byte { return openapi }
