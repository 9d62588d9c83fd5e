package macwatch

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"strconv"
)

// Veil turns the addresses of one Location's devices into pseudonyms, with a key: 60
// bits of HMAC-SHA256 and the bit that says whether the address is a private one. A
// pseudonym is a MAC to everything that counts, limits and lists; what it is not is an
// address. Among a million devices of a Location two share one with a probability of
// one in two million.
//
// Not SipHash, nor another fast keyed hash: who has the database may try the 2^46
// addresses offline for years, and HMAC-SHA256 is what is known to stand that. It costs
// a third of a microsecond, so that nothing is gained by remembering pseudonyms.
type Veil struct {
	inner, outer [sha256.BlockSize]byte // the key, as HMAC wants it (RFC 2104 section 2)
}

// Pseudonyms lie above all addresses. The bits that tell private and group addresses
// are where they are in an address; the other 60 below veiled are the hash.
const (
	veiled     = MAC(1) << 62
	flagsAt    = 40
	lowBits    = MAC(1)<<flagsAt - 1
	highBits   = MAC(1)<<20 - 1
	privateBit = MAC(2) << flagsAt
	groupBit   = MAC(1) << flagsAt
)

// NewVeil takes a key of at most 64 octets.
func NewVeil(key []byte) *Veil {
	v := &Veil{}
	copy(v.inner[:], key)
	copy(v.outer[:], key)
	for i := range v.inner {
		v.inner[i] ^= 0x36
		v.outer[i] ^= 0x5c
	}
	return v
}

// Name is the pseudonym of an address; what is none, or a pseudonym already, stays. It
// allocates nothing and may be called by several goroutines.
func (v *Veil) Name(m MAC) MAC {
	if m == 0 || m.Veiled() {
		return m
	}
	var b [sha256.BlockSize + sha256.Size]byte
	copy(b[:], v.inner[:])
	for i := range 6 {
		b[sha256.BlockSize+i] = byte(m >> (40 - 8*i))
	}
	sum := sha256.Sum256(b[:sha256.BlockSize+6])
	copy(b[:], v.outer[:])
	copy(b[sha256.BlockSize:], sum[:])
	sum = sha256.Sum256(b[:])
	hash := MAC(0)
	for _, octet := range sum[:8] {
		hash = hash<<8 | MAC(octet)
	}
	return assemble(hash>>4, m&privateBit)
}

// Veiled reports whether m is a pseudonym, not an address.
func (m MAC) Veiled() bool { return m>>62 == 1 }

func assemble(hash, flags MAC) MAC {
	return veiled | hash>>flagsAt&highBits<<(flagsAt+2) | flags | hash&lowBits
}

// pseudonymSize is the length of a pseudonym as text: 15 digits of hash, one of flags.
const pseudonymSize = 1 + 16

// appendPseudonym spells it so that nobody takes it for an address: ~3f9ac01d77e2b452.
func (m MAC) appendPseudonym(dst []byte) []byte {
	text := m>>(flagsAt+2)&highBits<<44 | m&lowBits<<4 | m>>flagsAt&3
	dst = append(dst, '~')
	for i := range 16 {
		dst = append(dst, hexDigits[text>>(60-4*i)&15])
	}
	return dst
}

// ParseDevice reads what names a device in a command: an address in any spelling, or a
// pseudonym as a list shows it. Packets hold no pseudonyms: see ParseMAC.
func ParseDevice(s string) (MAC, bool) {
	if len(s) == 0 || s[0] != '~' {
		return ParseMAC(s)
	}
	if len(s) != pseudonymSize {
		return 0, false
	}
	text, err := strconv.ParseUint(s[1:], 16, 64)
	if err != nil || text&0xd != 0 {
		return 0, false
	}
	return assemble(MAC(text>>4), MAC(text&2)<<flagsAt), true
}

// Redact puts name in the place of every spelling of an address in text: 12 hexadecimal
// digits, with or without - : . between them, also within a longer run of digits; and
// its six octets.
func Redact[T string | []byte](text T, address MAC, name string) T {
	if address == 0 || address.Veiled() {
		return text
	}
	if _, to := find(address, text, 0); to == 0 {
		return text
	}
	return T(redacted(nil, text, address, []byte(name)))
}

// Redacted appends text to dst, with the pseudonym in the place of the address.
func Redacted(dst, text []byte, address, pseudonym MAC) []byte {
	var name [MACText]byte
	return redacted(dst, text, address, pseudonym.AppendTo(name[:0]))
}

func redacted[T string | []byte](dst []byte, text T, address MAC, name []byte) []byte {
	for begin := 0; ; {
		from, to := find(address, text, begin)
		if to == 0 {
			return append(dst, text[begin:]...)
		}
		dst = append(append(dst, text[begin:from]...), name...)
		begin = to
	}
}

// In reports whether any spelling of the address stands in b. It allocates nothing.
func (m MAC) In(b []byte) bool {
	_, to := find(m, b, 0)
	return to > 0
}

// find is where the first spelling at or after begin stands; to is 0 when none does.
func find[T string | []byte](m MAC, s T, begin int) (from, to int) {
	for from = begin; from+6 <= len(s); from++ {
		if to = spellingAt(m, s, from); to > 0 {
			return from, to
		}
	}
	return 0, 0
}

// spellingAt is the end of a spelling of the address that begins there, 0 for none.
func spellingAt[T string | []byte](m MAC, s T, begin int) int {
	octets := 0
	for octets < 6 && s[begin+octets] == byte(m>>(40-8*octets)) {
		octets++
	}
	if octets == 6 {
		return begin + 6
	}
	digits := 0
	for i := begin; i < len(s); i++ {
		d := hexValue(s[i])
		switch {
		case d < 0 && (digits == 0 || s[i] != '-' && s[i] != ':' && s[i] != '.'):
			return 0
		case d < 0:
			continue
		case MAC(d) != m>>(44-4*digits)&15:
			return 0
		}
		if digits++; digits == 12 {
			return i + 1
		}
	}
	return 0
}

// firstDigits of a pseudonym are what a log line shows of it: its end says more of flags than of the device.
func (m MAC) firstDigits() string { return string(m.appendPseudonym(nil)[:5]) }

// Fingerprint names a key without telling it.
func Fingerprint(key []byte) string {
	sum := sha256.Sum256(append([]byte("tallygate fingerprint\x00"), key...))
	return hex.EncodeToString(sum[:8])
}

// Addresses finds everything in b that may be the spelling of an address: 12 hexadecimal
// digits, with or without - : . between them.
func Addresses(b []byte) iter.Seq[MAC] {
	return func(yield func(MAC) bool) {
		for from := range b {
			m, digits := MAC(0), 0
			for i := from; i < len(b) && digits < 12; i++ {
				d := hexValue(b[i])
				if d < 0 && (digits == 0 || b[i] != '-' && b[i] != ':' && b[i] != '.') {
					break
				}
				if d >= 0 {
					m, digits = m<<4|MAC(d), digits+1
				}
			}
			if digits == 12 && m != 0 && !yield(m) {
				return
			}
		}
	}
}
