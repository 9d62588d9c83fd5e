package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/cmd/internal/load"
)

// series makes samples of so many answers a second each.
func series(cpu float64, rates ...float64) (s Series) {
	for _, rate := range rates {
		s.Samples = append(s.Samples, Sample{
			PerSecond: rate, CPUMicros: cpu,
			Report: load.Report{Acct: &load.Side{PerSecond: rate, Latency: load.Latency{P50: 500, P99: 1500, P999: 3000}}},
		})
	}
	return s
}

func TestRatiosAreThoseOfNeighbours(t *testing.T) {
	// The machine became twice as slow after the first pair: the ratio stays.
	c := Contest{Ours: series(1, 400, 200, 200), Theirs: series(1, 100, 50, 40)}
	median, lowest, highest := c.Ratio()
	require.Equal(t, []float64{4, 4, 5}, []float64{median, lowest, highest})
	median, lowest, highest = c.Ours.PerSecond()
	require.Equal(t, []float64{200, 200, 400}, []float64{median, lowest, highest})
	median, _, _ = Contest{Ours: series(1, 10, 10), Theirs: series(1, 10, 5)}.Ratio()
	require.Equal(t, 1.5, median, "of an even number, the middle of the two")
	median, _, _ = Contest{}.Ratio()
	require.Zero(t, median)
}

// goal finds one by its beginning.
func goal(t *testing.T, r *Result, work, begins string) Goal {
	t.Helper()
	for _, g := range r.Goals() {
		if g.Work == work && strings.HasPrefix(g.Goal, begins) {
			return g
		}
	}
	require.Fail(t, "there is no such goal", "%s: %s", work, begins)
	return Goal{}
}

func TestGoals(t *testing.T) {
	nothing := &Result{}
	for _, g := range nothing.Goals() {
		require.Equal(t, NotMeasured, g.Verdict, "%s: %s", g.Work, g.Goal)
	}
	r := &Result{
		Contests: []Contest{
			{Workload: load.AuthMAC, Rival: nameFRFiles, Ours: series(5, 400), Theirs: series(25, 100)},
			{Workload: load.AuthMAC, Rival: nameResponder, Ours: series(5, 690), Theirs: series(3, 1000)},
			{Workload: load.Acct, Rival: nameFROK, Ours: series(12.5, 100), Theirs: series(8, 100)},
		},
		Disks: []Disk{{P50: 150 * time.Microsecond}},
		Half:  series(9, 50), At10k: series(9, 10_000), Idle: series(100, 3000),
		Million:   &Million{Ready: 2 * time.Second, Resident: 300_000_001, PerDevice: 130},
		Growth:    Growth{{few, series(9, 100)}, {10_000_000, series(11, 80)}},
		Retention: &Retention{Deleted: 100, Longest: 20 * time.Millisecond},
		Overload:  &Overload{Sustainable: 100, Offered: 300, Answered: 79, Recovered: 80, Resident: []int64{50e6, 100e6, 110e6}, Drops: map[string]float64{"overload": 3}},
	}
	for _, c := range []struct {
		work, begins string
		verdict      Verdict
	}{
		{"auth by MAC", "at least 4 times FreeRADIUS, files", Pass},
		{"auth by MAC", "at least 0.7 times bare", FallsShort},
		{"auth by MAC", "at most 5 us", Pass},
		{"auth by PAP", "at most 5 us", NotMeasured},
		{"durable accounting", "at least 1 times", Pass},
		{"durable accounting", "at least 100 times", NotMeasured},
		{"durable accounting", "at most 12 us", FallsShort},
		{"latency of accounting", "at half of the highest rate (50/s) p50", Pass},
		{"latency of accounting", "at 10 000/s p99", Pass},
		{"latency of accounting", "idle", Pass},
		{"growth", "with 10 million", Pass},
		{"growth", "retention", Pass},
		{"memory and start", "at most 130 octets", Pass},
		{"memory and start", "at most 300 MB", FallsShort},
		{"memory and start", "ready", Pass},
		{"overload", "at three times", FallsShort},
		{"overload", "drops", Pass},
		{"overload", "memory", Pass},
		{"overload", "recovers", Pass},
	} {
		require.Equal(t, c.verdict, goal(t, r, c.work, c.begins).Verdict, "%s: %s", c.work, c.begins)
	}
	r.Growth[1].Devices = million
	require.Equal(t, NotMeasured, goal(t, r, "growth", "with 10").Verdict, "a million is not ten million")
}

func TestMarkdown(t *testing.T) {
	r := &Result{
		Quick: true, Began: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC), Took: 61 * time.Second,
		Machine:  Machine{Processor: "a processor", Cores: 2, FreeRADIUS: "FreeRADIUS Version 3.2.1"},
		Contests: []Contest{{Workload: load.Acct, Rival: nameFROK, Ours: series(9, 120_000), Theirs: series(8, 100_000)}},
		Overload: &Overload{Sustainable: 100, Drops: map[string]float64{"overload": 3}},
		Notes:    []string{"something was missing"},
	}
	var out bytes.Buffer
	require.NoError(t, r.WriteMarkdown(&out, "make bench BENCH_QUICK=1"))
	for _, says := range []string{
		"`make bench BENCH_QUICK=1` on 2026-11-22 04:00 UTC, in 1m1s", "**A quick run**", "FreeRADIUS Version 3.2.1",
		"| durable accounting | at least 1 times FreeRADIUS, recording nothing | 1.20 (1.20-1.20) | pass |",
		"| FreeRADIUS, recording nothing | 100000 (100000-100000) | 1.20 (1.20-1.20) | 8.00 | 0.50 | 1.50 |",
		"- overload: 3", "- something was missing",
	} {
		require.Contains(t, out.String(), says)
	}
	require.NotContains(t, out.String(), "%!", "a slip in a format")
	for _, line := range strings.Split(out.String(), "\n") {
		require.LessOrEqual(t, len(line), 200, line)
	}
}
