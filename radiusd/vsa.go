package radiusd

import (
	"encoding/binary"
	"iter"
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
