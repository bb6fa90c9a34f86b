// Package adminclient calls the admin API (internal/adminapi) for the command
// line. How a call is authenticated is an Authorizer: a bearer token in local
// mode, AWS signatures (adminclient/awsauth) for a deployed stack.
//
// Invariants: credentials are sent to the configured origin only (no redirects
// are followed), and never over plain http except to this machine.
package adminclient
