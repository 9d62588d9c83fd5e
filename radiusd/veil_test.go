package radiusd

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestUnderAVeilOnlyPseudonymsLeave(t *testing.T) {
	veil := macwatch.NewVeil([]byte("of this Location"))
	name := veil.Name(guestMAC)
	g := start(t, func(g *gateway) {
		g.venue.Veil = veil
		g.venue.APs = slots(lobbyAP)
		g.location.Settings.Room = licensing.RoomRule{Attribute: "Calling-Station-Id"}
	})
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	class := rfc2865.Class_Get(auth.exchange(access(1, "class")))
	require.Len(t, class, classSizeVeiled)
	require.False(t, guestMAC.In(class))

	acct.exchange(accounting(1, macwatch.StatusStart, "s", attr{25, class}))
	old := newHasher(g.options.ClassKey).makeClass(7, guestMAC, time.Now())
	acct.exchange(accounting(2, macwatch.StatusInterim, "s", attr{25, old}))
	acct.exchange(accounting(3, macwatch.StatusOn, ""))
	records := g.journal.records()
	require.Equal(t, name, records[0].MAC)
	require.Equal(t, guestMAC, records[0].Address, "for Disconnect, and to know an AP that reports itself")
	require.True(t, records[0].Accepted)
	require.True(t, records[1].Accepted, "a token of before the switch names the address")
	require.False(t, guestMAC.In(records[0].Room), "a room made of the guest's address is made of the pseudonym")
	require.Zero(t, records[2].MAC)
	require.Zero(t, records[2].Address)
}

func TestTheTraceUnderAVeilShowsPseudonyms(t *testing.T) {
	veil := macwatch.NewVeil([]byte("of this Location"))
	g := start(t, func(g *gateway) {
		g.venue.Veil = veil
		g.venue.APs = slots(lobbyAP)
	})
	dial(t, g.AcctAddrs()[0]).exchange(accounting(1, macwatch.StatusStart, "s-"+guestMAC.String(), text(1, guestMAC.String())))
	for _, asked := range []macwatch.MAC{guestMAC, veil.Name(guestMAC)} {
		events, _ := g.history(macwatch.TraceFilter{MAC: asked})
		require.Len(t, events, 1)
		name := veil.Name(guestMAC).String()
		require.Equal(t, []string{name, "s-" + name}, []string{events[0].MAC, events[0].SessionID})
	}
}

func TestAListUnderAVeilHoldsPseudonyms(t *testing.T) {
	veil := macwatch.NewVeil([]byte("of this Location"))
	g := start(t, func(g *gateway) {
		g.venue.Veil = veil
		g.venue.APs = slots(lobbyAP)
		g.venue.Blocked = map[macwatch.MAC]string{veil.Name(guestMAC): ""}
	})
	require.Equal(t, radius.CodeAccessReject, dial(t, g.AuthAddrs()[0]).exchange(access(1, "blocked")).Code)
}

func TestVeiledClassTokens(t *testing.T) {
	h, now := newHasher(make([]byte, 32)), time.Unix(1_800_000_000, 0)
	name := macwatch.NewVeil([]byte("k")).Name(guestMAC)
	token := append([]byte(nil), h.makeClass(7, name, now)...)
	require.True(t, h.validClass(token, 7, name, now))
	require.False(t, h.validClass(token, 7, guestMAC, now))
	require.False(t, h.validClass(token, 7, macwatch.NewVeil([]byte("l")).Name(guestMAC), now))
	for i := range token {
		bad := append([]byte(nil), token...)
		bad[i] ^= 1
		require.False(t, h.validClass(bad, 7, name, now), "octet %d", i)
	}
	require.Equal(t, uint64(name), binary.BigEndian.Uint64(token[9:]))
}

// Accounting that names no device, or no Location, is joined with its login under a veil,
// too; each Location has pseudonyms of its own.
func TestJoinsUnderAVeil(t *testing.T) {
	here, there := macwatch.NewVeil([]byte("here")), macwatch.NewVeil([]byte("there"))
	g := start(t, func(g *gateway) { g.clients[0].LocationID = 7 })
	beach := &licensing.Location{ID: 8, Code: "28N2S008", Organization: "Sol", Realm: "hotelsol", Licenses: []*licensing.License{g.license()}, Settings: g.location.Settings}
	g.license().Allotments = append(g.license().Allotments, licensing.Allotment{LocationID: 8, APs: licensing.Unlimited, Rooms: licensing.Unlimited})
	g.clients[0].Locations = []macwatch.LocationRule{{By: macwatch.BySSID, Value: "Beach*", Location: "28N2S008"}}
	g.Publish(NewSnapshot(g.clients, map[int64]*licensing.Location{7: g.location, 8: beach},
		map[int64]*macwatch.Venue{7: {Veil: here}, 8: {Veil: there}}))
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	const mac = macwatch.MAC(0xe4b2fb44efd6)
	class := auth.exchange(login(1, controller, "ben", mac.String(), text(30, "74-83-C2-71-F5-52:Beach"), text(44, "u1"))).Get(25)
	for i, packet := range [][]byte{
		report(1, controller, "ben", "u1", macwatch.StatusStart),                                          // by the session
		report(2, "n", "ben", "u2", macwatch.StatusStart, attr{25, class}),                                // by our Class
		report(3, "n", "ben", "u3", macwatch.StatusStart, attr{25, class}, text(31, "E4-B2-FB-44-EF-D6")), // it says where
	} {
		acct.exchange(packet)
		require.Equal(t, int64(8), g.last().Location, "packet %d", i)
		require.Equal(t, there.Name(mac), g.last().MAC, "packet %d", i)
		require.True(t, g.last().Accepted == (i > 0), "packet %d", i)
	}
	acct.exchange(report(4, "n", "ben", "u4", macwatch.StatusStart, text(31, "E4-B2-FB-44-EF-D6")))
	require.Equal(t, here.Name(mac), g.last().MAC)
	require.Equal(t, mac, g.last().Address)
}
