package radiusd

import "encoding/binary"

// reply is an answer in the making, written straight into the buffer that will be
// sent. Attributes that no longer fit are noted, not written; sign then refuses.
type reply struct {
	b      []byte
	signAt int // where the Message-Authenticator's value stands; 0: it carries none
	full   bool
}

// begin starts the answer to a request. With signed, Message-Authenticator is the
// first attribute: in last place it protects only clients that look for it
// (BlastRADIUS, CVE-2024-3596).
func (r *reply) begin(buffer []byte, c code, request *datagram, signed bool) {
	*r = reply{b: append(buffer[:0], byte(c), request.identifier(), 0, 0)}
	r.b = append(r.b, request.authenticator()...)
	if signed {
		r.signAt = len(r.b) + 2
		r.b = append(r.b, attrMessageAuthenticator, 2+authenticatorSize)
		r.b = append(r.b, make([]byte, authenticatorSize)...)
	}
}

// head appends the header of an attribute whose value takes n octets.
func (r *reply) head(kind uint8, n int) bool {
	if n > 253 || len(r.b)+2+n > maxPacket {
		r.full = true
		return false
	}
	r.b = append(r.b, kind, byte(2+n))
	return true
}

func (r *reply) octets(kind uint8, value []byte) {
	if r.head(kind, len(value)) {
		r.b = append(r.b, value...)
	}
}

func (r *reply) text(kind uint8, value string) {
	if r.head(kind, len(value)) {
		r.b = append(r.b, value...)
	}
}

func (r *reply) number(kind uint8, value uint32) {
	if r.head(kind, 4) {
		r.b = binary.BigEndian.AppendUint32(r.b, value)
	}
}

// vendorNumber appends a Vendor-Specific attribute that holds one number.
func (r *reply) vendorNumber(vendor uint32, kind uint8, value uint32) {
	if r.head(attrVendorSpecific, 10) {
		r.b = binary.BigEndian.AppendUint32(r.b, vendor)
		r.b = append(r.b, kind, 6)
		r.b = binary.BigEndian.AppendUint32(r.b, value)
	}
}

// vendorOctets appends a Vendor-Specific attribute that holds one text, of at most 247 octets.
func (r *reply) vendorOctets(vendor uint32, kind uint8, value []byte) {
	if r.head(attrVendorSpecific, 6+len(value)) {
		r.b = binary.BigEndian.AppendUint32(r.b, vendor)
		r.b = append(r.b, kind, byte(2+len(value)))
		r.b = append(r.b, value...)
	}
}

// echo copies every Proxy-State of the request, unchanged and in order (RFC 2865
// section 5.33).
func (r *reply) echo(request *datagram) {
	if request.proxyStates == 0 {
		return
	}
	for state := range request.attributes().each(attrProxyState) {
		r.octets(attrProxyState, state)
	}
}

// close fills in Length.
func (r *reply) close() { binary.BigEndian.PutUint16(r.b[2:], uint16(len(r.b))) }

// sign returns the finished packet, nil when the attributes did not fit into 4096 octets.
func (r *reply) sign(h *hasher, s *secret) []byte {
	if r.full {
		return nil
	}
	r.close()
	h.sign(r.b, r.signAt, s)
	return r.b
}
