package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// keys are the names in a JSON object, in order.
func keys(t *testing.T, object json.RawMessage) []string {
	t.Helper()
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(object, &m), "%s", object)
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	return names
}

func (v *venue) list(t *testing.T, args ...string) []json.RawMessage {
	t.Helper()
	var rows []json.RawMessage
	v.read(t, &rows, args...)
	return rows
}

// What a new venue goes through, from an empty directory to a license that waits for its
// guests, by the commands and the JSON names that others rely on (DESIGN section 7).
func TestTour(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	at := []string{"--location", "28N2S004"}
	with := func(args ...string) []string { return append(args, at...) }

	for _, list := range [][]string{{"organization", "list"}, {"location", "list"}, {"client", "list"}, {"license", "list"}} {
		require.Equal(t, "[]\n", v.do(t, append(list, "--json")...))
		require.Contains(t, v.do(t, list...), "no ", "an empty list says what that means")
	}
	v.furnish(t)

	require.Equal(t, "NAME       REALM     CODE  SINCE\n", strings.SplitAfter(v.do(t, "organization", "list"), "\n")[0])
	var organization struct{ Locations []string }
	v.read(t, &organization, "organization", "show", "Hotel Sol")
	require.Equal(t, []string{"28N2S004", "28N2S005"}, organization.Locations)

	v.do(t, "location", "set", "28N2S004", "--vlan", "20", "--room-attribute", "nas-port-id", "--room-map", "LOBBY=1", "--ssid-module", "A=B=events", "--room-required")
	v.do(t, "location", "set", "28N2S004", "--idle-timeout", "60", "--room-required=false")
	var location struct {
		Settings struct {
			Guests  string
			Room    map[string]any
			Reply   map[string]int
			Modules map[string]string `json:"ssid_modules"`
		}
	}
	v.read(t, &location, "location", "show", "28N2S004")
	require.Equal(t, "open", location.Settings.Guests)
	require.Equal(t, map[string]any{"attribute": "nas-port-id", "map": map[string]any{"LOBBY": "1"}}, location.Settings.Room)
	require.Equal(t, map[string]int{"vlan": 20, "idle_timeout": 60, "interim_interval": 600}, location.Settings.Reply)
	require.Equal(t, map[string]string{"A=B": "events"}, location.Settings.Modules)

	require.NotContains(t, v.do(t, "client", "list", "--json"), "0123456789abcdef", "secrets are not shown")

	key := v.grant(t, "--aps", "2", "--modules", "events,spa")
	var activation struct {
		Licenses []struct{ Number string }
	}
	v.read(t, &activation, with("license", "activate", "@"+key)...)
	require.Len(t, activation.Licenses, 1)
	number := activation.Licenses[0].Number

	licenses := v.list(t, "license", "list")
	require.Len(t, licenses, 1)
	require.Subset(t, keys(t, licenses[0]), []string{"number", "organization", "state", "threshold", "devices_counted", "starts_at", "ends_at",
		"last_day", "aps", "rooms", "modules", "locations"})
	var shown, want map[string]any
	require.NoError(t, json.Unmarshal(licenses[0], &shown))
	require.NoError(t, json.Unmarshal([]byte(`{"number":"`+number+`","organization":"Hotel Sol","state":"Pending Start","threshold":5,"devices_counted":0,
		"starts_at":null,"ends_at":null,"last_day":null,"modules":["events","spa"],"locations":["28N2S004"]}`), &want))
	require.Subset(t, shown, want)
	require.Subset(t, shown["aps"], map[string]any{"limit": 2.0, "in_use": 0.0})
	require.Subset(t, shown["rooms"], map[string]any{"limit": nil, "in_use": 0.0})
	require.Len(t, v.list(t, "license", "list", "--state", "pending start"), 1)
	require.Empty(t, v.list(t, "license", "list", "--state", "In Use"))
	require.Empty(t, v.list(t, "license", "list", "--ends-before", "2099-01-01"))
	require.Contains(t, v.do(t, "license", "show", number), "0 of 5")
	require.Contains(t, v.do(t, "license", "explain", number), "Pending Start, 0 of 5 devices")

	require.Contains(t, v.do(t, "license", "deny", number, "--reason", "unpaid"), "Access denied (unpaid)")
	require.Contains(t, v.do(t, "license", "restore", number), "Pending Start")
	require.Contains(t, v.do(t, "license", "unassign", number), "Pending Provision")

	v.do(t, with("device", "exempt", "02-11-22-33-44-55", "--note", "lift")...)
	v.do(t, with("device", "block", "0211.2233.4466")...)
	require.Len(t, v.list(t, with("device", "listed")...), 2)
	v.do(t, with("device", "exempt", "--remove", "02:11:22:33:44:55")...)
	v.do(t, with("device", "block", "--remove", "02:11:22:33:44:66")...)
	require.Equal(t, "[]\n", v.do(t, with("device", "listed", "--json")...))
	require.Equal(t, "[]\n", v.do(t, with("device", "list", "--json")...))
	require.Equal(t, "[]\n", v.do(t, with("session", "list", "--json")...))

	v.do(t, with("ap", "declare", "00-17-0F-20-18-40", "--alias", "lobby")...)
	v.do(t, with("ap", "declare", "pool")...)
	v.do(t, with("ap", "merge", "00:17:0f:20:18:40", "pool")...)
	v.do(t, with("ap", "replace", "lobby", "roof")...)
	aps := v.list(t, with("ap", "list")...)
	require.Len(t, aps, 1)
	require.Subset(t, keys(t, aps[0]), []string{"id", "aliases", "admitted"})
	v.do(t, with("room", "declare", "0412")...)
	require.Contains(t, v.do(t, with("room", "list")...), "412")
	v.do(t, with("room", "release", "412")...)

	v.do(t, with("guest", "add", "bob", "--password", "k7-blue-river", "--expires", "2099-01-31")...)
	require.NotContains(t, v.do(t, with("guest", "list", "--json")...), "k7-blue-river")
	v.do(t, with("guest", "remove", "bob")...)
	v.do(t, with("guest", "mac-input", "add", "02:11:22:33:44:55", "--expires", "48h")...)
	require.Len(t, v.list(t, with("guest", "mac-input", "list")...), 1)
	v.do(t, with("guest", "mac-input", "remove", "02:11:22:33:44:55")...)
	require.Equal(t, "[]\n", v.do(t, with("guest", "mac-input", "list", "--json")...))

	v.do(t, with("lab", "start")...)
	require.Contains(t, v.do(t, with("lab", "status")...), "on until")
	v.do(t, with("lab", "stop")...)
	require.Contains(t, v.do(t, with("lab", "status")...), "off")

	v.do(t, "client", "remove", "controller")
	require.Equal(t, "[]\n", v.do(t, "client", "list", "--json"))

	var id struct{ Key string }
	v.read(t, &id, "gateway", "id")
	require.Equal(t, id.Key+"\n", v.do(t, "gateway", "id"))
	key = v.grant(t, "--gateway", id.Key, "--location", "28N2S005")
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	r := v.commandWith(t, strings.NewReader(string(text)), "license", "activate", "-", "--location", "28N2S005")
	require.Equal(t, exitDone, r.status, r.err)

	require.Contains(t, v.do(t, "audit", "verify"), "whole")
	var version struct{ Version string }
	v.read(t, &version, "version")
	require.NotEmpty(t, version.Version)
	require.NoError(t, v.stop(t, syscall.SIGTERM))
	require.NoFileExists(t, filepath.Join(v.dir, "data", "admin.sock"))
}

// A rehearsal answers as the real thing would, and changes nothing: not even the audit
// log, which is why its length is compared.
func TestDryRunChangesNothing(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	key := v.grant(t)
	var a struct{ Licenses []struct{ Number string } }
	v.read(t, &a, "license", "activate", "@"+v.grant(t), "--location", "28N2S004")
	number := a.Licenses[0].Number
	at := func(args ...string) []string { return append(args, "--location", "28N2S004") }
	v.do(t, at("ap", "declare", "lobby")...)
	v.do(t, at("ap", "declare", "pool")...)
	v.do(t, at("guest", "add", "bob", "--password", "pw")...)
	v.do(t, at("guest", "mac-input", "add", "02:11:22:33:44:55")...)
	v.do(t, at("device", "exempt", "02:11:22:33:44:55")...)
	v.do(t, "notify", "recipient", "add", "hook", "--webhook", "https://hooks.example/x", "--kinds", "license.end")
	before := v.everything(t)
	for _, args := range [][]string{
		{"organization", "add", "Hotel Luna", "--realm", "hotelluna", "--code", "LUN"},
		{"location", "add", "Sol Sierra", "--realm", "hotelsol", "--time-zone", "Europe/Madrid"},
		{"location", "set", "28N2S004", "--guests", "local"},
		{"client", "add", "ap", "--address", "10.30.0.1", "--secret", "0123456789abcdefXYZ", "--location", "28N2S004"},
		{"client", "remove", "controller"},
		{"license", "activate", "@" + key, "--location", "28N2S005"},
		{"license", "deny", number, "--reason", "unpaid"},
		{"license", "unassign", number},
		at("device", "block", "02:11:22:33:44:55"),
		at("device", "exempt", "--remove", "02:11:22:33:44:55"),
		at("ap", "declare", "roof"),
		at("ap", "merge", "lobby", "pool"),
		at("ap", "replace", "lobby", "roof"),
		at("ap", "release", "lobby"),
		at("room", "declare", "412"),
		at("guest", "add", "eve", "--password", "pw"),
		at("guest", "remove", "bob"),
		at("guest", "mac-input", "add", "02:11:22:33:44:66"),
		at("guest", "mac-input", "remove", "02:11:22:33:44:55"),
		at("lab", "start"),
		{"notify", "recipient", "add", "support", "--email", "support@partner.example"},
		{"notify", "recipient", "rotate", "hook"},
		{"notify", "recipient", "remove", "hook"},
		{"notify", "test", "hook"},
	} {
		require.Contains(t, v.do(t, append(args, "--dry-run")...), "rehearsal, nothing was changed: ", args)
		require.Equal(t, before, v.everything(t), args)
		v.do(t, append(args, "--dry-run", "--json")...)
	}
	require.Equal(t, before, v.everything(t))
}

// everything is all that the gateway can show.
func (v *venue) everything(t *testing.T) string {
	t.Helper()
	all := []string{v.do(t, "audit", "verify", "--json")}
	for _, list := range []string{"organization", "location", "client", "license", "notify recipient"} {
		all = append(all, v.do(t, append(strings.Fields(list), "list", "--json")...))
	}
	for _, list := range []string{"device list", "device listed", "ap list", "room list", "session list", "guest list", "guest mac-input list", "lab status"} {
		all = append(all, v.do(t, append(strings.Fields(list), "--location", "28N2S004", "--json")...))
	}
	return strings.Join(all, "\n")
}
