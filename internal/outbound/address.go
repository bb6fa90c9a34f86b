package outbound

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// special4 are the IPv4 networks that are not the public internet (IANA IPv4
// Special-Purpose Address Registry, RFC 6890), and one address that is public
// by its number only.
var special4 = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // carrier-grade NAT; Alibaba's metadata service
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // Azure's host, as seen from a machine in it
	"169.254.0.0/16",   // link-local: the metadata services
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // IETF; Oracle's metadata service
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
)

// global6 is all of IPv6 that is routed on the internet today (RFC 4291, IANA).
// Outside of it lie ::1, v4-compatible and v4-mapped addresses, NAT64
// (64:ff9b::/96, 64:ff9b:1::/48), ULA (fc00::/7), link-local and multicast.
var global6 = netip.MustParsePrefix("2000::/3")

// special6 are the parts of global6 that are special, or that carry an IPv4
// address inside which a gateway would call for us.
var special6 = prefixes(
	"2001::/23",     // IETF: Teredo (2001::/32), ORCHID, benchmarks
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4
	"3fff::/20",     // documentation
)

// public reports whether ip is an address of the public internet. IPv4 in
// IPv6 clothes is not.
func public(ip netip.Addr) bool {
	if !ip.IsValid() || ip.Zone() != "" {
		return false
	}
	special := special4
	if !ip.Is4() {
		if ip.Is4In6() || !global6.Contains(ip) || isatap(ip) {
			return false
		}
		special = special6
	}
	for _, p := range special {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// isatap reports an interface identifier that carries an IPv4 address (RFC
// 5214, 6.1).
func isatap(ip netip.Addr) bool {
	b := ip.As16()
	return (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// allowed is public, and loopback in local mode.
func (c *Client) allowed(ip netip.Addr) bool {
	return public(ip) || c.opts.Local && !ip.Is4In6() && ip.Zone() == "" && ip.IsLoopback()
}

// Check judges a URL before anything is looked up: for early answers to the
// administrator who enters it. The addresses behind its name are judged when
// it is called.
func (c *Client) Check(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "https" && !(c.opts.Local && u.Scheme == "http" && here(host)):
		return blocked("the address must begin with https:// (http:// is for this machine only)")
	case host == "" || u.Opaque != "":
		return blocked("the address has no host")
	case u.User != nil:
		return blocked("the address holds a user name")
	case u.Port() != "" && u.Port() != "443" && !c.opts.Local:
		return blocked("the address names a port other than 443")
	case strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`%\/@?#`, r) }):
		// Other scripts can hold digits and dots that become ASCII on the way;
		// a real name of that kind has a form in ASCII (xn--).
		return blocked("the host of the address holds characters that are not allowed")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if !c.allowed(ip) {
			return blocked("the address is not one of the public internet")
		}
		return nil
	}
	if numeric(host) {
		return blocked("the host of the address is a number, and not an IP address as it is usually written")
	}
	return nil
}

// here reports names of this very machine.
func here(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// numeric reports hosts that some resolvers take for IPv4 in other notations
// (127.1, 0x7f.1, 0177.0.0.1, 2130706433): no name of the DNS ends in a number
// (URL Standard, "ends in a number"; RFC 3696, 2).
func numeric(host string) bool {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := strings.ToLower(labels[len(labels)-1])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

func blocked(why string) *idp.Error {
	return &idp.Error{Code: idp.Invalid, Reason: idp.SSRFBlocked, Detail: why}
}

func failed(why string, err error) *idp.Error {
	return &idp.Error{Code: idp.Invalid, Reason: idp.OutboundFailed, Detail: why, Err: err}
}
