package radiusd

import (
	"bytes"
	"encoding/binary"
	"iter"

	"tallygate/radiusd/dictionary"
)

// vendorAttribute is one sub-attribute of a Vendor-Specific attribute.
type vendorAttribute struct {
	vendor uint32
	kind   uint8
	value  []byte
}

// vendorAttributes yields the sub-attributes of a Vendor-Specific value (RFC 2865
// section 5.26: vendor id, then type, length, value). It stops where the octets
// no longer have that form, which is legal: RFC 2865 only recommends it. A
// sub-length below 2 would never advance and one beyond the value would read
// foreign octets, so either ends the walk.
func vendorAttributes(value []byte) iter.Seq[vendorAttribute] {
	return func(yield func(vendorAttribute) bool) {
		if len(value) < 4 || value[0] != 0 {
			return
		}
		vendor := binary.BigEndian.Uint32(value)
		rest := attributes(value[4:])
		for kind, v, rest, ok := rest.next(); ok; kind, v, rest, ok = rest.next() {
			if !yield(vendorAttribute{vendor, kind, v}) {
				return
			}
		}
	}
}

// Keys of a Cisco-AVPair that are looked for.
const (
	pairAudit   = "audit-session-id="
	pairSSID    = "cisco-wlan-ssid="
	pairProfile = "wlan-profile-name="
	pairVLAN    = "vlan-id="
)

// vendorValues are the vendor attributes of one packet that the dictionary knows: the
// first of each, where it lies. Cisco's pairs are many of one type, told apart by their keys.
type vendorValues struct {
	first                      [dictionary.Count][]byte
	known                      bool // first holds something
	audit, ssid, profile, vlan []byte
	pairs                      bool // a pair was there
}

// read walks the packet's Vendor-Specific attributes.
func (v *vendorValues) read(p *packet) {
	if v.known {
		*v = vendorValues{}
	}
	if !p.has(attrVendorSpecific) {
		return
	}
	for value := range p.attributes().each(attrVendorSpecific) {
		for a := range vendorAttributes(value) {
			id, ok := dictionary.Find(a.vendor, a.kind)
			switch {
			case !ok:
				continue
			case id == dictionary.CiscoAVPair:
				v.pair(a.value)
			}
			if v.first[id] == nil {
				v.first[id] = a.value
				v.known = true
			}
		}
	}
}

func (v *vendorValues) pair(text []byte) {
	v.pairs = true
	for _, k := range [...]struct {
		key string
		to  *[]byte
	}{{pairAudit, &v.audit}, {pairSSID, &v.ssid}, {pairProfile, &v.profile}, {pairVLAN, &v.vlan}} {
		if value, ok := cutPrefix(text, k.key); ok && *k.to == nil {
			*k.to = value
		}
	}
}

// cutPrefix is bytes.CutPrefix for a prefix that is a string.
func cutPrefix(b []byte, prefix string) ([]byte, bool) {
	if len(b) < len(prefix) || string(b[:len(prefix)]) != prefix {
		return nil, false
	}
	return b[len(prefix):], true
}

// text is a value without the NULs that some senders end it with; nil when absent or empty.
func (v *vendorValues) text(id dictionary.ID) []byte {
	if id >= dictionary.Count {
		return nil
	}
	return trimmed(v.first[id])
}

// number is that of an attribute of four octets.
func (v *vendorValues) number(id dictionary.ID) (uint32, bool) {
	value := v.first[id]
	if len(value) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(value), true
}

// trimmed cuts NULs and white space off the ends.
func trimmed(b []byte) []byte {
	return bytes.TrimSpace(bytes.Trim(b, "\x00"))
}
