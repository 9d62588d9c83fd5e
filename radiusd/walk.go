package radiusd

import "iter"

// attributes is a run of attributes as they stand in a packet: type, length, value.
// It is walked where it lies; nothing is copied and nothing allocated.
type attributes []byte

// next splits off the first attribute. ok is false at the end, and where the
// octets do not form an attribute; rest is then what was left.
func (a attributes) next() (kind uint8, value []byte, rest attributes, ok bool) {
	if len(a) < 2 {
		return 0, nil, a, false
	}
	n := int(a[1])
	if n < 2 || n > len(a) {
		return 0, nil, a, false
	}
	return a[0], a[2:n:n], a[n:], true
}

// each yields the values of all attributes of one type, in order.
func (a attributes) each(kind uint8) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for k, value, rest, ok := a.next(); ok; k, value, rest, ok = rest.next() {
			if k == kind && !yield(value) {
				return
			}
		}
	}
}
