package load

// firstMAC begins the guests' addresses: globally administered, so that no rule about
// randomised addresses applies.
const firstMAC = 0x8042_0000_0000

// scatter is a large prime: multiplied with it, numbers that follow each other lie far
// apart, as the addresses and session ids of a real venue do. In-order keys would
// flatter every B-tree.
const scatter = 2_654_435_761

const (
	lowerDigits = "0123456789abcdef"
	upperDigits = "0123456789ABCDEF"
)

// MAC is the address of guest i of n, 48 bits. All n together are the addresses from
// MAC(0, n) up without a gap, in scattered order. n is at most 2^31.
func MAC(i, n uint64) uint64 { return firstMAC + i%n*scatter%n }

// BareMAC writes an address as 12 hexadecimal digits, lower case: the User-Name and the
// password of a MAC login here.
func BareMAC(mac uint64) string { return string(appendHex(nil, mac, 12, lowerDigits)) }

// User is the name and the password of portal login i, which is below 10^6.
func User(i uint64) (name, password string) {
	return string(appendUser(nil, "guest-", i)), string(appendUser(nil, "river-", i))
}

func appendUser(dst []byte, prefix string, i uint64) []byte {
	dst = append(dst, prefix...)
	for unit := uint64(100_000); unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(i/unit%10))
	}
	return dst
}

// appendHex appends the last so many hexadecimal digits of n.
func appendHex(dst []byte, n uint64, count int, digits string) []byte {
	for shift := 4 * (count - 1); shift >= 0; shift -= 4 {
		dst = append(dst, digits[n>>shift&0xf])
	}
	return dst
}

// appendDashed appends an address as access points write it (RFC 3580 section 3.20).
func appendDashed(dst []byte, mac uint64) []byte {
	for shift := 40; shift >= 0; shift -= 8 {
		dst = appendHex(dst, mac>>shift, 2, upperDigits)
		if shift > 0 {
			dst = append(dst, '-')
		}
	}
	return dst
}
