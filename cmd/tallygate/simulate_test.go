package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/cmd/internal/simulate"
)

func TestSimulateCommand(t *testing.T) {
	g, err := startThrowaway(t.Context(), binary)
	require.NoError(t, err)
	defer g.remove()
	licensed(t, g)
	play := func(args ...string) (int, string, string) {
		var out, complaint bytes.Buffer
		status := run(append([]string{"simulate", "--auth", g.auth, "--acct", g.acct}, args...), strings.NewReader(""), &out, &complaint)
		return status, out.String(), complaint.String()
	}

	ledger := filepath.Join(t.TempDir(), "acked.jsonl")
	status, out, complaint := play("--secret", demoSecret, "--guests", "10", "--ledger", ledger, "--json")
	require.Equal(t, exitDone, status, complaint)
	var report simulate.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.True(t, report.Finished)
	require.GreaterOrEqual(t, report.Accepts, 10)
	file, err := os.Open(ledger)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	entries, err := simulate.ReadLedger(file)
	require.NoError(t, err)
	require.Len(t, entries, report.Acknowledged)

	status, out, complaint = play("--secret", demoSecret, "--guests", "10")
	require.Equal(t, exitDone, status, complaint)
	require.Contains(t, out, "acknowledged:")

	status, _, complaint = play("--secret", "not the secret", "--guests", "1", "--timeout", "50ms", "--retries", "0")
	require.Equal(t, exitFailed, status)
	require.Contains(t, complaint, "unanswered")

	status, _, complaint = play("--secret", demoSecret, "--aps", "0")
	require.Equal(t, exitUsage, status)
	require.Contains(t, complaint, "1 to 1000")
	status, _, _ = play("--secret", demoSecret, "--ledger", filepath.Join(t.TempDir(), "no", "such", "folder"))
	require.Equal(t, exitFailed, status)
	status, _, _ = play()
	require.Equal(t, exitUsage, status, "the secret is missing")
}
