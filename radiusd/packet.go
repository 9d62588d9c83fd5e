package radiusd

import "encoding/binary"

// Limits of a packet (RFC 2865 section 3). More than maxAttributes is nobody's
// honest request, but work for us.
const (
	headerSize    = 20
	maxPacket     = 4096
	maxAttributes = 200
)

// authenticatorSize is that of the Authenticator field and of every MD5 digest.
const authenticatorSize = 16

// defect is what makes a packet malformed.
type defect string

func (d defect) Error() string { return string(d) }

const (
	defectTruncated   = defect("the datagram is longer than 4096 octets")
	defectShort       = defect("the datagram is shorter than a header")
	defectLength      = defect("the Length field is not within 20 to 4096, or exceeds the datagram")
	defectType        = defect("an attribute has type 0")
	defectFill        = defect("the attributes do not fill the packet exactly")
	defectAttributes  = defect("there are more than 200 attributes")
	defectSigned      = defect("Message-Authenticator stands twice, or is not 18 octets long")
	defectEAPPassword = defect("EAP-Message stands beside a password")
	defectProxyState  = defect("Proxy-State leaves no room for an answer")
)

// datagram is a received packet without an index: what an answer needs of it.
type datagram struct {
	raw         []byte // Length octets: padding is gone
	proxyStates int    // how many octets the Proxy-State attributes take
}

func (d *datagram) code() code            { return code(d.raw[0]) }
func (d *datagram) identifier() byte      { return d.raw[1] }
func (d *datagram) authenticator() []byte { return d.raw[4:headerSize] }

// attributes are those after the header.
func (d *datagram) attributes() attributes { return attributes(d.raw[headerSize:]) }

// packet is a received packet and an index of its attributes. Offsets, not slices,
// so that the same index fits a copy of the octets.
type packet struct {
	datagram
	first [256]uint16 // where the value of the first attribute of a type begins; 0: there is none
}

// has reports whether an attribute of this type is there, were it empty.
func (p *packet) has(kind uint8) bool { return p.first[kind] != 0 }

// value is that of the first attribute of a type; nil when there is none.
func (p *packet) value(kind uint8) []byte {
	at := int(p.first[kind])
	if at == 0 {
		return nil
	}
	end := at - 2 + int(p.raw[at-1])
	return p.raw[at:end:end]
}

// parse takes a datagram as a packet. Octets past Length are padding (RFC 2865
// section 3): they are cut off here, before anything is hashed. The packet points
// into the datagram.
func (p *packet) parse(datagram []byte) error {
	if len(datagram) < headerSize {
		return defectShort
	}
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	if length < headerSize || length > maxPacket || length > len(datagram) {
		return defectLength
	}
	p.raw = datagram[:length:length]
	p.first = [256]uint16{}
	p.proxyStates = 0

	at := headerSize
	for count := 0; at < length; count++ {
		kind, value, _, ok := attributes(p.raw[at:]).next()
		switch {
		case !ok:
			return defectFill
		case kind == 0:
			return defectType
		case count == maxAttributes:
			return defectAttributes
		case kind == attrProxyState:
			p.proxyStates += 2 + len(value)
		case kind == attrMessageAuthenticator && (p.has(kind) || len(value) != authenticatorSize):
			return defectSigned
		}
		if p.first[kind] == 0 {
			p.first[kind] = uint16(at + 2)
		}
		at += 2 + len(value)
	}
	// RFC 3579 section 3.3: a packet authenticates in one way only.
	if p.has(attrEAPMessage) && (p.has(attrUserPassword) || p.has(attrCHAPPassword) || p.has(attrARAPPassword)) {
		return defectEAPPassword
	}
	return nil
}
