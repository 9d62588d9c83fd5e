package radiusd

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/macwatch"
)

func TestTheLongestPrefixFindsTheClient(t *testing.T) {
	var clients []macwatch.Client
	for i, p := range []string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "::/0", "2001:db8::/32", "2001:db8::1/128", "::ffff:192.0.2.0/120"} {
		clients = append(clients, macwatch.Client{ID: int64(i), Name: p, Prefix: netip.MustParsePrefix(p)})
	}
	s := NewSnapshot(clients, nil, nil)
	for source, want := range map[string]string{
		"203.0.113.1": "0.0.0.0/0",
		"10.9.9.9":    "10.0.0.0/8",
		"10.1.9.9":    "10.1.0.0/16",
		"10.1.2.3":    "10.1.2.3/32",
		"192.0.2.9":   "::ffff:192.0.2.0/120",
		"2001:db9::1": "::/0",
		"2001:db8::2": "2001:db8::/32",
		"2001:db8::1": "2001:db8::1/128",
	} {
		c := s.client(netip.MustParseAddr(source))
		require.NotNil(t, c, source)
		require.Equal(t, want, c.Name, source)
	}
	require.Nil(t, NewSnapshot(clients[1:4], nil, nil).client(netip.MustParseAddr("11.0.0.1")))
	require.Nil(t, NewSnapshot(clients[1:4], nil, nil).client(netip.MustParseAddr("2001:db8::1")))
	require.Nil(t, NewSnapshot([]macwatch.Client{{}}, nil, nil).client(netip.MustParseAddr("10.0.0.1")))
}

func TestTheLongestPrefixAgainstASearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.Custom(func(t *rapid.T) netip.Addr {
			b := rapid.SliceOfN(rapid.ByteRange(0, 3), 4, 4).Draw(t, "octets")
			return netip.AddrFrom4([4]byte(b))
		})
		seen := map[netip.Prefix]bool{}
		var clients []macwatch.Client
		for range rapid.IntRange(0, 8).Draw(t, "clients") {
			p := netip.PrefixFrom(address.Draw(t, "address"), rapid.IntRange(0, 32).Draw(t, "bits")).Masked()
			if !seen[p] {
				seen[p] = true
				clients = append(clients, macwatch.Client{Name: p.String(), Prefix: p})
			}
		}
		source := address.Draw(t, "source")
		want, bits := "", -1
		for _, c := range clients {
			if c.Prefix.Contains(source) && c.Prefix.Bits() > bits {
				want, bits = c.Name, c.Prefix.Bits()
			}
		}
		got := ""
		if c := NewSnapshot(clients, nil, nil).client(source); c != nil {
			got = c.Name
		}
		if got != want {
			t.Fatalf("%s: got %q, want %q", source, got, want)
		}
	})
}
