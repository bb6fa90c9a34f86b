package mdrefresh

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Trust says who vouches for what was fetched.
type Trust struct {
	Verified bool // a key that an administrator has pinned has signed it
	Allowed  bool // it came over https, and an administrator lets that be enough
	Expired  bool // its validUntil has passed
}

// Decision is what to do with fetched metadata.
type Decision struct {
	Changes []idp.MetadataChange
	Reasons []string // why an administrator has to approve; none: apply
}

// Unchanged reports that there is nothing to do.
func (d Decision) Unchanged() bool { return len(d.Changes) == 0 }

// Wait reports that an administrator has to approve.
func (d Decision) Wait() bool { return !d.Unchanged() && len(d.Reasons) > 0 }

// Apply reports that the changes come into force at once.
func (d Decision) Apply() bool { return !d.Unchanged() && len(d.Reasons) == 0 }

// Decide compares the metadata in force with what was fetched. All changes wait
// if one of them has to: half of a version is a state that nobody published.
func Decide(base, next idp.MetadataFacts, trust Trust) Decision {
	d := Decision{Changes: Diff(base, next)}
	if d.Unchanged() {
		return d
	}
	wait := func(when bool, why string) {
		if when {
			d.Reasons = append(d.Reasons, why)
		}
	}
	wait(base.EntityID != next.EntityID, "The entityID is another one.")
	wait(trust.Expired, "The new metadata has expired (validUntil).")
	wait(!trust.Verified && !trust.Allowed, "Nothing vouches for the new metadata: no pinned certificate has verified it, and its address alone is not trusted.")
	wait(!within(hosts(next.ACS), hosts(base.ACS)), "An AssertionConsumerService is on a host that was not known before: assertions would be sent there.")
	wait(!within(hosts(next.SLO), append(hosts(base.ACS), hosts(base.SLO)...)), "A SingleLogoutService is on a host that was not known before.")
	wait(base.AuthnRequestsSigned && !next.AuthnRequestsSigned, "It no longer says that it signs its requests.")
	for _, k := range []struct {
		name          string
		before, after [][]byte
	}{
		{"signing", base.SigningCerts, next.SigningCerts},
		{"encryption", base.EncryptCerts, next.EncryptCerts},
	} {
		if len(k.before) == 0 || common(k.before, k.after) {
			continue
		}
		wait(len(k.after) == 0, "It has no "+k.name+" key any more.")
		wait(len(k.after) > 0 && !trust.Verified, "All "+k.name+" keys are new, and no pinned certificate has verified that.")
	}
	wait(!base.AuthnRequestsSigned && next.AuthnRequestsSigned && len(next.SigningCerts) == 0,
		"It says that it signs its requests, but has no signing key: all of them would be refused.")
	return d
}

// hosts are those of endpoints, with their ports.
func hosts(list []idp.Endpoint) []string {
	var out []string
	for _, e := range list {
		for _, s := range []string{e.Location, e.Response} {
			if s == "" {
				continue
			}
			u, err := url.Parse(s)
			if err != nil {
				out = append(out, s) // a host of its own, which no other is
				continue
			}
			out = append(out, u.Scheme+"://"+strings.ToLower(strings.TrimSuffix(u.Host, ":443")))
		}
	}
	return out
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// common reports whether two lists share a key.
func common(a, b [][]byte) bool {
	return slices.ContainsFunc(a, func(x []byte) bool {
		return slices.ContainsFunc(b, func(y []byte) bool { return keyID(x) == keyID(y) })
	})
}

// Merge is the service provider with what next changes of base. What an
// administrator has made different from base stays different.
func Merge(sp *idp.ServiceProvider, base, next idp.MetadataFacts, signature string) *idp.ServiceProvider {
	out := *sp
	out.ACS = endpoints(sp.ACS, base.ACS, next.ACS, acs)
	out.SLO = endpoints(sp.SLO, base.SLO, next.SLO, slo)
	out.SigningCerts = certificates(sp.SigningCerts, base.SigningCerts, next.SigningCerts)
	out.EncryptCerts = certificates(sp.EncryptCerts, base.EncryptCerts, next.EncryptCerts)
	out.EncryptionMethods = methodsOf(&out, sp, next)
	out.AttributeServices, out.EntityAttributes = next.AttributeServices, next.EntityAttributes
	if slices.Equal(sp.NameIDFormats, base.NameIDFormats) {
		out.NameIDFormats = next.NameIDFormats
	}
	if sp.RequireSignedRequests == base.AuthnRequestsSigned {
		out.RequireSignedRequests = next.AuthnRequestsSigned
	}
	out.MetadataSigned = signature
	return &out
}

// methodsOf are the declared methods of the encryption keys that out has: next's
// word where it has the key, else what was known.
func methodsOf(out, sp *idp.ServiceProvider, next idp.MetadataFacts) map[string][]idp.EncryptionMethod {
	declared := make(map[string][]idp.EncryptionMethod)
	for _, cert := range out.EncryptCerts {
		id := idp.CertID(cert)
		list := sp.EncryptionMethods[id]
		if contains(next.EncryptCerts, cert) {
			list = next.EncryptionMethods[id]
		}
		if len(list) > 0 {
			declared[id] = list
		}
	}
	if len(declared) == 0 {
		return nil
	}
	return declared
}

// endpoints takes those of next, unless somebody has changed those of base.
func endpoints(has, base, next []idp.Endpoint, kind string) []idp.Endpoint {
	var d differ
	d.endpoints(kind, has, base)
	if len(d.changes) > 0 {
		return has
	}
	return next
}

// certificates removes what base had and next has not, and adds what is new.
func certificates(has, base, next [][]byte) [][]byte {
	var out [][]byte
	for _, c := range has {
		if !contains(base, c) || contains(next, c) {
			out = append(out, c)
		}
	}
	for _, c := range next {
		if !contains(base, c) && !contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// changeID names a change by what it changes, from what and into what.
func changeID(changes []idp.MetadataChange) string {
	lines := make([]string, len(changes))
	for i, c := range changes {
		lines[i] = fmt.Sprintf("%q %q %q", c.What, c.Before, c.After)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:8])
}
