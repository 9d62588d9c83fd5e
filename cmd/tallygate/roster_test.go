package main

import (
	"crypto/hmac"
	"crypto/md5"
	wire "encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
)

const apSecret = "0123456789abcdefXYZ"

// attribute is one of a packet; text is its value.
type attribute struct {
	kind byte
	text string
}

// vendorSpecific is an attribute 26 with one attribute of a vendor in it.
func vendorSpecific(vendor uint32, kind byte, value string) attribute {
	inner := append(wire.BigEndian.AppendUint32(nil, vendor), kind, byte(2+len(value)))
	return attribute{26, string(inner) + value}
}

// packetOf is a request as a NAS makes it, signed with apSecret.
func packetOf(code, id byte, attrs ...attribute) []byte {
	b := append([]byte{code, id, 0, 0}, make([]byte, 16)...)
	signed := 0
	if code == 1 {
		copy(b[4:], fmt.Sprintf("authenticator%03d", id))
		signed = len(b) + 2
		b = append(append(b, 80, 18), make([]byte, 16)...)
	}
	for _, a := range attrs {
		b = append(append(b, a.kind, byte(2+len(a.text))), a.text...)
	}
	wire.BigEndian.PutUint16(b[2:], uint16(len(b)))
	if signed > 0 {
		m := hmac.New(md5.New, []byte(apSecret))
		m.Write(b)
		copy(b[signed:], m.Sum(nil))
		return b
	}
	sum := md5.Sum(append(append([]byte(nil), b...), apSecret...))
	copy(b[4:], sum[:])
	return b
}

// ask sends a request to the gateway and returns the code of the answer.
func ask(t *testing.T, to string, packet []byte) byte {
	t.Helper()
	conn, err := net.Dial("udp", to)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = conn.Write(packet)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	require.NoError(t, err, "no answer")
	require.GreaterOrEqual(t, n, 20)
	return answer[0]
}

const (
	accepted  = 2
	rejected  = 3
	responded = 5
)

func apLogin(id byte, called string, more ...attribute) []byte {
	return packetOf(1, id, append([]attribute{{1, "5c1dd920a0c1"}, {31, "5C-1D-D9-20-A0-C1"}, {30, called}}, more...)...)
}

func apStarts(id byte, session, called string, more ...attribute) []byte {
	return packetOf(4, id, append([]attribute{{40, "\x00\x00\x00\x01"}, {44, session}, {31, "5C-1D-D9-20-A0-C1"}, {30, called}}, more...)...)
}

// rosterVenue is a running gateway with a license for so many APs, and a client of a make.
func rosterVenue(t *testing.T, vendor macwatch.Vendor, limits ...string) *venue {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	g := admin.NewClient(filepath.Join(v.dir, "data", "admin.sock"))
	defer g.Close()
	_, err := g.AddClient(t.Context(), licensing.Change{By: "test"}, macwatch.Client{Name: "aps", Prefix: netip.MustParsePrefix("127.0.0.1/32"),
		Secret: apSecret, Location: "28N2S004", ClientSettings: macwatch.ClientSettings{Vendor: vendor}})
	require.NoError(t, err)
	v.do(t, "license", "activate", "@"+v.grant(t, limits...), "--location", "28N2S004")
	return v
}

func (v *venue) roster(t *testing.T, args ...string) []macwatch.Slot {
	t.Helper()
	var slots []macwatch.Slot
	v.read(t, &slots, append([]string{"ap", "list", "--location", "28N2S004"}, args...)...)
	return slots
}

// One AP with many addresses takes one slot; the one beside it, 16 addresses on, another.
// The addresses are those of captures (research/vendors.md section 5).
func TestOneAPTakesOneSlotOverUDP(t *testing.T) {
	for _, c := range []struct {
		vendor    macwatch.Vendor
		ap        string   // declared before; "": the first that is seen
		seen      []string // Called-Station-Ids of one AP
		neighbour string
		more      []attribute
	}{
		{macwatch.VendorRuckusUnleashed, "", []string{"24-C9-A1-6D-A8-98:Guest", "24-C9-A1-6D-A8-9C:Guest", "24-C9-A1-2D-A8-98:Staff"}, "24-C9-A1-2D-A8-A8:Guest", nil},
		{macwatch.VendorArubaController, "04:bd:88:c9:5f:f0", []string{"04BD8815FF15", "04BD8815FF00", "04BD88C95FF0"}, "04BD8816000F", nil},
		{macwatch.VendorCiscoAireOS, "", []string{"38-1c-1a-c5-66-20:Guest", "381c.1ac5.6621", "38-1c-1a-c5-66-2f:Staff"}, "38-1c-1a-c5-66-30:Guest", nil},
		{macwatch.VendorUniFiController, "00:27:22:fc:06:83", []string{"0E-27-22-FD-06-83:edt_alumnes", "02-27-22-FC-06-83:Guest"}, "0E-27-22-FD-06-93:Guest", nil},
	} {
		t.Run(string(c.vendor), func(t *testing.T) {
			v := rosterVenue(t, c.vendor, "--aps", "1")
			if c.ap != "" {
				v.do(t, "ap", "declare", "--location", "28N2S004", c.ap)
			}
			for i, called := range c.seen {
				more := c.more
				if c.vendor == macwatch.VendorArubaController { // the AP stands in a name of its own there
					more = []attribute{vendorSpecific(14823, 6, strings.ReplaceAll(called, "-", ""))}
				}
				require.EqualValues(t, accepted, ask(t, v.Auth[0], apLogin(byte(2*i), called, more...)), called)
				require.EqualValues(t, responded, ask(t, v.Acct[0], apStarts(byte(2*i), fmt.Sprintf("s-%d", i), called, more...)))
			}
			slots := v.roster(t)
			require.Len(t, slots, 1, "%+v", slots)
			require.Equal(t, 1, slots[0].Place)
			require.Len(t, slots[0].Learned, len(slots[0].Aliases))
			require.NotEmpty(t, slots[0].Learned)
			require.Equal(t, len(c.seen), *slots[0].GuestsNow)
			require.WithinDuration(t, time.Now(), slots[0].LastSeen, time.Minute)
			more := c.more
			if c.vendor == macwatch.VendorArubaController {
				more = []attribute{vendorSpecific(14823, 6, c.neighbour)}
			}
			require.EqualValues(t, rejected, ask(t, v.Auth[0], apLogin(99, c.neighbour, more...)))
			unassigned := v.roster(t, "--unassigned")
			require.Len(t, unassigned, 1)
			require.Equal(t, macwatch.SlotRefused, unassigned[0].State)
			require.Contains(t, v.do(t, "ap", "list", "--location", "28N2S004"), "1 of 1")
			require.Equal(t, "[]\n", v.do(t, "ap", "list", "--location", "28N2S004", "--silent", "--json"))
			require.Len(t, v.roster(t, "--silent", "--silent-after", "1ns"), 1)
		})
	}
}

// A list goes out, is worked on in a spreadsheet, and comes back; with an error nothing is done.
func TestListsOfAPsAndRooms(t *testing.T) {
	v := rosterVenue(t, macwatch.VendorGeneric, "--aps", "3", "--rooms", "2")
	at := []string{"--location", "28N2S004"}
	with := func(args ...string) []string { return append(args, at...) }
	v.do(t, with("ap", "declare", "24-C9-A1-2D-A8-98", "--alias", "=cmd|x", "--alias", "pool")...)
	v.do(t, with("ap", "note", "pool", "@by the pool, south")...)
	v.do(t, with("ap", "declare", "lobby")...)
	exported := v.do(t, with("ap", "export")...)
	cells, err := csv.NewReader(strings.NewReader(exported)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"24:c9:a1:2d:a8:98", `'=cmd\|x|pool`, "'@by the pool, south", "yes"}, cells[1])
	file := filepath.Join(v.dir, "aps.csv")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(exported)
	var report macwatch.ImportReport
	v.read(t, &report, with("ap", "import", file)...)
	require.Equal(t, 2, report.Unchanged)
	require.Empty(t, report.Changed)
	require.Equal(t, exported, v.do(t, with("ap", "export")...))

	write(strings.ReplaceAll(exported, "lobby,,,yes", "lobby,hall,entrance,no") + "terrace,,,yes\r\n")
	require.Contains(t, v.do(t, with("ap", "import", file, "--dry-run")...), "rehearsal, nothing was changed: imported each access point of the list: 1 added, 1 changed, 1 unchanged")
	require.Equal(t, exported, v.do(t, with("ap", "export")...), "a rehearsal changes nothing")
	v.do(t, "location", "set", "28N2S004", "--ap-policy", "declared", "--ap-release-after", "30d")
	v.read(t, &report, with("ap", "import", file)...)
	require.Equal(t, []macwatch.CutSlot{{Name: "lobby"}}, report.CutOff)

	before := v.do(t, with("ap", "export")...)
	write("id,declared\r\nterrace,perhaps\r\nhall,yes\r\nfourth,yes\r\n")
	r := v.command(t, with("ap", "import", file)...)
	require.Equal(t, exitFailed, r.status)
	for _, line := range []string{"line 2: declared is", "line 3: hall is an alias of lobby", "line 4: all 3 licensed APs"} {
		require.Contains(t, r.err, line)
	}
	require.Equal(t, before, v.do(t, with("ap", "export")...))

	v.do(t, "location", "set", "28N2S004", "--room-attribute", "vlan", "--room-declared")
	r = v.commandWith(t, strings.NewReader("id,texts,note\n0412,vlan412|1412,suite\n413,,\n"), with("room", "import", "-")...)
	require.Equal(t, exitDone, r.status, r.err)
	require.Equal(t, "id,texts,aliases,note,declared\r\n412,1412|VLAN412,,suite,yes\r\n413,,,,yes\r\n", v.do(t, with("room", "export")...))
	var rooms []macwatch.Slot
	v.read(t, &rooms, with("room", "list")...)
	require.Len(t, rooms, 2)
	require.Equal(t, 2, *rooms[0].Limit)
	require.Contains(t, v.do(t, with("room", "list")...), "1 of 2")
	r = v.commandWith(t, strings.NewReader("id\n412\n"), with("room", "import", "-", "--whole")...)
	require.Contains(t, r.out, "1 declared no more\ncut off, with 0 guests now: 413")

	v.do(t, with("ap", "alias", "add", "terrace", "north")...)
	v.do(t, with("ap", "alias", "remove", "terrace", "north")...)
	v.do(t, with("ap", "release", "terrace")...)
	require.Contains(t, v.command(t, with("ap", "forget", "terrace")...).err, "holds a slot")
}

// A rule is tried on packets before guests meet it.
func TestRoomTest(t *testing.T) {
	v := rosterVenue(t, macwatch.VendorGeneric)
	packets := ""
	for i, port := range []string{"vlan7-room0412", "lobby", ""} {
		var more []attribute
		if port != "" {
			more = []attribute{{87, port}}
		}
		packets += hex.EncodeToString(apLogin(byte(i), "24-C9-A1-6D-A8-98", more...)) + "\n"
	}
	file := filepath.Join(v.dir, "packets.txt")
	require.NoError(t, os.WriteFile(file, []byte(packets), 0o600))
	try := append([]string{"room", "test", "--location", "28N2S004", file}, "--attribute", "nas-port-id", "--pattern", `room(\d+)`)
	text := v.do(t, try...)
	require.Contains(t, text, "a room in 1 of 3 packets")
	require.Contains(t, text, "the pattern does not match")
	require.Contains(t, text, "the packet has no nas-port-id")
	var found []struct {
		Text, Match, Normalized, Room *string
		Mapped                        bool
		Why                           string
	}
	v.read(t, &found, append(try, "--map", "0412=penthouse")...)
	require.Len(t, found, 3)
	require.Equal(t, []string{"vlan7-room0412", "0412", "412", "PENTHOUSE"}, []string{*found[0].Text, *found[0].Match, *found[0].Normalized, *found[0].Room})
	require.True(t, found[0].Mapped)
	require.Nil(t, found[1].Room)

	// Set, it does the same.
	require.Contains(t, v.do(t, try[:5]...), "no rule is set")
	v.do(t, "location", "set", "28N2S004", "--room-attribute", "nas-port-id", "--room-pattern", `room(\d+)`, "--room-map", "0412=penthouse")
	require.Contains(t, v.do(t, try[:5]...), "PENTHOUSE (mapped)")
	require.EqualValues(t, accepted, ask(t, v.Auth[0], apLogin(50, "24-C9-A1-6D-A8-98", attribute{87, "vlan7-room0412"})))
	require.Contains(t, v.do(t, "room", "list", "--location", "28N2S004"), "PENTHOUSE")
	r := v.command(t, append(try[:5], "--pattern", "(")...)
	require.Contains(t, r.err, "not a regular expression")
}
