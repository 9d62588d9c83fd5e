package radiusd

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/licensing"
)

func TestRoomRules(t *testing.T) {
	var p packet
	require.NoError(t, p.parse(build(radius.CodeAccessRequest, 1, "",
		text(87, "vlan1412-room0412"), attr{81, []byte("\x01412")}, text(1, "guest/17@hotel"), text(32, "nas-floor4"), text(30, "94-83-C4-01-42-27:R 7"))))
	var id identity
	id.read(&p, netip.Addr{}, manner{})
	id.ap = []byte("htl1-r0099-ap")
	for _, c := range []struct {
		name string
		rule licensing.RoomRule
		want string
	}{
		{"no rule", licensing.RoomRule{}, ""},
		{"the whole value", licensing.RoomRule{Attribute: "nas-port-id"}, "VLAN1412-ROOM0412"},
		{"the first group", licensing.RoomRule{Attribute: "nas-port-id", Pattern: `room(\d+)`}, "412"},
		{"the whole match", licensing.RoomRule{Attribute: "nas-port-id", Pattern: `\d+$`}, "412"},
		{"no match", licensing.RoomRule{Attribute: "nas-port-id", Pattern: `suite(\d+)`}, ""},
		{"a group that takes no part", licensing.RoomRule{Attribute: "nas-port-id", Pattern: `suite(\d+)|room`}, ""},
		{"the VLAN without its tag", licensing.RoomRule{Attribute: "vlan"}, "412"},
		{"user name", licensing.RoomRule{Attribute: "user-name", Pattern: `/(\w+)@`}, "17"},
		{"NAS", licensing.RoomRule{Attribute: "nas-identifier", Pattern: `floor(.*)`}, "4"},
		{"called station", licensing.RoomRule{Attribute: "called-station-id", Pattern: `:R(.*)`}, "7"},
		{"AP", licensing.RoomRule{Attribute: "ap", Pattern: `r(\d+)`}, "99"},
		{"mapped", licensing.RoomRule{Attribute: "vlan", Map: map[string]string{"412": "Penthouse"}}, "Penthouse"},
		{"not in the map", licensing.RoomRule{Attribute: "vlan", Map: map[string]string{"413": "Penthouse"}}, "412"},
		{"unknown attribute", licensing.RoomRule{Attribute: "class"}, ""},
		{"a pattern that does not compile finds none", licensing.RoomRule{Attribute: "vlan", Pattern: `(`}, ""},
	} {
		rule := compileRoom(c.rule)
		require.Equal(t, c.want, rule.find(&p, &id), c.name)
	}
	require.Equal(t, "412", string(untagged([]byte("412"))))
	require.Empty(t, untagged(nil))
}
