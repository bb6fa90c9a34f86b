// Package adminapi holds the requests and answers of the admin API, as types:
// internal/web/admin serves them, internal/adminclient calls them, and
// docs/openapi.yaml describes them.
//
// Every call is authenticated (a bearer token in local mode, AWS IAM behind
// API Gateway), and every call other than GET carries the header
// "X-Requested-By: latchkey". Bodies are application/json; a member that is
// not listed here is refused. Errors are application/problem+json (RFC 9457)
// with a code of idp.Code; the detail of "invalid" and "conflict" says what is
// wrong with the input.
//
// Times named *_at are whole seconds since the Unix epoch; 0 or absent: never.
// Lists come in pages: pass the cursor After of a page to get the next one;
// an empty After is the end.
package adminapi

// Prefix is the path that all routes begin with.
const Prefix = "/v1/admin"

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	After string `json:"after,omitempty"` // cursor of the next page; empty: this was the last
}
