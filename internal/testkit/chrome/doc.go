// Package chrome drives headless Chromium for tests with the build tag browser:
// tabs that notice every complaint, what the pages of a sign-in show, and the
// authenticator of a device.
//
// A tab fails its test on any error or warning in the console, any exception,
// any violation of the content security policy, any dialog, and any request to
// a host that the test did not name, unless the test allows it (Tab.Allow).
// The browser keeps its own rules: no check here switches a policy of a page
// off.
//
// LATCHKEY_CHROMIUM names the browser (default chromium). Without one the test
// is skipped, or fails where LATCHKEY_REQUIRE_ALL=1.
package chrome
