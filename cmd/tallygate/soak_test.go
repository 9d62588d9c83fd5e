package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/cmd/internal/simulate"
	"tallygate/macwatch"
)

// soakTime makes a soak of TestSoak (`make soak`); without it a few rounds must do.
var soakTime = flag.Duration("soak.time", 0, "how long TestSoak plays a venue")

const (
	soakRounds = 2  // at least
	soakWarmUp = 20 // rounds until memory must stay where it is
)

// TestSoak plays a venue with a bad network at the real daemon: each record that was
// acknowledged is stored, exactly once, and memory stays flat.
func TestSoak(t *testing.T) {
	g, err := startThrowaway(t.Context(), binary)
	require.NoError(t, err)
	defer g.remove()
	licensed(t, g)

	acknowledged := map[soakKey]soakSum{}
	unanswered := map[soakKey]bool{}
	var early, late int // resident kilobytes, at most
	begun := time.Now()
	for round := 0; round < soakRounds || time.Since(begun) < *soakTime; round++ {
		report := soakRound(t, g, uint64(round), acknowledged)
		for _, e := range report.Unanswered {
			unanswered[keyOf(e)] = true
		}
		if kb := resident(t, g.process.Pid); round < soakWarmUp {
			early = max(early, kb)
		} else {
			late = max(late, kb)
		}
		if round%10 == 0 {
			t.Logf("round %d after %s: %d sessions, %d MB resident", round, time.Since(begun).Round(time.Second), len(acknowledged), resident(t, g.process.Pid)>>10)
		}
	}
	require.LessOrEqual(t, late, early+early/2+64<<10, "resident memory in kB, after and before round %d", soakWarmUp)

	stored := map[soakKey]soakSum{}
	var sessions []macwatch.SessionInfo
	require.NoError(t, g.command(t.Context(), &sessions, "session", "list", "--location", demoLocation))
	for _, s := range sessions {
		k := soakKey{s.SessionID, s.MAC, s.AP}
		stored[k] = stored[k].and(s.Records, s.InputOctets, s.OutputOctets)
	}
	for k, want := range acknowledged {
		got := stored[k]
		if unanswered[k] {
			require.GreaterOrEqual(t, got.records, want.records, "%+v", k)
			continue
		}
		require.Equal(t, want, got, "%+v: acknowledged and stored", k)
	}
	for k := range stored {
		_, known := acknowledged[k]
		require.True(t, known || unanswered[k], "%+v was stored, but never sent", k)
	}
}

// soakKey is one session as the access point names it.
type soakKey struct{ session, mac, ap string }

func keyOf(e simulate.Entry) soakKey { return soakKey{e.SessionID, e.MAC, e.AP} }

// soakSum is what is known of a session: records, and the counters, which only grow.
type soakSum struct {
	records       int
	input, output uint64
}

func (s soakSum) and(records int, input, output uint64) soakSum {
	return soakSum{s.records + records, max(s.input, input), max(s.output, output)}
}

// soakRound plays one venue and adds its ledger to acknowledged.
func soakRound(t *testing.T, g *throwaway, seed uint64, acknowledged map[soakKey]soakSum) simulate.Report {
	t.Helper()
	var ledger bytes.Buffer
	report, err := simulate.Run(t.Context(), simulate.Config{
		Auth: g.auth, Acct: g.acct, Secret: demoSecret, Seed: seed, Ledger: &ledger,
		APs: 20, Guests: 60, Sessions: 2, Interims: 3, Reboots: 1, Roam: 40,
		Loss: 10, Duplicate: 10, Reorder: 10, Concurrency: 60, Timeout: 100 * time.Millisecond, Retries: 20,
	})
	require.NoError(t, err)
	require.True(t, report.Finished)
	require.Empty(t, report.BadReplies)
	require.Empty(t, report.Rejects)
	entries, err := simulate.ReadLedger(&ledger)
	require.NoError(t, err)
	for _, e := range entries {
		if e.SessionID != "" { // Accounting-On belongs to no session
			k := keyOf(e)
			acknowledged[k] = acknowledged[k].and(1, e.InputOctets, e.OutputOctets)
		}
	}
	return report
}

// licensed enters an Organization, a Location, its access points and a license without
// limits.
func licensed(t *testing.T, g *throwaway) {
	t.Helper()
	key := g.dir + "/license-key.txt"
	for _, args := range [][]string{
		{"organization", "add", "Soak Hotels", "--realm", "soakhotel", "--code", "DMO"},
		{"location", "add", "Hotel Soak", "--realm", "soakhotel", "--time-zone", "Europe/Madrid", "--id", demoLocation},
		{"client", "add", "access-points", "--address", "127.0.0.1/32", "--secret", demoSecret, "--location", demoLocation},
		{"issuer", "grant", "--dir", g.issuer, "--organization", "Soak Hotels", "--realm", "soakhotel", "--years", "1", "--out", key},
		{"license", "activate", "@" + key, "--location", demoLocation},
	} {
		require.NoError(t, g.command(t.Context(), nil, args...))
	}
}

// resident is the memory of a process in kilobytes.
func resident(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return kb
}
