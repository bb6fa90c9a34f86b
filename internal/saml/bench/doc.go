// Package bench compares, within one run, what answering a sign-in request
// costs with the bare signature in it and with the same request through
// crewjam/saml's IdentityProvider. `make bench` runs it and judges the ratios.
package bench
