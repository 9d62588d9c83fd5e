package radiusd

import (
	"crypto/subtle"
	"encoding/binary"
	"time"

	"tallygate/macwatch"
)

// The Class token says, without anything being stored, that this gateway accepted a
// device: version, Location, MAC or pseudonym, time, and a keyed digest over them. A NAS that
// returns it in accounting proves so even after we crashed. RFC 2865 section 5.25
// lets nobody but us look into it.
const (
	classVersion       = 1  // of an address, 6 octets
	classVersionVeiled = 2  // of a pseudonym, 8 octets
	classSum           = 16 // of HMAC-SHA256's 32
	classSize          = 1 + 8 + 6 + 8 + classSum
	classSizeVeiled    = 1 + 8 + 8 + 8 + classSum
	// maxClassAge is how long a token proves anything; sessions are shorter.
	maxClassAge = 30 * 24 * time.Hour
	// maxClassLead allows for a believed clock that was set back.
	maxClassLead = 24 * time.Hour
)

// makeClass makes the token of an acceptance at now. It is overwritten by the next.
func (h *hasher) makeClass(location int64, mac macwatch.MAC, now time.Time) []byte {
	b := appendClass(h.token[:0], location, mac)
	b = binary.BigEndian.AppendUint64(b, uint64(now.Unix()))
	return append(b, h.classDigest(b)[:classSum]...)
}

// appendClass appends what a token says of whom.
func appendClass(b []byte, location int64, mac macwatch.MAC) []byte {
	version := byte(classVersion)
	if mac.Veiled() {
		version = classVersionVeiled
	}
	b = binary.BigEndian.AppendUint64(append(b, version), uint64(location))
	if mac.Veiled() {
		return binary.BigEndian.AppendUint64(b, uint64(mac))
	}
	return append(b, byte(mac>>40), byte(mac>>32), byte(mac>>24), byte(mac>>16), byte(mac>>8), byte(mac))
}

// ourClass reports whether a Class has the looks of our token.
func ourClass(class []byte) bool {
	return len(class) == classSize && class[0] == classVersion || len(class) == classSizeVeiled && class[0] == classVersionVeiled
}

// openClass takes our token apart; ok is false for anybody else's, for one that is too
// old, and for one that was not given to a device.
func (h *hasher) openClass(class []byte, now time.Time) (location int64, mac macwatch.MAC, ok bool) {
	if !ourClass(class) {
		return 0, 0, false
	}
	body := len(class) - classSum
	for _, octet := range class[9 : body-8] {
		mac = mac<<8 | macwatch.MAC(octet)
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(class[body-8:])), 0)
	return int64(binary.BigEndian.Uint64(class[1:])), mac, mac != 0 && now.Sub(at) <= maxClassAge && at.Sub(now) <= maxClassLead &&
		subtle.ConstantTimeCompare(class[body:], h.classDigest(class[:body])[:classSum]) == 1
}

// validClass reports whether a Class is our token for this device at this Location.
func (h *hasher) validClass(class []byte, location int64, mac macwatch.MAC, now time.Time) bool {
	l, m, ok := h.openClass(class, now)
	return ok && l == location && m == mac
}

// classDigest is overwritten by the next digest.
func (h *hasher) classDigest(body []byte) []byte {
	h.class.Reset()
	h.class.Write(body)
	return h.class.Sum(h.sum[:0])
}

// acceptedDevices is how many devices are remembered as accepted, for NAS that do
// not return Class. Only Locations that count accepted devices (count: accepted) use
// the memory.
const acceptedDevices = 1 << 16

type acceptedDevice struct {
	location int64
	mac      macwatch.MAC
}
