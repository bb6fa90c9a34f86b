package metadata

import (
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Imported is a service provider with what its metadata says about itself.
type Imported struct {
	SP    *idp.ServiceProvider
	Notes []Note
	Facts idp.MetadataFacts

	ValidUntil    time.Time     // the earliest around the role; zero: it does not say
	CacheDuration time.Duration // the shortest; 0: it does not say (SAML Metadata 2.3.2)
}

// Import is ServiceProvider with the metadata's own life: what a refresh
// compares and plans with. Its errors are *Error.
func (c Candidate) Import() (*Imported, error) {
	r, err := c.read()
	if err != nil {
		return nil, err
	}
	wantSigned := flag(r.role, "WantAssertionsSigned")
	in := &Imported{SP: r.sp, Notes: r.notes, ValidUntil: r.validUntil, Facts: idp.MetadataFacts{
		EntityID: r.sp.EntityID, ACS: r.sp.ACS, SLO: r.sp.SLO,
		SigningCerts: r.sp.SigningCerts, EncryptCerts: r.sp.EncryptCerts, NameIDFormats: r.sp.NameIDFormats,
		EncryptionMethods:   r.sp.EncryptionMethods,
		AttributeServices:   r.sp.AttributeServices,
		EntityAttributes:    r.sp.EntityAttributes,
		AuthnRequestsSigned: r.sp.RequireSignedRequests, WantAssertionsSigned: wantSigned != nil && *wantSigned,
	}}
	for _, el := range append([]*etree.Element{r.role, r.entity}, c.scope...) {
		if d, ok := duration(attr(el, "cacheDuration")); ok && (in.CacheDuration == 0 || d < in.CacheDuration) {
			in.CacheDuration = d
		}
	}
	return in, nil
}

var xsDuration = regexp.MustCompile(`^P(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?$`)

// duration reads an xs:duration of at least a second (XML Schema part 2,
// 3.2.6); months are taken as 30 days and years as 365: it is a plan only.
func duration(s string) (time.Duration, bool) {
	m := xsDuration.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	seconds := 0.0
	for i, unit := range []float64{365 * 86400, 30 * 86400, 86400, 3600, 60, 1} {
		if n, err := strconv.Atoi(m[i+1]); err == nil {
			seconds += float64(n) * unit
		}
	}
	if seconds < 1 {
		return 0, false
	}
	return time.Duration(math.Min(seconds, 10*365*86400)) * time.Second, true
}
