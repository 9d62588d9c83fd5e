package radiusd

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// What the trial says is what a Server would do, and why.
func TestRoomTrial(t *testing.T) {
	rule := licensing.RoomRule{Attribute: "nas-port-id", Pattern: `room(\w+)`, Map: map[string]string{"412": "PENTHOUSE"}, Required: true, Declared: true}
	rooms := []macwatch.Slot{{ID: 1, Name: "PENTHOUSE", Declared: true}, {ID: 2, Name: "413"}}
	trial := NewRoomTrial(rule, nil, rooms)
	login := func(attrs ...attr) []byte { return access(1, "trial", attrs...) }
	for _, c := range []struct {
		name                     string
		packet                   []byte
		text, match, plain, room string
		mapped                   bool
		why                      string
	}{
		{"found and mapped", login(text(87, "vlan7-room0412")), "vlan7-room0412", "0412", "412", "PENTHOUSE", true, ""},
		{"not on the list", login(text(87, "room413")), "room413", "413", "413", "413", false, "the room is not on the closed list; the request would be refused (room-unknown)"},
		{"no match", login(text(87, "lobby")), "lobby", "", "", "", false, "the pattern does not match; the request would be refused (room-unknown)"},
		{"no attribute", login(), "", "", "", "", false, "the packet has no nas-port-id; the request would be refused (room-unknown)"},
		{"of the NAS", accounting(1, macwatch.StatusOn, ""), "", "", "", "", false, "it is about the NAS itself"},
		{"no request", build(radius.CodeStatusServer, 1, ""), "", "", "", "", false, "no request of a guest"},
		{"no packet", []byte("x"), "", "", "", "", false, "no RADIUS packet: "},
	} {
		f := trial.Try(c.packet, netip.AddrPort{})
		deref := func(s *string) string {
			if s == nil {
				return ""
			}
			return *s
		}
		require.Equal(t, []string{c.text, c.match, c.plain, c.room}, []string{deref(f.Text), deref(f.Match), deref(f.Plain), deref(f.Room)}, c.name)
		require.Equal(t, c.mapped, f.Mapped, c.name)
		if c.why == "" {
			require.Empty(t, f.Why, c.name)
		}
		require.Contains(t, f.Why, c.why, c.name)
	}
	require.Equal(t, "no rule is set: nothing says where the room stands", NewRoomTrial(licensing.RoomRule{}, nil, nil).Try(login(), netip.AddrPort{}).Why)

	// By the AP, which is known by another name.
	ap := macwatch.Slot{ID: 1, Name: "roof", Aliases: []string{lobbyAP}}
	f := NewRoomTrial(licensing.RoomRule{Attribute: "ap"}, []macwatch.Slot{ap}, nil).Try(login(), netip.AddrPort{})
	require.Equal(t, "ROOF", *f.Room)
	require.Equal(t, "roof", f.AP)
}
