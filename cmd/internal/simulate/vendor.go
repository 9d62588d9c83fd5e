package simulate

import (
	"fmt"
	"strings"
)

// spelling is how a vendor writes a MAC address.
type spelling struct {
	group     int // digits between separators; 0: none at all
	separator string
	upper     bool
}

var (
	bare       = spelling{}
	bareUpper  = spelling{upper: true}
	dashes     = spelling{2, "-", false}
	dashesUp   = spelling{2, "-", true}
	colons     = spelling{2, ":", false}
	colonsUp   = spelling{2, ":", true}
	fourDots   = spelling{4, ".", false}
	fourDashes = spelling{4, "-", false}
)

func (s spelling) of(mac uint64) string {
	digits := fmt.Sprintf("%012x", mac)
	if s.upper {
		digits = strings.ToUpper(digits)
	}
	if s.group == 0 {
		return digits
	}
	var b strings.Builder
	for i := 0; i < len(digits); i += s.group {
		if i > 0 {
			b.WriteString(s.separator)
		}
		b.WriteString(digits[i : i+s.group])
	}
	return b.String()
}

// login is how guests of a vendor's WLAN get in.
type login uint8

const (
	loginMAC  login = iota // User-Name is the device's address
	loginPAP               // a portal, User-Password
	loginCHAP              // a portal, CHAP-Password
)

// vendor is what an access point's make decides about its packets. The values are
// those of captured packets and of the senders' sources.
type vendor struct {
	name     string
	calling  spelling // Calling-Station-Id
	user     spelling // User-Name of a MAC login
	called   spelling // Called-Station-Id
	ssid     bool     // and ":SSID" after it
	nas      func(ap *accessPoint) string
	login    login
	service  uint32 // Service-Type of an Access-Request; 0: none
	session  func(ap *accessPoint, guest uint64, counter uint32) string
	early    bool // Access-Requests carry Acct-Session-Id
	multi    bool // Acct-Multi-Session-Id links the legs of a roaming guest
	stamps   bool // Event-Timestamp in accounting
	delays   bool // Acct-Delay-Time in retransmissions
	class    bool // returns the Class of the Access-Accept
	announce bool // Accounting-On after a boot
}

// Service-Type values (RFC 2865 section 5.6).
const (
	serviceLogin     = 1
	serviceFramed    = 2
	serviceCallCheck = 10
)

// vendors are the makes that a venue is mixed from.
func vendors() []vendor {
	return []vendor{
		{
			name: "UniFi", calling: dashesUp, user: bare, called: dashesUp, ssid: true, login: loginMAC,
			nas: func(ap *accessPoint) string { return bare.of(ap.mac) },
			// Seconds since boot and a counter, as old firmware does: ids repeat after a reboot.
			session: func(_ *accessPoint, _ uint64, n uint32) string { return fmt.Sprintf("%08X-%08X", 40, n) },
			stamps:  true, delays: true, announce: true,
		}, {
			name: "Aruba", calling: bare, user: colons, called: bare, login: loginPAP, service: serviceLogin,
			nas: func(ap *accessPoint) string { return ap.name },
			session: func(ap *accessPoint, guest uint64, n uint32) string {
				return fmt.Sprintf("%s-%s-%08X-%05X", bareUpper.of(ap.mac), bareUpper.of(guest), 0x646A2888+ap.boots<<16+n, n)
			},
			multi: true, delays: true, class: true,
		}, {
			name: "MikroTik", calling: colonsUp, user: colonsUp, called: colonsUp, ssid: true, login: loginCHAP, service: serviceLogin,
			nas:     func(ap *accessPoint) string { return ap.name },
			session: func(_ *accessPoint, _ uint64, n uint32) string { return fmt.Sprintf("%08x", 0x80300000+n) },
			early:   true, stamps: true, delays: true, class: true, announce: true,
		}, {
			name: "Cisco", calling: dashes, user: bare, called: dashes, ssid: true, login: loginMAC, service: serviceCallCheck,
			nas: func(ap *accessPoint) string { return ap.name },
			session: func(ap *accessPoint, guest uint64, n uint32) string {
				return fmt.Sprintf("%08x/%s/%d", 0x5a000000+ap.boots<<16+n, colons.of(guest), n)
			},
			stamps: true, class: true,
		}, {
			name: "Cisco IOS", calling: fourDots, user: bare, called: fourDots, login: loginMAC, service: serviceCallCheck,
			nas:     func(ap *accessPoint) string { return ap.name },
			session: func(_ *accessPoint, _ uint64, n uint32) string { return fmt.Sprintf("%08x", n) },
			stamps:  true, delays: true, class: true,
		}, {
			name: "Ruckus", calling: dashesUp, user: bare, called: dashesUp, ssid: true, login: loginPAP, service: serviceFramed,
			nas: func(ap *accessPoint) string { return dashesUp.of(ap.mac) },
			session: func(ap *accessPoint, _ uint64, n uint32) string {
				return fmt.Sprintf("%08X-%08X", 0x57800000+ap.boots, n)
			},
			early: true, multi: true, stamps: true, delays: true, class: true, announce: true,
		}, {
			name: "Huawei", calling: fourDashes, user: bare, called: fourDashes, ssid: true, login: loginPAP, service: serviceFramed,
			nas: func(ap *accessPoint) string { return ap.name },
			session: func(ap *accessPoint, guest uint64, n uint32) string {
				return fmt.Sprintf("%s%02d%08d%s", ap.name, ap.boots, n, bare.of(guest)[6:])
			},
			early: true, stamps: true, announce: true,
		},
	}
}
