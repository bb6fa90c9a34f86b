// Package web is what all HTTP functions share: the middleware that every
// request passes (Site.Wrap), rendering of errors as page or problem+json,
// cookies, cross-site rules, and strict reading of JSON and forms. The routes
// live in the packages below it, one for each function.
//
// Invariants: every response has the headers of security-requirements.md 8.1;
// every request makes exactly one log line; a panic is one 500 and one line;
// err.Error() never reaches a client.
package web
