package macwatch

import "net/netip"

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
	if digits < 12 || i < len(b) && hexValue(b[i]) >= 0 || ipAddress(b[:i]) {
		c.MAC = 0
		if len(b) > 0 && len(b) <= 45 {
			_, err := netip.ParseAddr(string(b))
			c.IP = err == nil
		}
		return c
	}
	if i < len(b) {
		c.HasSSID, c.SSID = true, b[i+1:]
	}
	return c
}
