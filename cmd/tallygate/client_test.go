package main

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
)

// clientShown is what JSON says of a client.
type clientShown struct {
	Name      string `json:"name"`
	Location  string `json:"location"`
	RequireMA string `json:"require_message_authenticator"`
	Vendor    string `json:"vendor"`
	Detected  string `json:"detected_vendor"`
	AP        struct {
		Attribute string `json:"attribute"`
		Pattern   string `json:"pattern"`
	} `json:"ap_rule"`
	Locations []struct {
		By, Value, Location string
	} `json:"location_rules"`
}

func TestClientSet(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	v.do(t, "client", "set", "controller", "--ap-from", `nas-port-id=^(ap-\d+)/`, "--location-rule", "ssid:a=b=28n2s005",
		"--location-rule", "realm:HotelSol=28N2S004", "--secret", "0123456789abcdefXYz")
	var c clientShown
	v.read(t, &c, "client", "show", "controller")
	require.Equal(t, "auto", c.Vendor)
	require.Equal(t, `^(ap-\d+)/`, c.AP.Pattern)
	require.Equal(t, "a=b", c.Locations[0].Value, "the last = divides")
	require.Equal(t, "28N2S005", c.Locations[0].Location, "as it is spelled")

	// What is not given stays; a rehearsal changes nothing.
	v.do(t, "client", "set", "CONTROLLER", "--location", "28N2S005", "--vendor", "omada")
	v.do(t, "client", "set", "controller", "--vendor", "uspot", "--location-rule", "", "--dry-run", "--require-message-authenticator", "yes", "--json")
	v.read(t, &c, "client", "show", "controller")
	require.Equal(t, "omada 28N2S005 nas-port-id yes", strings.Join([]string{c.Vendor, c.Location, c.AP.Attribute, c.RequireMA}, " "))
	require.Len(t, c.Locations, 2)
	shown := v.do(t, "client", "show", "controller")
	for _, text := range []string{"vendor:", "omada", "TP-Link", `nas-port-id by the pattern ^(ap-\d+)/`, "realm HotelSol is 28N2S004"} {
		require.Contains(t, shown, text)
	}
	c = clientShown{}
	v.do(t, "client", "set", "controller", "--location-rule", "", "--ap-from", "")
	v.read(t, &c, "client", "show", "controller")
	require.Empty(t, c.Locations)
	require.Empty(t, c.AP.Attribute)

	// A make that signs seldom, and a client that must sign.
	r := v.command(t, "client", "set", "controller", "--vendor", "grandstream")
	require.Equal(t, exitDone, r.status)
	require.Contains(t, r.err, "grandstream does not always send Message-Authenticator")
	require.Contains(t, r.err, "tallygate client set controller --require-message-authenticator no")

	log := v.do(t, "audit", "list", "--subject", "controller", "--json")
	require.Contains(t, log, "client.set")
	require.NotContains(t, log, "0123456789abcdef", "secrets are not for the log")
}

// Accounting of OPNsense and of UniFi's controller names no device: it counts by its
// join, also over a restart.
func TestDevicesCountByTheirJoin(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	v.do(t, "client", "add", "gateways", "--address", "127.0.0.0/8", "--secret", "0123456789abcdefXYZ", "--location", "28N2S004", "--require-message-authenticator", "yes")
	v.do(t, "license", "activate", "@"+v.grant(t, "--threshold", "2"), "--location", "28N2S004")

	const firewall, controller = "63953d3fe3402", "7f0b2c1e-9d34-4a55-8f61-0c2d3e4f5a6b"
	send := func(kind string, lines ...string) {
		require.True(t, v.radclient(t, "127.0.0.1", kind, "0123456789abcdefXYZ", lines...), "%v", lines)
	}
	quoted := func(name, value string) string { return name + ` = "` + value + `"` }
	send("auth", quoted("User-Name", "ana"), quoted("User-Password", "x"), quoted("NAS-Identifier", firewall),
		quoted("Calling-Station-Id", "40:d3:ae:04:32:0c"), "Service-Type = Login-User", "Message-Authenticator = 0x00")
	report := func(nas, user, session, status string, more ...string) {
		send("acct", append([]string{quoted("User-Name", user), quoted("NAS-Identifier", nas), quoted("Acct-Session-Id", session), "Acct-Status-Type = " + status}, more...)...)
	}
	report(firewall, "ana", "c2Vzc2lvbg==", "Start")
	send("auth", quoted("User-Name", "ben"), quoted("User-Password", "x"), quoted("NAS-Identifier", controller), quoted("Acct-Session-Id", "5f3c1a7e9b2d4c60"),
		quoted("Calling-Station-Id", "E4-B2-FB-44-EF-D6"), quoted("Called-Station-Id", "74-83-C2-71-F5-52:Guest"), "Message-Authenticator = 0x00")

	require.NoError(t, v.stop(t, syscall.SIGTERM))
	v.serve(t)
	report(firewall, "ana", "c2Vzc2lvbg==", "Interim-Update", "Acct-Session-Time = 60", "Acct-Output-Octets = 1000")
	report(firewall, "ana", "c2Vzc2lvbg==", "Stop", "Acct-Session-Time = 90")

	var devices []struct {
		MAC     string `json:"mac"`
		Counted bool   `json:"counted"`
	}
	v.read(t, &devices, "device", "list", "--location", "28N2S004")
	require.Len(t, devices, 1)
	require.Equal(t, "40:d3:ae:04:32:0c", devices[0].MAC)
	require.True(t, devices[0].Counted)
	var sessions []struct {
		MAC     string  `json:"mac"`
		EndedAt *string `json:"ended_at"`
		Records int     `json:"records"`
		Output  int     `json:"output_octets"`
	}
	v.read(t, &sessions, "session", "list", "--location", "28N2S004")
	require.Len(t, sessions, 1, "one session, over the restart")
	require.Equal(t, 3, sessions[0].Records)
	require.Equal(t, 1000, sessions[0].Output)
	require.NotNil(t, sessions[0].EndedAt)

	var c clientShown
	v.read(t, &c, "client", "show", "gateways")
	require.Equal(t, "opnsense", c.Detected, "it survives the restart, and the first of equal evidence stands")
	require.Contains(t, v.do(t, "client", "list"), "auto: opnsense")

	// A login of after the restart is joined as one of before.
	send("auth", quoted("User-Name", "eva"), quoted("User-Password", "x"), quoted("NAS-Identifier", controller), quoted("Acct-Session-Id", "60"),
		quoted("Calling-Station-Id", "E4-B2-FB-44-EF-D7"), quoted("Called-Station-Id", "74-83-C2-71-F5-52:Guest"), "Message-Authenticator = 0x00")
	report(controller, "eva", "60", "Start")
	v.read(t, &devices, "device", "list", "--location", "28N2S004")
	require.Len(t, devices, 2)
	list := v.list(t, "license", "list")
	require.Contains(t, string(list[0]), `"In Use"`)
}

// What scripts rely on (DESIGN section 7), and what a person sees.
func TestRadiusDecode(t *testing.T) {
	v := &venue{dir: t.TempDir()}
	p := radius.New(radius.CodeAccessRequest, []byte("another"))
	for kind, value := range map[radius.Type]string{1: "5c1dd920a0c1", 30: "94-83-C4-01-42-27:Guest", 31: "5C-1D-D9-20-A0-C1", 32: "ap-1", 80: "0123456789abcdef"} {
		p.Add(kind, radius.Attribute(value))
	}
	octets, err := p.Encode()
	require.NoError(t, err)
	packet := hex.EncodeToString(octets)
	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "packets"), []byte("# one\n"+packet+"\nnonsense\n01\n"), 0o600))
	var all []map[string]any
	v.read(t, &all, "radius", "decode", "packets", "--secret", "s")
	require.Len(t, all, 3)
	for _, key := range []string{"guest_mac", "guest_mac_source", "private_address", "ap", "ap_source", "ssid", "vlan", "room_hint", "mac_auth", "session_id", "status_type"} {
		for _, one := range all {
			require.Contains(t, one, key)
		}
	}
	require.Equal(t, "5c:1d:d9:20:a0:c1", all[0]["guest_mac"])
	require.Equal(t, "94:83:c4:01:42:27", all[0]["ap"])
	require.Equal(t, "Guest", all[0]["ssid"])
	require.Equal(t, true, all[0]["mac_auth"])
	require.Contains(t, all[0]["notes"], "the Message-Authenticator does not fit the secret: the sender has another")
	require.Contains(t, all[1]["error"], "no hexadecimal text")
	require.Contains(t, all[2]["error"], "shorter than a header")

	out := v.do(t, "radius", "decode", "packets")
	for _, text := range []string{"1: Access-Request by NAS \"ap-1\"", "5c:1d:d9:20:a0:c1, from Calling-Station-Id", "by MAC address", `"Guest", from Called-Station-Id`, "no hexadecimal text"} {
		require.Contains(t, out, text)
	}
	r := v.commandWith(t, strings.NewReader(""), "radius", "decode", "-", "--json")
	require.Equal(t, "[]\n", r.out)
	require.True(t, json.Valid([]byte(r.out)))
	require.Equal(t, "no RADIUS packets in it\n", v.commandWith(t, strings.NewReader("\n"), "radius", "decode", "-").out)
	require.Equal(t, exitFailed, v.commandWith(t, strings.NewReader("zz\n"), "radius", "decode", "-").status)
}
