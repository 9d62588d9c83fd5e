package macwatch

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The nine spellings of research/vendors.md section 3.
var spellings = []string{
	"AA-BB-CC-DD-EE-FF", "aa-bb-cc-dd-ee-ff", "AA:BB:CC:DD:EE:FF", "aa:bb:cc:dd:ee:ff", "aabbccddeeff", "AABBCCDDEEFF",
	"aabb-ccdd-eeff", "aabb.ccdd.eeff", "aabbcc-ddeeff",
}

func TestEverySpellingIsTheSameMAC(t *testing.T) {
	for _, s := range append(spellings, "aA:bB-cC.dDeE:fF", "-aabbccddeeff-") {
		m, ok := ParseMAC(s)
		require.True(t, ok, s)
		require.Equal(t, MAC(0xaabbccddeeff), m, s)
		b, ok := ParseMAC([]byte(s))
		require.True(t, ok && b == m, s)
		require.Equal(t, "aa:bb:cc:dd:ee:ff", m.String())
		var read MAC
		require.NoError(t, json.Unmarshal([]byte(strconv.Quote(s)), &read), s)
		require.Equal(t, m, read)
	}
	for _, s := range []string{
		"", ":", "aabbccddeef", "aabbccddeeff0", "aabbccddeefg", "aa bb cc dd ee ff", " aabbccddeeff", "aabbccddeeff ", "aa_bb_cc_dd_ee_ff",
		"10.50.8.9", "0xaabbccddeeff", "aabbccddeeff:guest", "aa:bb:cc:dd:ee:ff:00", "５c1dd920a0c1",
	} {
		m, ok := ParseMAC(s)
		require.False(t, ok, s)
		require.Zero(t, m, s)
		require.Error(t, new(MAC).UnmarshalText([]byte(s)), s)
	}
}

// DESIGN 2.3: "what is no MAC at all" is no device, though twelve digits remain.
func TestAnIPAddressIsNoMAC(t *testing.T) {
	for _, s := range []string{"192.168.100.101", "123.123.123.123", "fe80::aabb:ccdd", "2001:db8::1:2345", "::aabb:ccdd:eeff", "aabb:ccdd:eeff::"} {
		m, ok := ParseMAC(s)
		require.False(t, ok, "%s is not %s", s, m)
	}
	for _, s := range []string{"192168.100101", "300.300.300.300"} {
		_, ok := ParseMAC(s)
		require.True(t, ok, "%s is no IP address", s)
	}
}

func TestParseMACAllocatesNothing(t *testing.T) {
	b := []byte("AA-BB-CC-DD-EE-FF")
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = ParseMAC(b) }))
}

func TestWhatAnAddressIs(t *testing.T) {
	for s, want := range map[string]struct{ device, private bool }{
		"00:11:22:33:44:55": {true, false},
		"02:11:22:33:44:55": {true, true},
		"da:11:22:33:44:55": {true, true},
		"fe:ff:ff:ff:ff:ff": {true, true},
		"00:00:00:00:00:01": {true, false},
		"00:00:00:00:00:00": {false, false},
		"ff:ff:ff:ff:ff:ff": {false, true},
		"01:00:5e:00:00:fb": {false, false},
		"33:33:00:00:00:01": {false, true},
	} {
		m, ok := ParseMAC(s)
		require.True(t, ok)
		require.Equal(t, want.device, m.Device(), s)
		require.Equal(t, want.private, m.Private(), s)
		require.Equal(t, s, m.String())
		require.Equal(t, s[12:14]+s[15:], m.Last4())
	}
}

// FuzzParseMAC holds the parser against the rule as it is written: strip - : . and
// exactly 12 hexadecimal digits must remain.
func FuzzParseMAC(f *testing.F) {
	for _, s := range append(spellings, "", "10.50.8.9", "aabbccddeeff:guest", "aa:bb:cc:dd:ee:fg") {
		f.Add(s)
	}
	rule := regexp.MustCompile(`^[0-9A-Fa-f]{12}$`)
	strip := strings.NewReplacer("-", "", ":", "", ".", "")
	f.Fuzz(func(t *testing.T, s string) {
		m, ok := ParseMAC(s)
		digits := strip.Replace(s)
		if _, err := netip.ParseAddr(s); err == nil && ok {
			t.Fatalf("ParseMAC(%q) takes an IP address for a MAC", s)
		} else if want := rule.MatchString(digits); ok != want && (ok || !strings.Contains(s, "::") && err != nil) {
			t.Fatalf("ParseMAC(%q) = %v, the rule says %v", s, ok, want)
		}
		if !ok {
			if m != 0 {
				t.Fatalf("ParseMAC(%q) = %s without ok", s, m)
			}
			return
		}
		n, err := strconv.ParseUint(digits, 16, 64)
		if err != nil || MAC(n) != m {
			t.Fatalf("ParseMAC(%q) = %012x, want %012x", s, uint64(m), n)
		}
		if hw, err := net.ParseMAC(m.String()); err != nil || hw.String() != m.String() {
			t.Fatalf("%q is not what net.ParseMAC knows", m.String())
		}
		if again, ok := ParseMAC(fmt.Sprintf("%012X", n)); !ok || again != m {
			t.Fatal("another spelling is another MAC")
		}
	})
}
