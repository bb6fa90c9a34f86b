package login

import "net/netip"

// CoarseIP is the address as it is shown: its /24 or /48, or Unknown.
func CoarseIP(ip string) string { return prefix(ip, 24, 48, Unknown) }

// Network is what makes two addresses the same network (2.2): an IPv4 address
// itself, the first 56 bits of an IPv6 address. Empty if unknown, which is the
// same network as no other.
func Network(ip string) string { return prefix(ip, 32, 56, "") }

func prefix(ip string, bits4, bits6 int, unknown string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return unknown
	}
	addr = addr.Unmap().WithZone("")
	bits := bits6
	if addr.Is4() {
		bits = bits4
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return unknown
	}
	return p.String()
}
