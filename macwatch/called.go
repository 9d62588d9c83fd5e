package macwatch

import (
	"bytes"
	"net/netip"
)

// Called is what a Called-Station-Id says. Senders use it for the AP's address, the
// BSSID, the controller's or gateway's address, with or without the SSID, or for
// free text; only the form can be told from the value, not the meaning.
type Called struct {
	MAC     MAC    // zero when it does not begin with an address
	SSID    []byte // raw octets, not always UTF-8; empty when absent or hidden
	HasSSID bool   // a separator followed the address, even if nothing came after it
	IP      bool   // an IP address: a controller, never an AP
	Text    []byte // the whole value
}

// ParseCalled takes a value apart. The separator between address and SSID may be
// the one used inside the address (00:17:0f:20:18:40:guest), so the address is
// taken first: 12 hexadecimal digits with optional - : . between them, then the
// end or one octet that is no such digit; the rest is the SSID, which may hold
// anything. The result points into b.
func ParseCalled(b []byte) Called {
	c := Called{Text: b}
	digits, i := 0, 0
	for ; i < len(b) && digits < 12; i++ {
		d := hexValue(b[i])
		if d >= 0 {
			c.MAC = c.MAC<<4 | MAC(d)
			digits++
			continue
		}
		if digits == 0 || b[i] != '-' && b[i] != ':' && b[i] != '.' {
			break
		}
	}
	if digits < 12 || i < len(b) && hexValue(b[i]) >= 0 || ipAddress(b[:i]) || fullIPv6(b) {
		c.MAC = 0
		c.IP = wholeIP(b)
		return c
	}
	if i < len(b) {
		c.HasSSID, c.SSID = true, b[i+1:]
	}
	return c
}

// fullIPv6 tells an IPv6 address in full (2001:db8:0:1:1:1:1:1), whose first groups may
// be twelve digits, from an address with an SSID.
func fullIPv6(b []byte) bool {
	if len(b) > 39 || bytes.Count(b, []byte{':'}) != 7 {
		return false
	}
	_, err := netip.ParseAddr(string(b))
	return err == nil
}

// wholeIP reports whether the text is an IP address. What cannot be one is not parsed:
// the error of that costs memory.
func wholeIP(b []byte) bool {
	if len(b) < 2 || len(b) > 45 {
		return false
	}
	marks := 0
	address, _, _ := bytes.Cut(b, []byte{'%'}) // without its zone
	for _, c := range address {
		switch {
		case c == '.' || c == ':':
			marks++
		case hexValue(c) < 0:
			return false
		}
	}
	if marks < 2 {
		return false
	}
	_, err := netip.ParseAddr(string(b))
	return err == nil
}
