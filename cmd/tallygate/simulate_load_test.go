package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/cmd/internal/load"
)

func TestSimulateLoad(t *testing.T) {
	g, err := startThrowaway(t.Context(), binary)
	require.NoError(t, err)
	defer g.remove()
	licensed(t, g)
	play := func(args ...string) (int, string, string) {
		var out, complaint bytes.Buffer
		status := run(append([]string{"simulate", "--auth", g.auth, "--acct", g.acct, "--secret", demoSecret}, args...), strings.NewReader(""), &out, &complaint)
		return status, out.String(), complaint.String()
	}

	status, out, complaint := play("--load", "--count", "400", "--warm-up", "0s", "--guests", "30", "--sessions", "16", "--json")
	require.Equal(t, exitDone, status, complaint)
	var report load.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Equal(t, load.Mixed, report.Workload)
	require.EqualValues(t, 200, report.Access.Accepted)
	require.EqualValues(t, 200, report.Acct.Records.All())
	require.Zero(t, report.Access.Unsigned)

	status, out, complaint = play("--load", "--workload", "acct", "--rate", "2000", "--duration", "100ms", "--warm-up", "0s", "--cpu", "0", "--loss", "10", "--timeout", "50ms")
	require.Equal(t, exitDone, status, complaint)
	require.Contains(t, out, "2000 requests a second from 8 ports")
	require.Contains(t, out, "injected:")

	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--load", "--workload", "eap"}, "auth-mac or auth-pap or acct or mixed"},
		{[]string{"--load", "--ports", "5000"}, "1 to 4096"},
		{[]string{"--load", "--aps", "3"}, "no meaning with --load"},
		{[]string{"--rate", "3"}, "for --load only"},
		{[]string{"--load", "--cpu", "1000"}, "processor"},
	} {
		status, _, complaint := play(c.args...)
		require.Equal(t, exitUsage, status, complaint)
		require.Contains(t, complaint, c.says)
	}

	status, _, complaint = play("--load", "--workload", "acct", "--secret", "not the secret", "--count", "3", "--timeout", "20ms", "--retries", "0")
	require.Equal(t, exitFailed, status)
	require.Contains(t, complaint, "nothing was answered")
}
