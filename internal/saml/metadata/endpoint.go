package metadata

import (
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// maxEntityID is the longest entityID (SAML Core 8.3.6), in characters.
const maxEntityID = 1024

// CheckACS refuses an AssertionConsumerService location that an answer must
// not be posted to: anything but an absolute https URL without user
// information. In local mode, http is allowed on localhost and the loopback
// addresses. It is meant for registration and, again, for use.
func CheckACS(location string, local bool) error {
	if err := checkURL(location, local); err != nil {
		return err.because(idp.ACSScheme)
	}
	return nil
}

func checkURL(location string, local bool) *Error {
	if strings.ContainsFunc(location, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) {
		return refuse("the URL %q holds spaces or control characters", clip(location))
	}
	u, err := url.Parse(location)
	switch {
	case err != nil:
		return refuse("%q is not a URL", clip(location))
	case u.Scheme == "http" && local && loopback(u.Hostname()):
		// A service provider on this very machine.
	case u.Scheme == "http" && loopback(u.Hostname()):
		return refuse("%q uses http; that is allowed for localhost in local mode only", clip(location))
	case u.Scheme != "https":
		return refuse("%q does not start with https://", clip(location))
	}
	if u.Hostname() == "" || u.User != nil {
		return refuse("%q must have a host and no user name", clip(location))
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// CheckEntityID refuses an entityID that is empty, too long or not plain
// printable text. It need not be a URL: some are "google.com/a/example.com".
func CheckEntityID(id string) error {
	switch {
	case id == "":
		return refuse("the entityID is missing")
	case utf8.RuneCountInString(id) > maxEntityID:
		return refuse("the entityID is longer than %d characters", maxEntityID)
	case strings.ContainsFunc(id, func(r rune) bool { return invisible(r) || unicode.IsSpace(r) }):
		return refuse("the entityID %q holds spaces, control or invisible characters", clip(id))
	}
	return nil
}

// clip makes text from the file fit for a message on a terminal: short, and
// without characters that cannot be seen.
func clip(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if invisible(r) && r != ' ' {
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}
