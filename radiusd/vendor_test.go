package radiusd

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/macwatch"
	"tallygate/radiusd/dictionary"
)

// radclientAttributes are the attributes of the vendor packets that radiusd knows,
// with how radclient writes their values. Vendor-specific ones are packed by the
// dictionary; those that it does not have, as some other attribute of their vendor.
var radclientAttributes = map[string]struct {
	kind byte
	form string
}{
	"User-Name": {1, "text"}, "User-Password": {2, "password"}, "CHAP-Password": {3, "text"}, "NAS-IP-Address": {4, "ip"},
	"NAS-Port": {5, "number"}, "Service-Type": {6, "name"}, "Framed-IP-Address": {8, "ip"}, "Framed-MTU": {12, "number"},
	"Class": {25, "text"}, "Called-Station-Id": {30, "text"}, "Calling-Station-Id": {31, "text"}, "NAS-Identifier": {32, "text"},
	"Proxy-State": {33, "text"}, "Acct-Status-Type": {40, "name"}, "Acct-Delay-Time": {41, "number"},
	"Acct-Input-Octets": {42, "number"}, "Acct-Output-Octets": {43, "number"}, "Acct-Session-Id": {44, "text"},
	"Acct-Authentic": {45, "name"}, "Acct-Session-Time": {46, "number"}, "Acct-Input-Packets": {47, "number"},
	"Acct-Output-Packets": {48, "number"}, "Acct-Terminate-Cause": {49, "name"}, "Acct-Multi-Session-Id": {50, "text"},
	"Acct-Link-Count": {51, "number"}, "Acct-Input-Gigawords": {52, "number"}, "Acct-Output-Gigawords": {53, "number"},
	"Event-Timestamp": {55, "number"}, "CHAP-Challenge": {60, "text"}, "NAS-Port-Type": {61, "name"},
	"Tunnel-Type": {64, "name"}, "Tunnel-Medium-Type": {65, "name"}, "Connect-Info": {77, "text"},
	"Message-Authenticator": {80, "signature"}, "Tunnel-Private-Group-Id": {81, "text"}, "NAS-Port-Id": {87, "text"},
	"Framed-IPv6-Address": {168, "ip"}, "WLAN-Pairwise-Cipher": {186, "number"}, "WLAN-Group-Cipher": {187, "number"}, "WLAN-AKM-Suite": {188, "number"},
	"Framed-Protocol": {7, "name"},
}

var radclientNames = map[string]uint32{
	"Start": 1, "Stop": 2, "Interim-Update": 3, "Accounting-On": 7, "Accounting-Off": 8,
	"Login-User": 1, "Framed-User": 2, "Outbound-User": 5, "Authenticate-Only": 8, "Call-Check": 10, "PPP": 1,
	"Ethernet": 15, "Wireless-802.11": 19, "Virtual": 5, "RADIUS": 1, "Local": 2, "Remote": 3,
	"User-Request": 1, "Lost-Carrier": 2, "Lost-Service": 3, "Idle-Timeout": 4, "Session-Timeout": 5, "Admin-Reset": 6, "NAS-Request": 10, "NAS-Reboot": 11, "VLAN": 13, "IEEE-802": 6,
}

var vendorPrefixes = map[string]uint32{
	"Aruba-": 14823, "Airespace-": 14179, "Cisco-": 9, "ChilliSpot-": 14559, "WISPr-": 14122, "Mikrotik-": 14988, "Meraki-": 29671,
	"Ruckus-": 25053, "Nomadix-": 3309, "Extreme-": 1916, "Huawei-": 2011, "Fortinet-": 12356, "Symbol-": 388,
}

// vendorSpecific packs a vendor's attribute.
func vendorSpecific(t testing.TB, name, value string, content []byte) attr {
	vendor, kind := uint32(0), byte(200)
	for prefix, number := range vendorPrefixes {
		if strings.HasPrefix(name, prefix) {
			vendor = number
		}
	}
	if id, ok := dictionary.ByName(name); ok {
		a := dictionary.Attributes[id]
		vendor, kind = a.Vendor, a.Type
		switch a.Form {
		case dictionary.Number:
			n, err := strconv.ParseUint(value, 10, 32)
			require.NoError(t, err, name)
			content = binary.BigEndian.AppendUint32(nil, uint32(n))
		case dictionary.Address:
			content = netip.MustParseAddr(value).AsSlice()
		case dictionary.Text, dictionary.Octets:
		}
	}
	b := append(binary.BigEndian.AppendUint32(nil, vendor), kind, byte(2+len(content)))
	return attr{26, append(b, content...)}
}

// parseRadclient reads packets in radclient's input format: lines of attributes, a
// blank line after each packet, comments.
func parseRadclient(t testing.TB, name string) (packets [][]attr, kinds []string) {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	var current []attr
	kind := ""
	end := func() {
		if current != nil {
			packets, kinds = append(packets, current), append(kinds, kind)
		}
		current = nil
	}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			end()
		case strings.HasPrefix(line, "# kind: "):
			kind = strings.TrimPrefix(line, "# kind: ")
		case strings.HasPrefix(line, "#"):
		default:
			name, value, ok := strings.Cut(line, " = ")
			require.True(t, ok, line)
			current = append(current, radclientAttribute(t, name, value))
		}
	}
	end()
	return packets, kinds
}

func radclientAttribute(t testing.TB, name, value string) attr {
	t.Helper()
	content := []byte(strings.Trim(value, `"`))
	if strings.HasPrefix(value, "0x") {
		content = octets(t, strings.ToLower(value[2:]))
	}
	for prefix := range vendorPrefixes {
		if strings.HasPrefix(name, prefix) {
			return vendorSpecific(t, name, value, content)
		}
	}
	name, tag, tagged := strings.Cut(name, ":")
	if tagged { // of a tunnel attribute: in front of text, or instead of a number's first octet
		a := radclientAttribute(t, name, value)
		if name != "Tunnel-Private-Group-Id" {
			a.value = a.value[1:]
		} else if tag == "0" {
			return a
		}
		return attr{a.kind, append([]byte{tag[0] - '0'}, a.value...)}
	}
	known, ok := radclientAttributes[name]
	require.True(t, ok, "attribute %s", name)
	switch known.form {
	case "ip":
		return attr{known.kind, netip.MustParseAddr(value).AsSlice()}
	case "number":
		n, err := strconv.ParseUint(value, 10, 32)
		require.NoError(t, err, name)
		return number(known.kind, uint32(n))
	case "name":
		n, ok := radclientNames[strings.Trim(value, `"`)]
		require.True(t, ok, "%s = %s", name, value)
		return number(known.kind, n)
	case "signature":
		return signature
	case "password":
		return attr{known.kind, make([]byte, 16)} // hidden under another secret: any octets will do
	}
	return attr{known.kind, content}
}

// vendorPacket is one packet with what its file says should be found in it.
type vendorPacket struct {
	name   string
	code   radius.Code
	attrs  []attr
	expect expectation
}

// expectation is one object of an expected.json. A key with _also lists what else is
// right; null in it means that nothing is right as well.
type expectation map[string]any

// check holds a value against what is expected under a key. JSON makes them comparable.
func (e expectation) check(t *testing.T, key string, got any) {
	t.Helper()
	b, err := json.Marshal(got)
	require.NoError(t, err)
	var plain any
	require.NoError(t, json.Unmarshal(b, &plain))
	also, _ := e[key+"_also"].([]any)
	require.Contains(t, append([]any{e[key]}, also...), plain, key)
}

// text is an expected string; "" for null.
func (e expectation) text(key string) string {
	s, _ := e[key].(string)
	return s
}

func vendorPackets(t testing.TB) []vendorPacket {
	return packetsIn(t, "testdata/vendor-packets/*.txt", 12)
}

func packetsIn(t testing.TB, pattern string, count int) []vendorPacket {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.Len(t, files, count)
	var all []vendorPacket
	for _, file := range files {
		b, err := os.ReadFile(strings.TrimSuffix(file, ".txt") + ".expected.json")
		require.NoError(t, err)
		var expected []expectation
		require.NoError(t, json.Unmarshal(b, &expected))
		packets, kinds := parseRadclient(t, file)
		require.Len(t, packets, len(expected), file)
		for i, attrs := range packets {
			code := radius.CodeAccessRequest
			if kinds[i] == "acct" {
				code = radius.CodeAccountingRequest
			}
			name := fmt.Sprintf("%s %d", strings.TrimSuffix(filepath.Base(file), ".txt"), i)
			all = append(all, vendorPacket{name, code, attrs, expected[i]})
		}
	}
	return all
}

// joinedMAC is what the join of the UniFi controller's accounting must find: the files
// give null there, for a packet alone, and say the address in words.
var joinedMAC = map[string]string{
	"unifi 8": "e4:b2:fb:44:ef:d6", "unifi 9": "e4:b2:fb:44:ef:d6", "unifi 10": "e4:b2:fb:44:ef:d6",
}

// Every packet, in order, as `radius decode` shows it: file by file, and all in one, where
// what one sender has shown must not colour the next.
func TestVendorPackets(t *testing.T) {
	one, all, file := NewDecoder(""), NewDecoder(""), ""
	for i, v := range vendorPackets(t) {
		if name, _, _ := strings.Cut(v.name, " "); name != file {
			one, file = NewDecoder(""), name
		}
		packet := build(v.code, byte(i), "vendor", v.attrs...)
		for _, got := range []Decoded{one.Decode(packet, netip.AddrPort{}, netip.AddrPort{}), all.Decode(packet, netip.AddrPort{}, netip.AddrPort{})} {
			t.Run(v.name, func(t *testing.T) { v.check(t, got) })
		}
	}
}

func (v *vendorPacket) check(t *testing.T, got Decoded) {
	e := v.expect
	require.Empty(t, got.Error)
	if mac := joinedMAC[v.name]; mac != "" {
		require.Equal(t, mac, got.GuestMAC.String())
		require.Equal(t, macwatch.SourceSessionID, got.JoinedBy)
	} else {
		e.check(t, "guest_mac", got.GuestMAC)
		e.check(t, "private_address", got.PrivateAddress)
	}
	e.check(t, "guest_mac_source", got.GuestMACSource)
	e.check(t, "ap", got.AP)
	if got.AP != nil && *got.AP == e.text("ap") {
		e.check(t, "ap_source", got.APSource)
	}
	e.check(t, "ssid", got.SSID)
	e.check(t, "ssid_source", got.SSIDSource)
	e.check(t, "vlan", got.VLAN)
	e.check(t, "room_hint", got.RoomHint)
	e.check(t, "mac_auth", got.MACAuth)
	e.check(t, "session_id", got.SessionID)
	e.check(t, "status_type", got.StatusType)
	if got.AP != nil {
		require.Equal(t, *got.AP, macwatch.SlotName(macwatch.KindAP, *got.AP), "comparable with a declared AP")
		require.Equal(t, *got.AP, got.APIdentity)
	}
}

// Other captures, of makes that have no file in vendor-packets.
func TestOtherPackets(t *testing.T) {
	d := NewDecoder("")
	for i, v := range packetsIn(t, "testdata/other-packets/*.txt", 1) {
		got := d.Decode(build(v.code, byte(i), "other", v.attrs...), netip.AddrPort{}, netip.AddrPort{})
		t.Run(v.name, func(t *testing.T) {
			require.Empty(t, got.Error)
			for key, value := range map[string]any{
				"guest_mac": got.GuestMAC, "guest_mac_source": got.GuestMACSource, "private_address": got.PrivateAddress, "ap": got.AP, "ap_source": got.APSource,
				"ssid": got.SSID, "ssid_source": got.SSIDSource, "vlan": got.VLAN, "room_hint": got.RoomHint, "mac_auth": got.MACAuth,
				"session_id": got.SessionID, "status_type": got.StatusType, "vendor": got.Vendor,
			} {
				v.expect.check(t, key, value)
			}
		})
	}
}

// The same packets, through the whole Server.
func TestVendorPacketsAreAnswered(t *testing.T) {
	g := start(t)
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	for i, v := range vendorPackets(t) {
		// Some of the senders are proxies that do not sign; those have to.
		if v.code == radius.CodeAccessRequest {
			attrs := append([]attr{signature}, v.attrs...)
			for k := range attrs {
				if k > 0 && attrs[k].kind == 80 {
					attrs[k] = text(77, "")
				}
			}
			require.Equal(t, radius.CodeAccessAccept, auth.exchange(build(v.code, byte(i), v.name, attrs...)).Code, v.name)
			continue
		}
		require.Equal(t, radius.CodeAccountingResponse, acct.exchange(build(v.code, byte(i), v.name, v.attrs...)).Code, v.name)
		records := g.journal.records()
		record := records[len(records)-1]
		require.Empty(t, record.Ignored, v.name)
		if mac := v.expect.text("guest_mac"); mac != "" {
			require.Equal(t, mac, record.MAC.String(), v.name)
		}
	}
}

func TestIdentify(t *testing.T) {
	from := netip.MustParseAddr("10.0.0.99")
	v6 := netip.MustParseAddr("2001:db8::5")
	for _, c := range []struct {
		name          string
		attrs         []attr
		ap, nas, ssid string
	}{
		{"the second Called-Station-Id has the address", []attr{text(30, "lobby"), text(30, "94-83-C4-01-42-27:G")}, lobbyAP, "10.0.0.99", "G"},
		{"an address in text form only", []attr{text(30, "10.9.9.9"), text(32, "wlc")}, "wlc", "wlc", ""},
		{"NAS-Identifier before NAS-IP-Address", []attr{{4, []byte{10, 1, 1, 1}}, text(32, "n")}, "n", "n", ""},
		{"NAS-IP-Address before NAS-IPv6-Address", []attr{{95, v6.AsSlice()}, {4, []byte{10, 1, 1, 1}}}, "10.1.1.1", "10.1.1.1", ""},
		{"0.0.0.0 names nobody", []attr{{4, []byte{0, 0, 0, 0}}, {95, v6.AsSlice()}}, "2001:db8::5", "2001:db8::5", ""},
		{"nothing: the sender", nil, "10.0.0.99", "10.0.0.99", ""},
		{"an empty NAS-Identifier", []attr{text(32, ""), {4, []byte{10, 1, 1, 1}}}, "10.1.1.1", "10.1.1.1", ""},
		{"NAS-IP-Address of another length", []attr{{4, v6.AsSlice()}}, "10.0.0.99", "10.0.0.99", ""},
		{"an address as NAS-Identifier is spelled as a slot is", []attr{text(32, "9483c4014227")}, lobbyAP, "9483c4014227", ""},
		{"blanks around a name", []attr{text(32, " ap 1 ")}, "ap 1", " ap 1 ", ""},
		{"octets that are no text", []attr{text(32, "ap\xff\xfe1")}, "ap?1", "ap\xff\xfe1", ""},
		{"a name and an SSID", []attr{text(30, "HTL1-R412-AP:Guest:1"), text(32, "wlc")}, "HTL1-R412-AP", "wlc", "Guest:1"},
		{"a name alone may be anything: a hotspot server, a site", []attr{text(30, "hotspot1"), text(32, "router")}, "router", "router", ""},
		{"an IPv6 address is not name:SSID", []attr{text(30, "2001:db8::1"), text(32, "wlc")}, "wlc", "wlc", ""},
		{"nothing before the colon", []attr{text(30, ":Guest"), text(32, "wlc")}, "wlc", "wlc", ""},
		{"a multicast address is no AP", []attr{text(30, "01-00-5E-00-00-01:G"), text(32, "n")}, "n", "n", "G"},
	} {
		var p packet
		var id identity
		require.NoError(t, p.parse(build(radius.CodeAccountingRequest, 1, "", c.attrs...)))
		id.read(&p, from, manner{})
		require.Equal(t, c.ap, string(id.ap), c.name)
		require.Equal(t, c.nas, string(id.nas), c.name)
		require.Equal(t, c.ssid, string(id.ssid), c.name)
		require.Equal(t, string(id.ap), macwatch.SlotName(macwatch.KindAP, string(id.ap)), "%s: comparable with a declared AP", c.name)
	}
}

func TestVendorAttributes(t *testing.T) {
	type sub struct {
		vendor uint32
		kind   byte
		value  string
	}
	for _, c := range []struct {
		name, value string
		want        []sub
	}{
		{"one", "0000372a 07060000 03e8", []sub{{14122, 7, "\x00\x00\x03\xe8"}}},
		{"two", "00000009 010461 62 020363", []sub{{9, 1, "ab"}, {9, 2, "c"}}},
		{"an empty one", "00000009 0102", []sub{{9, 1, ""}}},
		{"sub-length 0", "00000009 0100 0100", nil},
		{"sub-length 1", "00000009 0101", nil},
		{"sub-length beyond the value", "00000009 0104 61 620209", []sub{{9, 1, "ab"}}},
		{"half a header", "00000009 01", nil},
		{"a vendor alone", "00000009", nil},
		{"half a vendor", "0000", nil},
		{"nothing", "", nil},
		{"high octet set", "01000009 010361", nil},
	} {
		var got []sub
		for a := range vendorAttributes(octets(t, c.value)) {
			got = append(got, sub{a.vendor, a.kind, string(a.value)})
		}
		require.Equal(t, c.want, got, c.name)
	}
}

// keepingJournal keeps records, and answers none.
type keepingJournal struct{ records []*macwatch.Record }

func (j *keepingJournal) Append(records []*macwatch.Record) int {
	j.records = append(j.records, records...)
	return len(records)
}
func (*keepingJournal) AwaitRoom()     {}
func (*keepingJournal) Writable() bool { return true }

// A record that waits for the disk stays what it was, whatever the reader reads meanwhile into
// the memory of its datagram and its own.
func TestAWaitingRecordIsItsOwn(t *testing.T) {
	j := &keepingJournal{}
	g := prepare(t)
	g.options.Journal = j
	r := g.offline(acctListener)
	show := func(rec *macwatch.Record) string {
		c := *rec
		c.Done, c.Reply = nil, nil
		return fmt.Sprintf("%+v", c)
	}
	var was []string
	for i, v := range vendorPackets(t) {
		if v.code != radius.CodeAccountingRequest {
			continue
		}
		datagram := build(v.code, byte(i), "", v.attrs...)
		r.serve(datagram, false)
		r.submit()
		require.Len(t, j.records, len(was)+1, v.name)
		was = append(was, show(j.records[len(was)]))
		clear(datagram)
	}
	require.Greater(t, len(was), 20)
	for i, rec := range j.records {
		require.Equal(t, was[i], show(rec))
	}
}
