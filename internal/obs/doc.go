// Package obs is what the program tells its operators: a structured log and
// metrics.
//
// Invariants:
//
//   - The log has a closed list of keys. The value of any other key, and any
//     value that is not a plain scalar, error or idp.Secret, is masked.
//   - What looks like a bearer value, a QR frame, markup or an e-mail address
//     is masked inside every string, also in messages and error texts. This is
//     the second line of defence: callers do not pass such values at all.
//   - Metrics carry dimensions from closed lists only, never a person, session
//     or address.
package obs
