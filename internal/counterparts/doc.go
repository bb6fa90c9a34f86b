// Package counterparts holds no code but tests: the identity provider, on a
// real socket, against service providers that other people wrote, each
// registered from its own metadata where it has some:
//
//	crewjam/saml samlsp      Go
//	SimpleSAMLphp            PHP; Debian's package, run by scripts/simplesamlphp/router.php
//	mod_auth_mellon          C, in Apache; Debian's packages, set up by scripts/mod-auth-mellon
//	@node-saml/node-saml     Node.js; run by scripts/node-saml/sp.js
//	python3-saml             Python; run by scripts/python3-saml/sp.py
//	Apache CXF Fediz         Java; WS-Federation, run by scripts/fediz/Application.java
//
// TestBehaviours runs the same behaviours with all of them that speak SAML 2.0: a
// new behaviour is a row of behaviours, a new counterpart one of counterparts. The
// table that is printed at the end is what came out. The other tests are about
// what one counterpart does in its own way.
//
// What each is sent is also judged by xmllint against the OASIS schemas and by
// xmlsec1. A service provider that is not installed skips its test, or fails
// it where LATCHKEY_REQUIRE_ALL is 1; then the run also fails if one of them
// was not exercised. scripts/deps.sh installs all of them on Debian.
package counterparts
