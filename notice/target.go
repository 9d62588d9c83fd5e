package notice

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// errPrivate is a webhook that leads into a private network.
var errPrivate = errors.New("is a private address, and notices.webhooks.allow_private is not set")

// private are the networks that a webhook must not lead to unless it is allowed, and
// that netip.Addr knows no name for.
var private = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),     // this host
	netip.MustParsePrefix("100.64.0.0/10"), // CGNAT, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),  // RFC 6890
	netip.MustParsePrefix("198.18.0.0/15"), // benchmarks, RFC 2544
	netip.MustParsePrefix("240.0.0.0/4"),   // reserved, and broadcast
	netip.MustParsePrefix("fec0::/10"),     // site-local, RFC 3879
}

// carrying are the IPv6 networks whose addresses hold an IPv4 address, and at which
// octet: a way around would lead through them.
var carrying = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},           // IPv4-compatible
	{netip.MustParsePrefix("64:ff9b::/96"), 12},    // NAT64, RFC 6052
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},  // NAT64 of one's own, RFC 8215
	{netip.MustParsePrefix("2002::/16"), 2},        // 6to4
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12}, // SIIT
}

// isPrivate reports whether an address belongs to no public network.
func isPrivate(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() { // loopback, link-local, multicast, unspecified; RFC 1918, fc00::/7
		return true
	}
	for _, p := range private {
		if p.Contains(a) {
			return true
		}
	}
	if a.Is6() {
		octets := a.As16()
		for _, c := range carrying {
			if c.prefix.Contains(a) && isPrivate(netip.AddrFrom4([4]byte(octets[c.at:c.at+4]))) {
				return true
			}
		}
	}
	return false
}

// dialer opens connections of webhooks. It looks at the address that is dialled in
// the end, not at the name: a name can lead elsewhere when it is asked again.
func dialer(allowPrivate bool) *net.Dialer {
	d := &net.Dialer{Timeout: hookTimeout}
	d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("cannot tell where %s is: %w", address, err)
		}
		if !allowPrivate && isPrivate(to.Addr()) {
			return fmt.Errorf("%s %w", to.Addr(), errPrivate)
		}
		return nil
	}
	return d
}
