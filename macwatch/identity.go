package macwatch

import (
	"bytes"
	"strings"
)

// Where a guest's MAC was found.
const (
	SourceCalling        = "Calling-Station-Id"
	SourceUserName       = "User-Name"
	SourceSessionID      = "Acct-Session-Id"
	SourceMultiSessionID = "Acct-Multi-Session-Id"
	SourceJoin           = "join" // an earlier packet named it
	SourceNone           = "none"
)

// GuestMAC finds the guest device in a packet: Calling-Station-Id, and only where
// that holds no address (absent, an IP address of some controllers, free text)
// User-Name. An address that cannot be a device (null, broadcast, multicast) is
// nobody, and hides nothing behind it.
func GuestMAC(calling, userName []byte) (MAC, string) {
	if m, ok := callingMAC(calling); ok {
		if m.Device() {
			return m, SourceCalling
		}
		return 0, SourceNone
	}
	if m, ok := userMAC(userName); ok && m.Device() {
		return m, SourceUserName
	}
	if m, ok := embeddedMAC(userName); ok {
		return m, SourceUserName
	}
	return 0, SourceNone
}

// MACLogin reports whether a request logs in by MAC address: User-Name is the
// address of Calling-Station-Id in any spelling, or is an address while
// Calling-Station-Id holds none. Service-Type tells nothing: senders put
// Call-Check, Login, Framed or nothing into it. A voucher of 12 decimal digits
// looks like an address but differs from Calling-Station-Id.
func MACLogin(userName, calling []byte) bool {
	user, ok := userMAC(userName)
	if !ok || !user.Device() {
		return false
	}
	device, ok := callingMAC(calling)
	return !ok || device == user
}

// Voucher reports whether a User-Name of twelve digits may as well be the number of a
// ticket: it is an address only if nothing better names one.
func Voucher(userName []byte) bool {
	return len(userName) == 12 && digitsOnly(userName)
}

// callingMAC reads a Calling-Station-Id: an address, maybe with an SSID or a port after it.
func callingMAC(calling []byte) (MAC, bool) {
	if m, ok := ParseMAC(calling); ok || len(calling) <= 12 {
		return m, ok
	}
	c := ParseCalled(calling)
	return c.MAC, c.HasSSID
}

// userMAC reads a User-Name that is an address, maybe with a realm.
func userMAC(userName []byte) (MAC, bool) {
	m, ok := ParseMAC(userName)
	if !ok {
		if at := bytes.IndexByte(userName, '@'); at > 0 {
			return ParseMAC(userName[:at])
		}
	}
	return m, ok
}

// APKey appends the canonical identity of the AP to dst: its address where
// Called-Station-Id holds one, else the NAS.
func APKey(dst []byte, called Called, nas []byte) []byte {
	if called.MAC.Device() {
		return called.MAC.AppendTo(dst)
	}
	return append(dst, nas...)
}

// NormalizeRoom makes one name of the ways to write a room: surrounding white space
// goes, letters become upper case, leading zeros go ("0412" is "412", but "412A" is
// not "412"; "000" is "0").
func NormalizeRoom(s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	t := strings.TrimLeft(s, "0")
	if t == "" && s != "" {
		return "0"
	}
	return t
}

// SlotName makes an operator's spelling of an AP comparable with the one found in
// packets: an address in any notation becomes the canonical one, other text is
// taken as it is, without surrounding white space.
func SlotName(kind Kind, s string) string {
	if kind == KindRoom {
		return NormalizeRoom(s)
	}
	s = strings.TrimSpace(s)
	if m, ok := ParseMAC(s); ok {
		return m.String()
	}
	return string(bytes.ToValidUTF8([]byte(s), []byte("?")))
}

// HasAddress reports whether a Calling-Station-Id holds an address at all, were it one
// that no device can have.
func HasAddress(calling []byte) bool {
	_, ok := callingMAC(calling)
	return ok
}
