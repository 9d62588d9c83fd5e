package radiusd

import (
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
)

// radclientAttributes are the attributes of the vendor packets that radiusd knows,
// with how radclient writes their values. Vendor-specific ones are packed by
// vendorPrefix as opaque text: they must be walked over, not understood.
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

var vendorPrefixes = []string{"Aruba-", "Airespace-", "Cisco-", "ChilliSpot-", "WISPr-", "Mikrotik-", "Meraki-", "Ruckus-", "Nomadix-"}

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
	for _, p := range vendorPrefixes {
		if strings.HasPrefix(name, p) {
			return attr{26, append([]byte{0, 0, 0, 9, 1, byte(2 + len(content))}, content...)}
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

type expectation struct {
	GuestMAC       *string  `json:"guest_mac"`
	GuestMACSource string   `json:"guest_mac_source"`
	AP             *string  `json:"ap"`
	APAlso         []string `json:"ap_also"`
	APSource       *string  `json:"ap_source"`
	SSID           *string  `json:"ssid"`
	SSIDSource     *string  `json:"ssid_source"`
	MACAuth        *bool    `json:"mac_auth"`
	MACAuthAlso    []bool   `json:"mac_auth_also"`
	SessionID      *string  `json:"session_id"`
	StatusType     *string  `json:"status_type"`
}

func vendorPackets(t testing.TB) []vendorPacket {
	t.Helper()
	files, err := filepath.Glob("testdata/vendor-packets/*.txt")
	require.NoError(t, err)
	require.Len(t, files, 12)
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

// What the packets say otherwise than radiusd finds, because it does not read vendor
// attributes yet, or because a packet does not tell. Each must stay true: an entry
// that is no longer needed fails.
var (
	otherAP = map[string]string{
		"aruba 4":            "00:0b:86:f0:20:68", // the controller's MAC; the AP is in Aruba-Location-Id only
		"mikrotik-hotspot 3": "10.0.0.99",         // the packet names no NAS; the interface is in NAS-Port-Id
	}
	// pfSense puts its host name where others put the SSID.
	otherSSID = map[string]string{
		"pfsense 0": "fw1.example.org", "pfsense 1": "fw1.example.org", "pfsense 2": "fw1.example.org",
		"pfsense 3": "fw1.example.org", "pfsense 4": "fw1.example.org", "pfsense 5": "fw1.example.org",
	}
)

func TestVendorPackets(t *testing.T) {
	from := netip.MustParseAddr("10.0.0.99")
	for i, v := range vendorPackets(t) {
		t.Run(v.name, func(t *testing.T) {
			var p packet
			var id identity
			require.NoError(t, p.parse(build(v.code, byte(i), "vendor", v.attrs...)))
			id.read(&p, from, nil)
			e := v.expect

			source := e.GuestMACSource
			if source == "join" { // with an earlier packet: this one holds none
				source, e.GuestMAC = macwatch.SourceNone, nil
			}
			if e.GuestMAC == nil {
				require.Zero(t, id.mac)
			} else {
				require.Equal(t, *e.GuestMAC, id.mac.String())
			}
			require.Equal(t, source, id.source)
			if e.MACAuth != nil {
				require.Contains(t, append(e.MACAuthAlso, *e.MACAuth), id.macLogin)
			}
			if e.SessionID != nil {
				require.Equal(t, *e.SessionID, string(p.value(attrAcctSessionID)))
			}
			if e.StatusType != nil {
				n := numbers{p: &p}
				require.Equal(t, radclientNames[*e.StatusType], n.read(attrAcctStatusType))
			}

			other, listed := otherAP[v.name]
			switch {
			case listed:
				require.Equal(t, other, string(id.ap))
				require.NotContains(t, append(e.APAlso, *e.AP), other, "no exception any more")
			case e.AP == nil: // then the NAS stands in
				require.Equal(t, string(id.nas), string(id.ap))
			default:
				require.Contains(t, append(e.APAlso, *e.AP), string(id.ap))
			}

			other, listed = otherSSID[v.name]
			switch {
			case listed:
				require.Nil(t, e.SSID)
				require.Equal(t, other, string(id.called.SSID))
			case e.SSIDSource != nil && *e.SSIDSource != "Called-Station-Id" && !id.called.HasSSID:
				require.Empty(t, id.called.SSID) // in a vendor attribute alone
			case e.SSID == nil:
				require.Empty(t, id.called.SSID)
			default:
				require.Equal(t, *e.SSID, string(id.called.SSID))
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
		if v.expect.GuestMAC != nil {
			require.Equal(t, *v.expect.GuestMAC, record.MAC.String(), v.name)
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
		id.read(&p, from, nil)
		require.Equal(t, c.ap, string(id.ap), c.name)
		require.Equal(t, c.nas, string(id.nas), c.name)
		require.Equal(t, c.ssid, string(id.called.SSID), c.name)
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
