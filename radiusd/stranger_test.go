package radiusd

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Who sends without being a client is remembered with what it says of itself, until it
// is a client.
func TestStrangersAreRemembered(t *testing.T) {
	g := prepare(t)
	readers := []*offlineReader{g.offline(authListener), g.offline(acctListener)}
	for _, r := range readers {
		r.from = routeOf(netip.MustParseAddrPort("10.20.0.7:40000"))
	}
	readers[authListener].answers(access(1, "a", attr{4, []byte{192, 168, 7, 1}}, attr{26, []byte{0, 0, 0x39, 0xe7, 1, 6, 'x', 'x', 'x', 'x'}}))
	readers[acctListener].answers(accounting(1, macwatch.StatusStart, "s"))
	readers[acctListener].answers([]byte("\x1b]0;rubbish\x07"))
	readers[authListener].from = routeOf(netip.MustParseAddrPort("10.20.0.8:40000"))
	readers[authListener].answers(build(1, 1, "b", text(1, "bob"), text(32, "evil\x1b[2J\u202ename")))

	found := g.Strangers()
	require.Len(t, found, 2)
	require.Equal(t, netip.MustParseAddr("10.20.0.7"), found[0].Source)
	require.Equal(t, []string{"auth", "acct"}, found[0].Listeners)
	require.Equal(t, "ap-1", found[0].NASIdentifier)
	require.Equal(t, "192.168.7.1", found[0].NASAddress)
	require.Contains(t, []macwatch.Vendor{macwatch.VendorArubaInstant, macwatch.VendorArubaController}, found[0].Vendor)
	require.True(t, found[0].MessageAuthenticator)
	require.Equal(t, 3, found[0].Packets)
	require.False(t, found[1].MessageAuthenticator)
	require.Equal(t, "evil?[2J?name", found[1].NASIdentifier)

	events, _ := g.history(macwatch.TraceFilter{Reason: licensing.ReasonUnknownClient.String()})
	require.Len(t, events, 2, "one address is one entry")

	g.clients = append(g.clients, macwatch.Client{ID: 9, Name: "new", Prefix: netip.MustParsePrefix("10.20.0.7/32"), Secret: testSecret, LocationID: 7})
	g.Publish(g.snapshot())
	require.Len(t, g.Strangers(), 1)
}

// Addresses that somebody invents, each once, do not push out an access point that keeps
// on trying, and take bounded memory.
func TestInventedAddressesPushOutEachOther(t *testing.T) {
	g := prepare(t)
	r := g.offline(authListener)
	from := func(i int) {
		r.from = routeOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1812))
	}
	ap := func() { r.from = routeOf(netip.MustParseAddrPort("192.168.1.20:1812")) }
	for i := range 4 * maxStrangers {
		if i%(maxStrangers/8) == 0 {
			ap()
			r.answers(access(byte(i), fmt.Sprint("ap", i)))
		}
		from(i)
		r.arrived += instant(10e6) // below the pace
		r.answers(access(byte(i), "flood"))
	}
	found := g.Strangers()
	require.LessOrEqual(t, len(found), maxStrangers)
	at := slices.IndexFunc(found, func(s macwatch.Stranger) bool { return s.Source == netip.MustParseAddr("192.168.1.20") })
	require.GreaterOrEqual(t, at, 0)
	require.Equal(t, 32, found[at].Packets)
}
