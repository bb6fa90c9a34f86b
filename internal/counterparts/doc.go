// Package counterparts holds no code but tests: the identity provider, on a
// real socket, against service providers that other people wrote, each
// registered from its own metadata where it has some:
//
//	crewjam/saml samlsp      Go
//	SimpleSAMLphp            PHP; Debian's package, run by scripts/simplesamlphp/router.php
//	@node-saml/node-saml     Node.js; run by scripts/node-saml/sp.js
//	Apache CXF Fediz         Java; WS-Federation, run by scripts/fediz/Application.java
//
// What each is sent is also judged by xmllint against the OASIS schemas and by
// xmlsec1. A service provider that is not installed skips its test, or fails
// it where LATCHKEY_REQUIRE_ALL is 1; then the run also fails if one of them
// was not exercised. scripts/deps.sh installs all of them on Debian.
package counterparts
