// Package browsertest holds no code but tests, with the build tag browser: the
// whole identity provider and a service provider (crewjam/saml samlsp) on
// sockets of their own, seen through headless Chromium. The phone knows
// nothing but what is in a screenshot.
//
// Each test fails on any message in the console, any violation of the content
// security policy, and any request to a third party. The single states of the
// pages are tested next to them, in internal/web/pages.
//
// With LATCHKEY_SCREENSHOTS=FOLDER the pictures of the documentation are
// written there (scripts/screenshots.sh).
package browsertest
