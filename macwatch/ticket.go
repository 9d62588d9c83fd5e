package macwatch

import (
	"crypto/rand"
	"math/bits"
	"strings"
)

// codeAlphabet is Crockford's base 32: no I, L, O and U. Five bits a symbol.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Lengths of a ticket's code, in symbols without prefix and hyphens.
const (
	MinCode     = 6
	DefaultCode = 10 // 50 bits
	MaxCode     = 20
)

// codeMargin is how many bits a guess must be short of a hit: somebody who tries codes
// finds one of all those that are good at a Location once in 2^30 times, which takes a
// year at 34 a second.
const codeMargin = 30

// CodeLengthFor is the shortest length with which codes cannot be guessed while so many
// are good.
func CodeLengthFor(tickets int) int {
	need := codeMargin + bits.Len(uint(max(tickets, 1)-1))
	return max(MinCode, (need+4)/5)
}

// NewCode draws a code of so many symbols, in groups of four or five, after the prefix:
// LOBBY-7K3QM-2XH4W.
func NewCode(prefix string, symbols int) string {
	for {
		code := group(randomSymbols(symbols))
		if prefix != "" {
			code = prefix + "-" + code
		}
		// What looks like a MAC address would be taken for a log-in by address.
		if _, mac := ParseMAC(PassKey(nil, []byte(code))); !mac {
			return code
		}
	}
}

// NewGuestName draws the user name and password of a portal's credential: 80 and 100
// bits, in small letters, as no guest types them.
func NewGuestName() (name, password string) {
	return "g-" + strings.ToLower(randomSymbols(16)), strings.ToLower(randomSymbols(20))
}

func randomSymbols(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	for i := range b {
		b[i] = codeAlphabet[b[i]%32] // 256 is a multiple of 32: every symbol is as likely
	}
	return string(b)
}

// group sets hyphens, so that people can read it out.
func group(s string) string {
	size := 4
	if len(s)%5 == 0 {
		size = 5
	}
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && i%size == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// CodeSpellings are the ways in which a guest may have typed a code, for CHAP, which
// shows only a hash of it: as printed, without hyphens, in small letters, and nothing at
// all, where the form asks for the code alone. typed is the user name as it came.
func CodeSpellings(code string, typed []byte) [6]string {
	bare := strings.NewReplacer("-", "", " ", "").Replace(code)
	return [...]string{string(typed), code, bare, strings.ToLower(code), strings.ToLower(bare), ""}
}
