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
