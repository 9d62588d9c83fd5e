package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLicenseHistory(t *testing.T) {
	v, n := licensedVenue(t)
	v.do(t, "license", "deny", n[0], "--reason", "unpaid")
	v.do(t, "license", "restore", n[0])
	var entries []struct{ At, By, Kind, Text, State string }
	v.read(t, &entries, "license", "history", n[0])
	var told []string
	for _, e := range entries {
		require.NotEmpty(t, e.By)
		told = append(told, e.Kind+": "+e.State)
	}
	require.Equal(t, []string{"activated: In Use", "assigned: In Use", "started: In Use", "denied: Access denied", "restored: In Use"}, told)
	table := v.do(t, "license", "history", n[0])
	require.Contains(t, table, "Access denied by the operator: unpaid.")
	rows, err := csv.NewReader(strings.NewReader(v.do(t, "license", "history", n[0], "--csv"))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"at", "by", "kind", "state", "order", "text"}, rows[0])
	require.Len(t, rows, 6)
	require.Equal(t, exitFailed, v.command(t, "license", "history", "TG-0000-0000-0000").status)
}

// The receipt leaves the gateway as a file, which the distributor checks without it.
func TestReceiptIsEvidenceElsewhere(t *testing.T) {
	v, n := licensedVenue(t)
	r := v.command(t, "license", "receipt", n[1])
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.err, "has not started")

	text := v.do(t, "license", "receipt", n[0])
	require.Contains(t, text, "The contract starts when the license is assigned to a Location.")
	out := v.do(t, "license", "receipt", n[0], "--format", "json", "--out", "receipt.json")
	file := filepath.Join(v.dir, "receipt.json")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var evidence struct {
		Hash    string
		Receipt json.RawMessage
	}
	require.NoError(t, json.Unmarshal(raw, &evidence))
	require.Contains(t, out, evidence.Hash)
	require.Contains(t, text, evidence.Hash)

	var gateway struct{ Key string }
	v.read(t, &gateway, "gateway", "id")
	elsewhere := &venue{dir: t.TempDir()} // no gateway, no configuration
	var report struct {
		OK      bool
		Hash    string
		Gateway string
	}
	elsewhere.read(t, &report, "license", "receipt", "verify", file, "--gateway", gateway.Key)
	require.True(t, report.OK)
	require.Equal(t, gateway.Key, report.Gateway)
	require.Equal(t, evidence.Hash, report.Hash)

	for name, change := range map[string][2]string{"another day": {`"starts_at": "2`, `"starts_at": "3`}, "another hash": {`"hash": "`, `"hash": "0`}} {
		altered := strings.Replace(string(raw), change[0], change[1], 1)
		require.NotEqual(t, string(raw), altered)
		r := elsewhere.commandWith(t, strings.NewReader(altered), "license", "receipt", "verify", "-")
		require.Equal(t, exitFailed, r.status, name)
		require.Contains(t, r.out, "NOT genuine", name)
	}
	r = elsewhere.command(t, "license", "receipt", "verify", file, "--gateway", "k4.public.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.out, "another gateway has signed it")

	// The hash is the one that jq and sha256sum come to, as the manual says.
	sum := exec.CommandContext(t.Context(), "sh", "-c", "jq -jcS .receipt "+file+" | sha256sum")
	if path, err := exec.LookPath("jq"); err == nil && path != "" {
		text, err := sum.Output()
		require.NoError(t, err)
		require.Equal(t, evidence.Hash, strings.Fields(string(text))[0])
	}

	v.do(t, "license", "receipt", n[0], "--format", "pdf", "--language", "es", "--out", "recibo.pdf")
	pdf, err := os.ReadFile(filepath.Join(v.dir, "recibo.pdf"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(pdf), "%PDF-"))
}

func TestLicenseCalendar(t *testing.T) {
	v, n := licensedVenue(t)
	var entries []struct {
		Day, Kind, License, Text string
		TimeZone                 string `json:"time_zone"`
		Locations                []string
	}
	v.read(t, &entries, "license", "calendar")
	kinds := map[string]string{}
	for _, e := range entries {
		kinds[e.License+" "+e.Kind] = e.Text
		require.Equal(t, "Europe/Madrid", e.TimeZone)
	}
	require.Contains(t, kinds, n[0]+" notice.month")
	require.Contains(t, kinds, n[1]+" takeover")
	require.Contains(t, kinds[n[0]+" end"], "At 28N2S004 "+n[1]+" goes on.")
	require.Contains(t, v.do(t, "license", "calendar"), ", Europe/Madrid\n  ")
	require.Equal(t, "[]\n", v.do(t, "license", "calendar", n[2], "--json"), "nothing is due for a license of the pool")
	require.Contains(t, v.do(t, "license", "calendar", n[0], "--months", "1"), "nothing will happen")
	v.read(t, &entries, "license", "calendar", "--months", "40")
	last := entries[len(entries)-1]
	require.NotEqual(t, n[0], last.License, "the pool renews by itself, and is told so")
	require.Contains(t, v.do(t, "license", "calendar", "--csv"), "at,day,time_zone,kind,license,locations,text\r\n")
	require.Equal(t, exitFailed, v.command(t, "license", "calendar", "--months", "0").status)
}

func TestLicenseCutOff(t *testing.T) {
	v, n := licensedVenue(t)
	v.do(t, "ap", "declare", "lobby", "--location", "28N2S004")
	type preview struct {
		APs       int
		Locations []struct {
			Next string
			APs  []string
		}
	}
	var p preview
	v.read(t, &p, "license", "cutoff", n[0])
	require.Zero(t, p.APs)
	require.Equal(t, n[1], p.Locations[0].Next)
	v.do(t, "license", "unassign", n[1])
	p = preview{}
	v.read(t, &p, "license", "cutoff", "--location", "28N2S004")
	require.Equal(t, 1, p.APs)
	require.Empty(t, p.Locations[0].Next)
	require.Equal(t, []string{"lobby"}, p.Locations[0].APs)
	text := v.do(t, "license", "cutoff", n[0])
	require.Contains(t, text, "if it ended now: 1 AP, 0 rooms, 0 open sessions and 0 guests would be cut off")
	require.Contains(t, text, "everybody would be cut off")
	require.Equal(t, exitUsage, v.command(t, "license", "cutoff").status)
	require.Equal(t, exitFailed, v.command(t, "license", "cutoff", "--location", "28N2S005").status, "no license governs there")
}

func TestAuditIsListed(t *testing.T) {
	v, n := licensedVenue(t)
	v.do(t, "license", "deny", n[0], "--reason", "unpaid")
	var all, of, none []struct {
		Seq                    int
		Action, Subject, Actor string
		Detail                 map[string]any
	}
	list := func(into any, args ...string) { v.read(t, into, append([]string{"audit", "list"}, args...)...) }
	list(&all)
	for i, e := range all {
		require.Equal(t, i+1, e.Seq)
		require.NotContains(t, e.Action, " ")
	}
	list(&of, "--subject", strings.ToLower(n[0]), "--action", "license.deny", "--actor", all[0].Actor)
	require.Len(t, of, 1)
	require.Equal(t, "unpaid", of[0].Detail["reason"])
	list(&of, "--since", "1h", "--action", "location")
	require.Len(t, of, 2, "both were added in this hour")
	list(&none, "--until", "2020-01-01")
	require.Empty(t, none)
	list(&none, "--actor", "nobody")
	require.Empty(t, none)
	rows, err := csv.NewReader(strings.NewReader(v.do(t, "audit", "list", "--csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, len(all)+1)
	require.Equal(t, []string{"seq", "at", "actor", "action", "subject", "detail"}, rows[0])
	require.Equal(t, exitUsage, v.command(t, "audit", "list", "--since", "lately").status)
	require.Contains(t, v.do(t, "audit", "list"), "license.deny")
}

func TestShowAsOf(t *testing.T) {
	v, n := licensedVenue(t)
	var d struct {
		State     string
		Locations []string
	}
	v.read(t, &d, "license", "show", n[1], "--as-of", "2099-01-01")
	require.Equal(t, "Contract finalized", d.State, "by then it has taken over and ended")
	v.read(t, &d, "license", "show", n[0], "--as-of", "2020-01-01T00:00:00Z")
	require.Equal(t, "Pending Provision", d.State)
	require.Contains(t, v.do(t, "license", "show", n[0]), "partner:")
	require.Equal(t, exitUsage, v.command(t, "license", "show", n[0], "--as-of", "tomorrow").status)
}
