package radiusd

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

const (
	firewall   = "63953d3fe3402"                        // as OPNsense calls itself
	controller = "7f0b2c1e-9d34-4a55-8f61-0c2d3e4f5a6b" // as UniFi's does
)

// login is an Access-Request of a portal.
func login(id byte, nas, user, mac string, attrs ...attr) []byte {
	return build(radius.CodeAccessRequest, id, nas+user+mac, append([]attr{signature, text(1, user), text(32, nas), text(31, mac)}, attrs...)...)
}

// report is accounting that names no device.
func report(id byte, nas, user, session string, status macwatch.Status, attrs ...attr) []byte {
	return build(radius.CodeAccountingRequest, id, "", append([]attr{text(1, user), text(32, nas), text(44, session), number(40, uint32(status))}, attrs...)...)
}

// last is the latest record.
func (g *gateway) last() macwatch.Record {
	all := g.journal.records()
	return all[len(all)-1]
}

// OPNsense's accounting names the user; UniFi's controller repeats the session id.
func TestAccountingWithoutADevice(t *testing.T) {
	g := start(t)
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])

	auth.exchange(login(1, firewall, "ana", "40:d3:ae:04:32:0c"))
	for i, status := range []macwatch.Status{macwatch.StatusStart, macwatch.StatusInterim, macwatch.StatusStop} {
		acct.exchange(report(byte(i), firewall, "ana", "c2Vzc2lvbg==", status))
		require.Equal(t, macwatch.MAC(0x40d3ae04320c), g.last().MAC)
		require.Equal(t, macwatch.VendorOPNsense, g.last().Origin.Vendor)
	}
	records := g.journal.records()
	require.Equal(t, records[0].Ident(), records[2].Ident(), "one session")

	auth.exchange(login(2, controller, "ana", "E4-B2-FB-44-EF-D6", text(30, "74-83-C2-71-F5-52:Guest"), text(44, "5f3c1a7e9b2d4c60")))
	acct.exchange(report(10, controller, "ana", "5f3c1a7e9b2d4c60", macwatch.StatusStart))
	got := g.last()
	require.Equal(t, macwatch.MAC(0xe4b2fb44efd6), got.MAC)
	require.Equal(t, "74:83:c2:71:f5:52", string(got.AP), "the AP of the login, which may hold a slot")
	require.Equal(t, "Guest", string(got.SSID))

	// Who never logged in here is nobody, and what a NAS says of itself is about nobody.
	acct.exchange(report(11, controller, "ben", "0000000000000000", macwatch.StatusStart))
	require.Zero(t, g.last().MAC)
	acct.exchange(report(12, firewall, "ana", "c2Vzc2lvbg==", macwatch.StatusOff))
	require.Zero(t, g.last().MAC)
	// Another NAS, another client: another ana.
	acct.exchange(report(13, "63953d3fe3403", "ana", "c2Vzc2lvbg==", macwatch.StatusStart))
	require.Zero(t, g.last().MAC)
}

// Several devices with one user name: a session that begins is the latest's; one whose
// beginning was missed is nobody's, and stays so.
func TestOneUserNameOnSeveralDevices(t *testing.T) {
	g := start(t)
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	auth.exchange(login(1, firewall, "ana", "40:d3:ae:04:32:01"))
	acct.exchange(report(1, firewall, "ana", "one", macwatch.StatusStart))
	auth.exchange(login(2, firewall, "ana", "40:d3:ae:04:32:02"))
	acct.exchange(report(2, firewall, "ana", "two", macwatch.StatusStart))
	require.Equal(t, macwatch.MAC(0x40d3ae043202), g.last().MAC)
	acct.exchange(report(3, firewall, "ana", "one", macwatch.StatusStop))
	require.Equal(t, macwatch.MAC(0x40d3ae043201), g.last().MAC, "its own session goes on to be its own")
	acct.exchange(report(4, firewall, "ana", "three", macwatch.StatusInterim))
	require.Zero(t, g.last().MAC)
	auth.exchange(login(3, firewall, "ana", "40:d3:ae:04:32:03"))
	acct.exchange(report(5, firewall, "ana", "three", macwatch.StatusStart))
	require.Zero(t, g.last().MAC, "one session does not become two")
}

// Our own Class holds the device: that needs no memory. A ticket's number is no address.
func TestOurClassNamesTheDevice(t *testing.T) {
	g := start(t)
	auth := dial(t, g.AuthAddrs()[0])
	class := auth.exchange(login(1, "any gateway", "123456789012", "40:d3:ae:04:32:0c")).Get(25)
	require.NotEmpty(t, class)

	other := start(t) // after a restart
	acct := dial(t, other.AcctAddrs()[0])
	acct.exchange(report(1, "any gateway", "123456789012", "s", macwatch.StatusStart, attr{25, []byte("foreign")}, attr{25, class}))
	got := other.last()
	require.Equal(t, macwatch.MAC(0x40d3ae04320c), got.MAC)
	require.True(t, got.Accepted)
	forged := slices.Clone(class)
	forged[14]++
	acct.exchange(report(2, "any gateway", "ben", "t", macwatch.StatusStart, attr{25, forged}))
	require.Zero(t, other.last().MAC)
}

// A foreign Class, which a Start shows with the device and later packets without.
func TestJoinByForeignClass(t *testing.T) {
	g := start(t)
	acct := dial(t, g.AcctAddrs()[0])
	acct.exchange(report(1, "n", "ben", "x", macwatch.StatusStart)) // now the client is known to leave devices out
	acct.exchange(report(2, "n", "ana", "s1", macwatch.StatusStart, text(25, "wsg_1"), text(31, "40-D3-AE-04-32-0C")))
	acct.exchange(report(3, "n", "ana", "s2", macwatch.StatusInterim, text(25, "wsg_1")))
	require.Equal(t, macwatch.MAC(0x40d3ae04320c), g.last().MAC)
}

// A restart loses nobody who is online: the store hands the open sessions over.
func TestJoinsSurviveARestart(t *testing.T) {
	g := prepare(t)
	s, err := Listen(g.options)
	require.NoError(t, err)
	g.Server = s
	s.Remember(&macwatch.Session{Client: 1, NAS: controller, SessionID: "s1", MAC: 0xe4b2fb44efd6, AP: "74:83:c2:71:f5:52", SSID: "Guest", UserName: "ana"})
	s.Remember(&macwatch.Session{Client: 1, NAS: firewall, SessionID: "s2", AP: firewall, UserName: "ben"})
	s.Publish(g.snapshot())
	s.Serve()
	t.Cleanup(func() { require.NoError(t, s.Close(t.Context())) })
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	acct.exchange(report(1, controller, "ana", "s1", macwatch.StatusInterim))
	require.Equal(t, macwatch.MAC(0xe4b2fb44efd6), g.last().MAC)
	require.Equal(t, "74:83:c2:71:f5:52", string(g.last().AP))
	auth.exchange(login(1, firewall, "ben", "40:d3:ae:04:32:0c"))
	acct.exchange(report(2, firewall, "ben", "s2", macwatch.StatusStop))
	require.Zero(t, g.last().MAC, "a session that was nobody's")
}

func TestTheMemoryOfJoinsIsBounded(t *testing.T) {
	j := newJoins()
	key := func(i int) joinKey { return j.key(joinUser, 1, []byte("n"), fmt.Append(nil, i)) }
	for i := range maxJoins {
		j.put(key(i), joinEntry{mac: macwatch.MAC(i + 1)})
	}
	var found joined
	require.True(t, j.get(key(0), false, &found)) // asked for: the next to stay
	for i := range 10 {
		j.put(key(maxJoins+i), joinEntry{mac: 7})
	}
	require.Len(t, j.entries, maxJoins)
	require.Len(t, j.index, maxJoins)
	require.True(t, j.get(key(0), false, &found))
	require.Equal(t, macwatch.MAC(1), found.mac)
	require.False(t, j.get(key(1), false, &found))
	require.True(t, j.get(key(maxJoins), false, &found))
}

// What names its device itself, and a join, cost no memory per packet.
func TestJoinsAllocateNothing(t *testing.T) {
	g := prepare(t)
	g.options.Journal = instantJournal{}
	r := g.offline(acctListener)
	named := requests(200, func(id byte, salt string) []byte { return accounting(id, macwatch.StatusInterim, "s"+salt) })
	nameless := requests(200, func(id byte, salt string) []byte {
		return report(id, controller, "ana", "s1", macwatch.StatusInterim, number(46, uint32(id)))
	})
	r.server.Remember(&macwatch.Session{Client: 1, NAS: controller, SessionID: "s1", MAC: 0xe4b2fb44efd6, AP: "74:83:c2:71:f5:52", SSID: "Guest"})
	for name, packets := range map[string][][]byte{"named": named, "joined": nameless} {
		i := 0
		serve := func() {
			r.serve(packets[i], false)
			r.submit()
			r.out.flush()
			i++
		}
		serve()
		require.Zero(t, testing.AllocsPerRun(len(packets)-2, serve), name)
	}
}

// One client for several Locations: by what the packet says, and for accounting by
// what the login said.
func TestOneClientServesSeveralLocations(t *testing.T) {
	g := start(t, func(g *gateway) { g.clients[0].LocationID = 7 })
	beach := &licensing.Location{ID: 8, Code: "28N2S008", Organization: "Sol", Realm: "hotelsol", Licenses: []*licensing.License{g.license()}, Settings: g.location.Settings}
	tower := &licensing.Location{ID: 9, Code: "28N2S009", Organization: "Sol", Realm: "hotelsol", Licenses: []*licensing.License{g.license()}, Settings: g.location.Settings}
	foreign := &licensing.Location{ID: 10, Code: "28MAR001", Organization: "Mar", Realm: "hotelmar"}
	g.location.Organization, g.location.Realm = "Sol", "hotelsol"
	for id := range int64(3) {
		g.license().Allotments = append(g.license().Allotments, licensing.Allotment{LocationID: 8 + id, APs: licensing.Unlimited, Rooms: licensing.Unlimited})
	}
	g.clients[0].Locations = []macwatch.LocationRule{
		{By: macwatch.BySSID, Value: "Beach*", Location: "28n2s008"},
		{By: macwatch.ByNAS, Value: "tower-1", Location: "28N2S009"},
		{By: macwatch.ByAP, Value: "9483-C401-4228", Location: "28N2S009"},
		{By: macwatch.ByRealm, Value: "HotelSol", Location: "28N2S008"},
		{By: macwatch.BySSID, Value: "Guest", Location: "gone"},
	}
	g.Publish(NewSnapshot(g.clients, map[int64]*licensing.Location{7: g.location, 8: beach, 9: tower, 10: foreign}, nil))
	acct := dial(t, g.AcctAddrs()[0])
	for i, c := range []struct {
		nas, called, user string
		want              int64
	}{
		{"n", "94-83-C4-01-42-27:Beach Bar", "ana", 8},
		{"tower-1", "94-83-C4-01-42-27:Beach", "ana", 8}, // the first rule that fits
		{"tower-1", "94-83-C4-01-42-27:Guest", "ana", 9},
		{"tower-10", "94-83-C4-01-42-27:Guest", "ana", 7},
		{"n", "94-83-C4-01-42-28:Guest", "ana", 9},
		{"n", "94-83-C4-01-42-27:Guest", "ana@HOTELSOL", 8},
		{"n", "94-83-C4-01-42-27:Guest", "ana@elsewhere", 7},
		{"n", "94-83-C4-01-42-27", "ana", 7},
	} {
		acct.exchange(report(byte(i), c.nas, c.user, fmt.Sprint("s", i), macwatch.StatusStart, text(30, c.called), text(31, "40-D3-AE-04-32-0C")))
		require.Equal(t, c.want, g.last().Location, "%+v", c)
	}

	// The controller's accounting names no SSID: its login did.
	auth := dial(t, g.AuthAddrs()[0])
	class := auth.exchange(login(1, controller, "ben", "E4-B2-FB-44-EF-D6", text(30, "74-83-C2-71-F5-52:Beach"), text(44, "u1"))).Get(25)
	acct.exchange(report(20, controller, "ben", "u1", macwatch.StatusStart))
	require.Equal(t, int64(8), g.last().Location)
	acct.exchange(report(21, "n", "ben", "u2", macwatch.StatusStart, attr{25, class}, text(31, "E4-B2-FB-44-EF-D6")))
	require.Equal(t, int64(8), g.last().Location, "our Class says where he was let in")

	require.Equal(t, radius.CodeAccessReject, auth.exchange(login(2, "n", "eva@hotelmar", "40-D3-AE-04-32-0C")).Code)
	require.Equal(t, map[string]float64{"none accept": 1, "realm-mismatch reject": 1}, g.counts("tallygate_access_decisions_total"))
	require.Equal(t, radius.CodeAccessAccept, auth.exchange(login(3, "n", "eva@example.org", "40-D3-AE-04-32-0C")).Code)
}

// An AP keeps the slot that it holds under another of its names.
func TestAnAPKeepsItsSlotUnderAnyOfItsNames(t *testing.T) {
	for name, held := range map[string]string{"its radio": "00:27:22:fc:06:83", "its network": "0e:27:22:fd:06:83"} {
		g := start(t, func(g *gateway) {
			g.license().Allotments[0].APs = 1
			g.venue.APs = slots(held)
		})
		auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
		for i := range byte(2) {
			answer := auth.exchange(login(i, "002722fc0683", "ana", "84-B5-41-D7-45-BE", text(30, "0E-27-22-FD-06-83:G")))
			require.Equal(t, radius.CodeAccessAccept, answer.Code, name)
		}
		acct.exchange(report(1, "002722fc0683", "ana", "s", macwatch.StatusStart, text(30, "0E-27-22-FD-06-83:G"), text(31, "84-B5-41-D7-45-BE")))
		require.Equal(t, held, string(g.last().AP), name)
		require.Empty(t, g.claims.claimed(), name)
	}
}

// What a client's packets have shown changes on better evidence only.
func TestRecognition(t *testing.T) {
	makes := &makesKept{}
	g := start(t, func(g *gateway) { g.options.Makes = makes })
	acct := dial(t, g.AcctAddrs()[0])
	send := func(id byte, attrs ...attr) {
		acct.exchange(report(id, "x", "ana", fmt.Sprint("s", id), macwatch.StatusStart, append(attrs, text(31, "84-B5-41-D7-45-BE"))...))
	}
	send(1)                                // shows nothing
	send(2, text(30, "C0-74-AD-11-22-33")) // an address of Grandstream's
	send(3, text(30, "00-1D-AA-09-44-10")) // as good: the first stands
	send(4, text(30, "94-83-C4-01-42-27:G"), number(61, 15))
	send(5, attr{26, []byte{0, 0, 0x39, 0xe7, 5, 3, 'G'}}) // Aruba-Essid-Name
	send(6, text(30, "94-83-C4-01-42-27:G"), number(61, 15))
	require.Equal(t, []string{"grandstream 1", "pfsense 2", "aruba-controller 3"}, makes.kept())

	g.clients[0].Detected, g.clients[0].DetectedBy = macwatch.VendorArubaController, rankOwn
	g.Publish(g.snapshot())
	require.Empty(t, g.makes.ranks, "the Snapshot knows it now")
	send(7, text(30, "C0-74-AD-11-22-33"))
	require.Len(t, makes.kept(), 3)
	g.clients[0].Vendor = macwatch.VendorOmada
	g.clients[0].Detected, g.clients[0].DetectedBy = "", 0
	g.Publish(g.snapshot())
	send(8, attr{26, []byte{0, 0, 0x39, 0xe7, 5, 3, 'G'}})
	require.Len(t, makes.kept(), 3, "an operator's word ends it")
	require.Equal(t, macwatch.VendorOmada, g.last().Origin.Vendor)
}

type makesKept struct {
	mu   sync.Mutex
	list []string
}

func (m *makesKept) Recognized(_ int64, v macwatch.Vendor, by uint8) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, fmt.Sprint(v, " ", by))
}

func (m *makesKept) kept() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// A client's own rules go before its profile; where they find nothing, it stands.
func TestRulesOfAClient(t *testing.T) {
	g := start(t, func(g *gateway) {
		g.clients[0].ClientSettings = macwatch.ClientSettings{
			AP:       macwatch.FieldRule{Attribute: "NAS-Port-Id", Pattern: `^(ap-\d+)/`},
			SSID:     macwatch.FieldRule{Attribute: "cisco-avpair:net"},
			GuestMAC: macwatch.FieldRule{Attribute: "connect-info", Pattern: `mac=(\S+)`},
		}
	})
	acct := dial(t, g.AcctAddrs()[0])
	acct.exchange(report(1, "n", "ana", "s1", macwatch.StatusStart, text(87, "ap-17/eth0"), text(77, "x mac=40d3ae04320c y"),
		attr{26, append([]byte{0, 0, 0, 9, 1, 11}, "net=Lobby"...)}, text(30, "94-83-C4-01-42-27:Guest"), text(31, "84-B5-41-D7-45-BE")))
	got := g.last()
	require.Equal(t, "ap-17 Lobby 40:d3:ae:04:32:0c", fmt.Sprint(string(got.AP), " ", string(got.SSID), " ", got.MAC))
	acct.exchange(report(2, "n", "ana", "s2", macwatch.StatusStart, text(87, "eth0"), text(30, "94-83-C4-01-42-27:Guest"), text(31, "84-B5-41-D7-45-BE")))
	got = g.last()
	require.Equal(t, lobbyAP+" Guest 84:b5:41:d7:45:be", fmt.Sprint(string(got.AP), " ", string(got.SSID), " ", got.MAC))

	require.Nil(t, compileCustom(macwatch.ClientSettings{AP: macwatch.FieldRule{Attribute: "nonsense"}}))
	require.Nil(t, compileCustom(macwatch.ClientSettings{AP: macwatch.FieldRule{Attribute: "ap", Pattern: "("}}))
}

// Every name that licensing lets an operator write can be read, and the other way round.
func TestAttributeNames(t *testing.T) {
	for _, name := range licensing.Attributes() {
		_, ok := findNamed(name)
		require.True(t, ok, name)
	}
	for name := range standardNames {
		require.NoError(t, licensing.CheckAttribute(name))
	}
	require.NoError(t, licensing.CheckAttribute(" Cisco-AVPair:vlan-id"))
	require.Error(t, licensing.CheckAttribute("cisco-avpair:"))
	require.Error(t, licensing.CheckAttribute("aruba-location"))

	packet := access(1, "", attr{26, []byte{0, 0, 0x39, 0xe7, 2, 6, 0, 0, 5, 132}}, attr{26, append([]byte{0, 0, 0, 9, 1, 12}, "vlan-id=77"...)},
		attr{26, append([]byte{0, 0, 0x37, 0x2a, 2, 7}, "Lobby"...)}, number(5, 1412), attr{4, []byte{10, 1, 2, 3}}, text(77, "CONNECT"))
	for name, want := range map[string]string{
		"aruba-user-vlan": "1412", "cisco-avpair:VLAN-ID": "77", "WISPr-Location-Name": "Lobby", "nas-port": "1412", "nas-ip-address": "10.1.2.3",
		"connect-info": "CONNECT", "ssid": "Guest", "ap": lobbyAP, "vlan": "77", "user-name": "5c1dd920a0c1",
	} {
		got, ok := AttributeText(packet, name)
		require.True(t, ok, name)
		require.Equal(t, want, got, name)
	}
	for _, name := range []string{"nas-port-id", "Aruba-Essid-Name", "cisco-avpair:x", "nonsense"} {
		_, ok := AttributeText(packet, name)
		require.False(t, ok, name)
	}
	_, ok := AttributeText(packet[:10], "ap")
	require.False(t, ok)
}

// In a capture the Access-Accept shows the Class of a session.
func TestDecodeJoinsByTheClassOfAnAnswer(t *testing.T) {
	d := NewDecoder(testSecret)
	ap, gateway := netip.MustParseAddrPort("10.0.0.9:40000"), netip.MustParseAddrPort("10.0.0.1:1812")
	require.Equal(t, "40:d3:ae:04:32:0c", d.Decode(login(1, "n", "ana", "40:d3:ae:04:32:0c"), ap, gateway).GuestMAC.String())
	answer := build(radius.CodeAccessAccept, 1, "", text(25, "class"))
	require.Equal(t, "Access-Accept", d.Decode(answer, gateway, ap).Code)
	got := d.Decode(report(1, "n", "somebody", "s", macwatch.StatusInterim, text(25, "class")), ap, gateway)
	require.Equal(t, "40:d3:ae:04:32:0c", got.GuestMAC.String())
	require.Equal(t, "Class", got.JoinedBy)
	require.Empty(t, got.Notes, "the authenticator fits")
	require.Empty(t, d.asked)
	require.Equal(t, "CoA-NAK", d.Decode(build(45, 1, ""), gateway, ap).Code)
	require.Equal(t, "code 99", d.Decode(build(99, 1, ""), gateway, ap).Code)
}
