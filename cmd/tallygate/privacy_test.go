package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrivacyThroughTheCommands(t *testing.T) {
	v := newVenue(t)
	config := filepath.Join(v.dir, "tallygate.yaml")
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(config, append(text, "privacy: {mac_storage: hmac}\nretention: {preset: minimal, device_days: 60}\n"...), 0o600))
	v.serve(t)
	v.furnish(t)
	v.do(t, "device", "block", "--location", "28N2S004", "--note", "rude", "5C-1D-D9-20-A0-C1")
	require.Equal(t, exitFailed, v.command(t, "device", "block", "--location", "28N2S004", "5c1d.d920.a0c1").status, "it is the same device")

	var m struct {
		MACStorage string `json:"mac_storage"`
		Preset     string
		Data       []struct {
			Kind    string
			Rows    int
			Address string
			Days    int `json:"keep_days"`
		}
	}
	v.read(t, &m, "privacy", "show")
	require.Equal(t, "hmac", m.MACStorage)
	require.Equal(t, "minimal", m.Preset)
	days := map[string]int{}
	for _, d := range m.Data {
		days[d.Kind] = d.Days
		require.NotEqual(t, "clear", d.Address, d.Kind)
	}
	require.Equal(t, []int{7, 2, 60, 0}, []int{days["session"], days["raw_record"], days["device"], days["audit"]})
	require.Contains(t, v.do(t, "privacy", "show"), "confirm with counsel")

	require.Equal(t, exitUsage, v.command(t, "privacy", "lookup", "5C-1D-D9-20-A0-C1").status, "not without a reason")
	var held []struct {
		MAC    string
		Listed []struct{ Note string }
	}
	v.read(t, &held, "privacy", "lookup", "5C-1D-D9-20-A0-C1", "--reason", "asked")
	require.Len(t, held, 1)
	require.Equal(t, "rude", held[0].Listed[0].Note)
	name := held[0].MAC
	require.Regexp(t, `^~[0-9a-f]{16}$`, name)
	require.Contains(t, v.do(t, "privacy", "lookup", name, "--reason", "by the pseudonym"), "rude")
	v.do(t, "privacy", "export", name, "--out", "guest.json", "--reason", "asked")
	exported, err := os.ReadFile(filepath.Join(v.dir, "guest.json"))
	require.NoError(t, err)
	require.True(t, json.Valid(exported))

	r := v.command(t, "privacy", "erase", name, "--reason", "asked")
	require.Equal(t, exitDone, r.status, r.err)
	require.Contains(t, r.out, "erased "+name+" at 28N2S004: nothing; stays without the address: 1 listed_devices")
	require.Contains(t, v.do(t, "privacy", "erase", name, "--reason", "asked", "--lists", "--dry-run"), "nothing was changed")
	var e struct{ Erased map[string]int }
	v.read(t, &e, "privacy", "erase", name, "--reason", "asked", "--lists")
	require.Equal(t, map[string]int{"listed_devices": 1}, e.Erased)
	require.Equal(t, exitFailed, v.command(t, "privacy", "erase", name, "--reason", "asked", "--lists").status, "nothing is left")

	var p struct {
		Deleted []struct {
			Kind string
			Rows int
		}
		DryRun bool `json:"dry_run"`
	}
	v.read(t, &p, "privacy", "purge", "--dry-run")
	require.True(t, p.DryRun)
	require.GreaterOrEqual(t, len(p.Deleted), 7)
	v.command(t, "privacy", "purge", "--rewrite")
	var entries []struct{ Action string }
	v.read(t, &entries, "audit", "list", "--action", "privacy.lookup")
	require.Len(t, entries, 2, "each question is logged")
	v.do(t, "audit", "verify")
}
