package licensing

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
)

// crockford is Crockford's base32 alphabet: no I, L, O, U, so that a number can
// be read out over the telephone.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// numberSymbols counts the symbols of a license number: 11 of 5 bits, and the
// check symbol.
const numberSymbols = 12

// LicenseNumber is the short name of the index-th license of a grant, from 0:
// TG-XXXX-XXXX-XXXX. It is derived, so that issuer and gateway agree on it without
// a word, and 55 bits long: among a million licenses the odds that any two share
// a number are about 1 in 70,000.
func LicenseNumber(grantID string, index int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "tallygate license number v1\n%s\n%d", grantID, index))
	bits := binary.BigEndian.Uint64(sum[:])
	var symbols [numberSymbols]byte
	for i := range numberSymbols - 1 {
		symbols[i] = crockford[bits>>(59-5*i)&31]
	}
	symbols[numberSymbols-1] = checkSymbol(string(symbols[:numberSymbols-1]))
	return formatNumber(string(symbols[:]))
}

// ParseNumber reads a license number as people write it: in any case, with or
// without TG and hyphens, with the letter O for 0 and I or L for 1. It returns the
// exact form; a number that cannot be right is CodeInvalid.
func ParseNumber(s string) (string, error) {
	symbols := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").
		Replace(strings.ToUpper(strings.TrimSpace(s)))
	// T and G are symbols too, so that only the length tells the prefix.
	if len(symbols) == len("TG")+numberSymbols {
		symbols = strings.TrimPrefix(symbols, "TG")
	}
	if len(symbols) != numberSymbols || strings.Trim(symbols, crockford) != "" {
		return "", Errorf(CodeInvalid, "%.40q is not a license number", s).
			WithHint("license numbers look like TG-XXXX-XXXX-XXXX; `tallygate license list` shows them")
	}
	if body := symbols[:numberSymbols-1]; symbols[numberSymbols-1] != checkSymbol(body) {
		return "", Errorf(CodeInvalid, "%.40q is mistyped: its check symbol does not fit", s).
			WithHint("compare it symbol by symbol with the original")
	}
	return formatNumber(symbols), nil
}

func formatNumber(symbols string) string {
	return "TG-" + symbols[:4] + "-" + symbols[4:8] + "-" + symbols[8:]
}

// checkSymbol is the Luhn mod 32 check of symbols, which are all in the alphabet.
// It catches every single wrong symbol and every swap of neighbours, but 0 with Z.
func checkSymbol(symbols string) byte {
	sum, factor := 0, 2
	for i := len(symbols) - 1; i >= 0; i-- {
		n := factor * strings.IndexByte(crockford, symbols[i])
		sum += n/32 + n%32
		factor = 3 - factor
	}
	return crockford[(32-sum%32)%32]
}
