package licensing

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The numbers are printed on paper: they must never change. These two were
// computed by another program.
func TestLicenseNumberIsStable(t *testing.T) {
	require.Equal(t, "TG-ZMZ1-75EA-XP7N", LicenseNumber("00112233445566778899aabbccddeeff", 0))
	require.Equal(t, "TG-FQ5J-E18E-CGTQ", LicenseNumber("00112233445566778899aabbccddeeff", 1))
}

func TestParseNumberForgivesHowPeopleWrite(t *testing.T) {
	// A number with both a 0 and a 1 in it, whatever the alphabet makes of the rest.
	var number string
	for i := 0; !strings.Contains(number, "0") || !strings.Contains(number, "1"); i++ {
		number = LicenseNumber("forgiving", i)
	}
	plain := strings.ReplaceAll(number, "-", "")
	for _, written := range []string{
		number, strings.ToLower(number), " " + number + "\n", plain, plain[2:], number[3:],
		strings.ReplaceAll(number, "0", "O"), strings.ReplaceAll(number, "0", "o"),
		strings.ReplaceAll(number, "1", "I"), strings.ReplaceAll(number, "1", "l"),
		strings.ReplaceAll(number, "-", " "),
	} {
		got, err := ParseNumber(written)
		require.NoError(t, err, written)
		require.Equal(t, number, got)
	}
	for _, wrong := range []string{"", "TG", "TG-", plain[:13], plain + "0", "XX" + plain[2:], "TG-UUUU-UUUU-UUUU", plain[:5] + "é" + plain[7:], strings.Repeat("0", 1000)} {
		_, err := ParseNumber(wrong)
		requireAdvice(t, err, CodeInvalid)
	}
}

func TestNumberCatchesTypingErrors(t *testing.T) {
	form := regexp.MustCompile(`^TG(-[0-9A-HJKMNP-TV-Z]{4}){3}$`)
	rapid.Check(t, func(t *rapid.T) {
		number := LicenseNumber(rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "grant"), rapid.IntRange(0, 999).Draw(t, "index"))
		require.Regexp(t, form, number)
		symbols := strings.ReplaceAll(number[3:], "-", "")

		for at := range numberSymbols {
			for _, other := range crockford {
				typed := symbols[:at] + string(other) + symbols[at+1:]
				got, err := ParseNumber(typed)
				if typed == symbols {
					require.NoError(t, err)
					require.Equal(t, number, got)
				} else {
					require.Error(t, err, "%s for %s", typed, symbols)
				}
			}
		}
		for at := range numberSymbols - 1 {
			a, b := symbols[at], symbols[at+1]
			if a == b || a == '0' && b == 'Z' || a == 'Z' && b == '0' { // the one swap that Luhn mod 32 lets pass
				continue
			}
			typed := symbols[:at] + string([]byte{b, a}) + symbols[at+2:]
			_, err := ParseNumber(typed)
			require.Error(t, err, "%s for %s", typed, symbols)
		}
	})
}

func TestNumbersOfAPoolDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for _, grant := range []string{"a", "b", "a\n1"} {
		for i := range 1000 {
			n := LicenseNumber(grant, i)
			require.False(t, seen[n])
			seen[n] = true
		}
	}
}
