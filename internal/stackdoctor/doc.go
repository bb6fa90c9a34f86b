// Package stackdoctor looks at a deployed stack from outside, as an administrator
// with read access to the AWS account does: at what the stack consists of, and at
// what its addresses answer.
//
// It changes nothing, and looks on where one thing fails: what could not be asked
// is a finding that names the permission. Each finding has a code, a subject, and
// a text that says what to do.
package stackdoctor
