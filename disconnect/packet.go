package disconnect

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"
)

// code is the first octet of a packet (RFC 5176 section 2.3).
type code uint8

const (
	disconnectRequest code = 40
	disconnectACK     code = 41
	disconnectNAK     code = 42
	coaRequest        code = 43
	coaACK            code = 44
	coaNAK            code = 45
)

func (c code) String() string {
	switch c {
	case disconnectRequest:
		return "Disconnect-Request"
	case disconnectACK:
		return "Disconnect-ACK"
	case disconnectNAK:
		return "Disconnect-NAK"
	case coaRequest:
		return "CoA-Request"
	case coaACK:
		return "CoA-ACK"
	case coaNAK:
		return "CoA-NAK"
	}
	return "other"
}

// Attribute types of the requests, by RFC.
const (
	attrUserName             = 1  // RFC 2865
	attrNASIPAddress         = 4  // RFC 2865
	attrNASPort              = 5  // RFC 2865
	attrFramedIPAddress      = 8  // RFC 2865
	attrVendorSpecific       = 26 // RFC 2865
	attrCallingStationID     = 31 // RFC 2865
	attrNASIdentifier        = 32 // RFC 2865
	attrAcctSessionID        = 44 // RFC 2866
	attrEventTimestamp       = 55 // RFC 2869
	attrMessageAuthenticator = 80 // RFC 2869
	attrNASIPv6Address       = 95 // RFC 3162
	attrErrorCause           = 101

	vendorCisco = 9
	ciscoAVPair = 1
)

const (
	headerSize        = 20
	authenticatorSize = md5.Size
	maxValue          = 253
)

// request is a request in the making.
type request struct {
	b      []byte
	signAt int // where the Message-Authenticator's value stands; 0: it carries none
}

// newRequest begins one. With signed, Message-Authenticator comes first.
func newRequest(c code, identifier byte, signed bool) *request {
	r := &request{b: make([]byte, headerSize, 256)}
	r.b[0], r.b[1] = byte(c), identifier
	if signed {
		r.octets(attrMessageAuthenticator, make([]byte, authenticatorSize))
		r.signAt = headerSize + 2
	}
	return r
}

// octets appends an attribute. What is longer than an attribute can be came in none,
// and is left out.
func (r *request) octets(kind uint8, value []byte) {
	if len(value) > maxValue {
		return
	}
	r.b = append(r.b, kind, byte(2+len(value)))
	r.b = append(r.b, value...)
}

func (r *request) text(kind uint8, value string) { r.octets(kind, []byte(value)) }

func (r *request) number(kind uint8, value uint32) {
	r.octets(kind, binary.BigEndian.AppendUint32(nil, value))
}

// avPair appends a cisco-avpair.
func (r *request) avPair(value string) {
	v := binary.BigEndian.AppendUint32(nil, vendorCisco)
	v = append(v, ciscoAVPair, byte(2+len(value)))
	r.octets(attrVendorSpecific, append(v, value...))
}

// sign fills in Length, Message-Authenticator (RFC 5176 section 3.4: over an
// Authenticator of zeros) and then the Request Authenticator (section 2.3: as in an
// Accounting-Request, RFC 2866 section 3).
func (r *request) sign(secret []byte) []byte {
	binary.BigEndian.PutUint16(r.b[2:], uint16(len(r.b)))
	if r.signAt != 0 {
		mac := hmac.New(md5.New, secret)
		mac.Write(r.b)
		copy(r.b[r.signAt:], mac.Sum(nil))
	}
	copy(r.b[4:headerSize], digest(r.b, make([]byte, authenticatorSize), secret))
	return r.b
}

// digest is MD5 over a packet, with this in the place of its Authenticator, and the secret.
func digest(packet, authenticator, secret []byte) []byte {
	h := md5.New()
	h.Write(packet[:4])
	h.Write(authenticator)
	h.Write(packet[headerSize:])
	h.Write(secret)
	return h.Sum(nil)
}

// answer is a verified reply.
type answer struct {
	acknowledged bool
	cause        cause
}

// readAnswer checks a reply to a request with this code and Authenticator: its
// Response Authenticator (RFC 5176 section 2.3), and Message-Authenticator where it
// has one (section 3.4: over the Authenticator of the request). Octets past Length are
// padding. ok is false for what is no true answer.
func readAnswer(datagram []byte, asked code, authenticator, secret []byte) (a answer, ok bool) {
	if len(datagram) < headerSize {
		return a, false
	}
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	if length < headerSize || length > len(datagram) {
		return a, false
	}
	packet := datagram[:length]
	switch code(packet[0]) {
	case asked + 1: // ACK
		a.acknowledged = true
	case asked + 2: // NAK
	default:
		return a, false
	}
	if subtle.ConstantTimeCompare(packet[4:headerSize], digest(packet, authenticator, secret)) != 1 {
		return a, false
	}
	signs := 0
	for at := headerSize; at < length; {
		if at+2 > length {
			return a, false
		}
		size := int(packet[at+1])
		if size < 2 || at+size > length {
			return a, false
		}
		value := packet[at+2 : at+size]
		switch packet[at] {
		case attrErrorCause:
			if len(value) == 4 && a.cause == 0 {
				a.cause = cause(binary.BigEndian.Uint32(value))
			}
		case attrMessageAuthenticator:
			signs++
			if signs > 1 || !signedAnswer(packet, at+2, len(value), authenticator, secret) {
				return a, false
			}
		}
		at += size
	}
	return a, true
}

// signedAnswer checks the Message-Authenticator whose value stands at at.
func signedAnswer(packet []byte, at, size int, authenticator, secret []byte) bool {
	if size != authenticatorSize {
		return false
	}
	mac := hmac.New(md5.New, secret)
	mac.Write(packet[:4])
	mac.Write(authenticator)
	mac.Write(packet[headerSize:at])
	mac.Write(make([]byte, authenticatorSize))
	mac.Write(packet[at+authenticatorSize:])
	return hmac.Equal(mac.Sum(nil), packet[at:at+authenticatorSize])
}
