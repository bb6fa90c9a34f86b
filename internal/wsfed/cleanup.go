package wsfed

import (
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// CleanupURL is the address at which an application ends its session in the
// browser that visits it (WS-Federation 1.2, 13.2.5): its default reply URL.
// Empty: it has none.
func CleanupURL(sp *idp.ServiceProvider) string {
	to := sp.DefaultACS()
	if to == nil {
		return ""
	}
	separator := "?"
	if strings.Contains(to.Location, "?") {
		separator = "&"
	}
	return to.Location + separator + "wa=wsignoutcleanup1.0"
}
