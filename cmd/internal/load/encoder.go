package load

import (
	"crypto/md5"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// Attribute numbers (RFC 2865, 2866, 2869, 3579).
const (
	attrUserName             = 1
	attrUserPassword         = 2
	attrNASIPAddress         = 4
	attrServiceType          = 6
	attrFramedIPAddress      = 8
	attrCalledStationID      = 30
	attrCallingStationID     = 31
	attrNASIdentifier        = 32
	attrAcctStatusType       = 40
	attrAcctInputOctets      = 42
	attrAcctOutputOctets     = 43
	attrAcctSessionID        = 44
	attrAcctAuthentic        = 45
	attrAcctSessionTime      = 46
	attrAcctTerminateCause   = 49
	attrEventTimestamp       = 55
	attrNASPortType          = 61
	attrMessageAuthenticator = 80
)

// encoder writes the requests of one workload. The i-th says the same whenever it is
// written, but for Event-Timestamp and the Authenticator of an Access-Request. Not for
// concurrent use.
type encoder struct {
	*signer
	workload Workload
	run      uint32 // tells the sessions of this run from those of others
	ports    uint64 // each is a NAS with one access point
	guests   uint64
	skip     uint64 // of them
	users    uint64
	sessions uint64
	stamp    uint32 // Event-Timestamp of a Start; Unix seconds
	rng      *rand.Rand
}

func newEncoder(cfg Config, workload Workload) *encoder {
	return &encoder{
		signer: newSigner(cfg.Secret), workload: workload, run: rand.Uint32(),
		ports: uint64(cfg.Ports), guests: uint64(cfg.Guests), skip: uint64(cfg.Skip), users: uint64(cfg.Users), sessions: uint64(cfg.Sessions),
		stamp: uint32(time.Now().Unix()), rng: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
}

func (e *encoder) code() byte {
	if e.workload == Acct {
		return codeAccountingRequest
	}
	return codeAccessRequest
}

// encode appends request i under an Identifier.
func (e *encoder) encode(dst []byte, i uint64, id byte) []byte {
	begin := len(dst)
	dst = append(dst, e.code(), id, 0, 0)
	dst = append(dst, make([]byte, md5.Size)...)
	if e.workload == Acct {
		dst = e.account(dst, i)
	} else {
		dst = e.access(dst, begin, i)
	}
	packet := dst[begin:]
	binary.BigEndian.PutUint16(packet[offLength:], uint16(len(packet)))
	if e.workload == Acct {
		sum := e.seal(packet)
		copy(packet[offAuthenticator:], sum[:])
	} else {
		copy(packet[offAttributes+2:], e.sign(packet))
	}
	return dst
}

func (e *encoder) access(dst []byte, begin int, i uint64) []byte {
	authenticator := dst[begin+offAuthenticator : begin+offAttributes]
	binary.LittleEndian.PutUint64(authenticator, e.rng.Uint64())
	binary.LittleEndian.PutUint64(authenticator[8:], e.rng.Uint64())
	// First of all attributes: an attacker who finds an MD5 prefix collision cannot
	// place anything before it (CVE-2024-3596).
	dst = append(dst, attrMessageAuthenticator, 2+md5.Size)
	dst = append(dst, make([]byte, md5.Size)...)
	mac := MAC(e.skip+i, e.guests)
	if e.workload == AuthPAP {
		dst = closed(appendUser(opened(dst, attrUserName), "guest-", i%e.users), dst)
		var password [16]byte
		dst = e.password(dst, appendUser(password[:0], "river-", i%e.users), authenticator)
		dst = number(dst, attrServiceType, 1) // Login
	} else {
		var name [12]byte
		appendHex(name[:0], mac, 12, lowerDigits)
		dst = closed(append(opened(dst, attrUserName), name[:]...), dst)
		dst = e.password(dst, name[:], authenticator)
		dst = number(dst, attrServiceType, 10) // Call-Check
	}
	return e.place(dst, i, mac)
}

func (e *encoder) password(dst, password, authenticator []byte) []byte {
	return closed(e.hide(opened(dst, attrUserPassword), password, authenticator), dst)
}

func (e *encoder) account(dst []byte, i uint64) []byte {
	r := recordAt(i, e.sessions)
	mac := MAC(e.skip+r.session, e.guests)
	dst = number(dst, attrAcctStatusType, uint32(r.status))
	id := append(appendHex(opened(dst, attrAcctSessionID), uint64(e.run), 8, upperDigits), '-')
	dst = closed(appendHex(id, r.session*scatter, 8, upperDigits), dst)
	dst = closed(appendHex(opened(dst, attrUserName), mac, 12, lowerDigits), dst)
	dst = e.place(dst, i, mac)
	dst = number(dst, attrFramedIPAddress, 172<<24|16<<16|uint32(r.session)&0xfffff)
	dst = number(dst, attrAcctAuthentic, 1) // RADIUS
	dst = number(dst, attrEventTimestamp, e.stamp+r.seconds)
	if r.status == start {
		return dst
	}
	dst = number(dst, attrAcctSessionTime, r.seconds)
	dst = number(dst, attrAcctInputOctets, r.input)
	dst = number(dst, attrAcctOutputOctets, r.output)
	if r.status == stop {
		dst = number(dst, attrAcctTerminateCause, 1) // User Request
	}
	return dst
}

// place says where the guest is: at the access point of the port that request i leaves from.
func (e *encoder) place(dst []byte, i, mac uint64) []byte {
	port := i % e.ports
	dst = number(dst, attrNASIPAddress, 10<<24|99<<16|uint32(port))
	dst = closed(appendHex(append(opened(dst, attrNASIdentifier), "nas-"...), port, 3, lowerDigits), dst)
	called := appendDashed(opened(dst, attrCalledStationID), 0x0027_2200_0000|port<<4)
	dst = closed(append(called, ":Guest WiFi"...), dst)
	dst = closed(appendDashed(opened(dst, attrCallingStationID), mac), dst)
	return number(dst, attrNASPortType, 19) // Wireless - IEEE 802.11
}

// opened begins an attribute, closed sets its length when its value stands; before is
// the packet without it.
func opened(dst []byte, attribute byte) []byte { return append(dst, attribute, 0) }

func closed(dst, before []byte) []byte {
	dst[len(before)+1] = byte(len(dst) - len(before))
	return dst
}

func number(dst []byte, attribute byte, n uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, attribute, 6), n)
}
