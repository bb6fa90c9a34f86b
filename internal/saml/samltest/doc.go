// Package samltest plays the service providers of the tests: it makes
// AuthnRequests, signs them in every way that a test wants, right or wrong, and
// encodes them for the bindings.
//
// A, B and C are the service providers of the security requirements: A must
// sign its requests, B need not, C is disabled. Their keys are made once per
// process and are for tests only.
package samltest
