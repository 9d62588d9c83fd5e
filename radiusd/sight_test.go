package radiusd

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// through is a request that names its AP like this.
func through(id byte, called string, attrs ...attr) []byte {
	return build(radius.CodeAccessRequest, id, called, append([]attr{
		signature, text(1, "5c1dd920a0c1"), text(31, "5C-1D-D9-20-A0-C1"), text(30, called),
	}, attrs...)...)
}

// A BSSID of a known AP stands where that stands, from its first packet on; the store is
// asked to keep it. One of a neighbour is another AP.
func TestABSSIDStandsWhereItsAPStands(t *testing.T) {
	for _, c := range []struct {
		name   string
		vendor macwatch.Vendor
		change func(*gateway)
		called string
		want   radius.Code
		learns bool
	}{
		{"its own address", macwatch.VendorRuckusUnleashed, nil, "24-C9-A1-2D-A8-98:Guest", radius.CodeAccessAccept, false},
		{"a BSSID of it", macwatch.VendorRuckusUnleashed, nil, "24-C9-A1-6D-A8-9C:Guest", radius.CodeAccessAccept, true},
		{"a neighbour", macwatch.VendorRuckusUnleashed, nil, "24-C9-A1-2D-A8-A8:Guest", radius.CodeAccessReject, false},
		{"without a vendor", macwatch.VendorAuto, nil, "24-C9-A1-6D-A8-9C:Guest", radius.CodeAccessReject, false},
		{"declared only", macwatch.VendorRuckusUnleashed, func(g *gateway) {
			g.location.Settings.APs = licensing.APsDeclared
			g.venue.APs = declared("24:c9:a1:2d:a8:98")
		}, "24-C9-A1-6D-A8-9C:Guest", radius.CodeAccessAccept, true},
		{"declared only, not declared", macwatch.VendorRuckusUnleashed, func(g *gateway) {
			g.location.Settings.APs = licensing.APsDeclared
		}, "24-C9-A1-6D-A8-9C:Guest", radius.CodeAccessReject, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, func(g *gateway) {
				g.clients[0].Vendor = c.vendor
				g.license().Allotments[0].APs = 1
				g.venue.APs = slots("24:c9:a1:2d:a8:98")
				if c.change != nil {
					c.change(g)
				}
			})
			answer := dial(t, g.AuthAddrs()[0]).exchange(through(1, c.called))
			require.Equal(t, c.want, answer.Code)
			require.Empty(t, g.claims.claimed(), "a slot that is held is not claimed")
			require.Equal(t, c.learns, len(g.claims.asked()) == 1)
			if c.learns {
				require.Equal(t, macwatch.APSight{Name: "24:c9:a1:6d:a8:9c", Vendor: c.vendor}, g.claims.asked()[0])
			}
		})
	}
}

func (c *claims) asked() []macwatch.APSight {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.learned
}

// A room that is found by the AP is the same on each of its BSSIDs.
func TestTheRoomOfAnAP(t *testing.T) {
	for i, called := range []string{"24-C9-A1-2D-A8-98:Guest", "24-C9-A1-6D-A8-98:Guest", "24-C9-A1-AD-A8-9C:Guest"} {
		g := start(t, func(g *gateway) {
			g.clients[0].Vendor = macwatch.VendorRuckusUnleashed
			ap := macwatch.Slot{ID: 1, Name: "24:c9:a1:2d:a8:98", Aliases: []string{"24:c9:a1:6d:a8:98"}, ClaimedAt: time.Unix(1, 0)}
			g.venue.APs = macwatch.NewRoster([]macwatch.Slot{ap})
			g.location.Settings.Room = licensing.RoomRule{Attribute: "ap", Map: map[string]string{"24:C9:A1:2D:A8:98": "412"}, Required: true}
		})
		require.Equal(t, radius.CodeAccessAccept, dial(t, g.AuthAddrs()[0]).exchange(through(byte(i), called)).Code)
		require.Equal(t, "412", g.claims.claimed()[0].Room, called)
	}
}

// What accounting says of the AP goes to the store with the vendor, and packets raise last_seen.
func TestAPsAreSeen(t *testing.T) {
	g := start(t, func(g *gateway) {
		g.clients[0].Vendor = macwatch.VendorCisco9800
		g.venue.APs, g.venue.Rooms = slots("24:c9:a1:2d:a8:98"), slots("412")
		g.location.Settings.Room = licensing.RoomRule{Attribute: "nas-port-id"}
	})
	dial(t, g.AuthAddrs()[0]).exchange(through(1, "24-C9-A1-2D-A8-98", text(87, "412")))
	require.WithinDuration(t, time.Now(), g.venue.APs.Slots(-1, time.Now())[0].LastSeen, time.Minute)
	require.WithinDuration(t, time.Now(), g.venue.Rooms.Slots(-1, time.Now())[0].LastSeen, time.Minute)

	n := dial(t, g.AcctAddrs()[0])
	n.send(accounting(1, macwatch.StatusStart, "s-1"))
	require.Eventually(t, func() bool { return len(g.journal.records()) == 1 }, 10*time.Second, time.Millisecond)
	require.Equal(t, macwatch.VendorCisco9800, g.journal.records()[0].Origin.Vendor)
}

func TestAKnownAPCostsNoMemory(t *testing.T) {
	var aps []macwatch.Slot
	for i := range 100 {
		aps = append(aps, macwatch.Slot{ID: int64(i + 1), Name: fmt.Sprintf("24:c9:a1:2d:a8:%02x", i), ClaimedAt: time.Unix(1, 0)})
	}
	g := prepare(t)
	g.clients[0].Vendor, g.venue.APs = macwatch.VendorRuckusUnleashed, macwatch.NewRoster(aps)
	s := g.snapshot()
	r := &reader{server: &Server{options: Options{Claims: g.claims}}, now: time.Now()}
	r.client = &s.clients[0]
	require.NoError(t, r.packet.parse(through(1, "24-C9-A1-2D-A8-10:Guest")))
	l := s.clients[0].home
	require.Zero(t, testing.AllocsPerRun(100, func() {
		r.id.read(&r.packet, r.source.Addr(), r.client.manner)
		r.id.enter(&r.packet, l)
		r.apFacts(l, -1)
	}))
}
