// Package macwatch knows who is there: guest devices by their MAC address, the
// sightings that prove them, their sessions, and the APs and rooms they use. It
// is pure (facts in, facts out), apart from the LRU that stands in front of the store.
package macwatch

import (
	"fmt"
	"net/netip"
)

// MAC is a 48-bit hardware address as a number. The zero value is "no address". Where
// addresses are not to be kept it is a pseudonym: see Veil.
type MAC uint64

// ParseMAC reads an address in any of the spellings that APs use: the separators
// - : . may stand anywhere, exactly 12 hexadecimal digits must remain. It allocates
// nothing. ok is false for anything else.
func ParseMAC[T string | []byte](s T) (m MAC, ok bool) {
	if ipAddress(s) {
		return 0, false
	}
	digits := 0
	for i := range len(s) {
		c := s[i]
		if c == '-' || c == ':' || c == '.' {
			continue
		}
		d := hexValue(c)
		if d < 0 || digits == 12 {
			return 0, false
		}
		m = m<<4 | MAC(d)
		digits++
	}
	if digits != 12 {
		return 0, false
	}
	return m, true
}

// ipAddress tells an IP address of twelve digits (192.168.100.101, fe80::aabb:ccdd),
// which some controllers send in the place of a MAC, from one. Only what has the
// looks of one (dots after every third digit, two colons side by side) is parsed.
func ipAddress[T string | []byte](s T) bool {
	looks := len(s) == 15 && s[3] == '.' && s[7] == '.' && s[11] == '.'
	for i := 1; i < len(s) && !looks; i++ {
		looks = s[i] == ':' && s[i-1] == ':'
	}
	if !looks {
		return false
	}
	_, err := netip.ParseAddr(string(s))
	return err == nil
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

const hexDigits = "0123456789abcdef"

// MACText is how many octets the canonical spelling takes.
const MACText = 17

// String is the canonical spelling: lower case with colons; of a pseudonym ~ and 16 digits.
func (m MAC) String() string { return string(m.AppendTo(make([]byte, 0, MACText))) }

// AppendTo appends the canonical spelling.
func (m MAC) AppendTo(dst []byte) []byte {
	if m.Veiled() {
		return m.appendPseudonym(dst)
	}
	for i := range 6 {
		if i > 0 {
			dst = append(dst, ':')
		}
		o := byte(m >> (40 - 8*i))
		dst = append(dst, hexDigits[o>>4], hexDigits[o&15])
	}
	return dst
}

// Last4 is what log lines show of an address: its last four digits; of a pseudonym its
// beginning.
func (m MAC) Last4() string {
	if m.Veiled() {
		return m.firstDigits()
	}
	return string([]byte{hexDigits[m>>12&15], hexDigits[m>>8&15], hexDigits[m>>4&15], hexDigits[m&15]})
}

// Private reports whether the address is locally administered, as randomised
// addresses are.
func (m MAC) Private() bool { return m&privateBit != 0 }

// Device reports whether the address can belong to a guest device: not null, not
// broadcast, not multicast.
func (m MAC) Device() bool { return m != 0 && m&groupBit == 0 }

// MarshalText writes the canonical spelling.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads whatever ParseDevice reads.
func (m *MAC) UnmarshalText(b []byte) error {
	v, ok := ParseDevice(string(b))
	if !ok {
		return fmt.Errorf("%q is not a MAC address", b)
	}
	*m = v
	return nil
}
