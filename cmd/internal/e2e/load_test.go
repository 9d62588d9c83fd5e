package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	generator "tallygate/cmd/internal/load"
	"tallygate/macwatch"
)

// underLoad runs the load generator until each record is acknowledged, and kills the
// gateway so many times meanwhile: with it goes its reply cache, so that the store has to
// tell what comes again.
func (g *gateway) underLoad(t *testing.T, cfg generator.Config, kills int) *generator.Side {
	t.Helper()
	g.configure(t) // from now on it comes back where it was
	// Sightings of the second in which the license was activated could lie before it.
	secondsOfService(t, time.Now(), 1)
	cfg.Workload, cfg.Acct, cfg.Secret, cfg.Duration, cfg.Retries = generator.Acct, g.acct, secret, 2*time.Minute, 1000
	var report generator.Report
	var failure error
	done := make(chan struct{})
	go func() {
		defer close(done)
		report, failure = generator.Run(t.Context(), cfg)
	}()
	t.Cleanup(func() { <-done })
	for range kills {
		batches := func() int { return g.metrics(t).value(t, "accounting_commit_seconds_count") }
		before := batches()
		require.Eventually(t, func() bool { return batches() >= before+20 }, patience, time.Millisecond)
		select {
		case <-done:
			require.Fail(t, "it was over before the crash")
		default:
		}
		g.crash(t)
	}
	<-done
	require.NoError(t, failure)
	return report.Acct
}

// stored expects what the generator has had acknowledged: each record once, each session
// with its counters, each device.
func (g *gateway) stored(t *testing.T, acked *generator.Side, records, guests int) {
	t.Helper()
	require.Empty(t, acked.Bad)
	require.Zero(t, acked.Timeouts)
	require.EqualValues(t, records, acked.Records.All())
	require.Positive(t, acked.Lost)
	require.Positive(t, acked.Repeated)

	var sessions []macwatch.SessionInfo
	g.json(t, &sessions, "session", "list", "--location", location)
	var stored, stops, input, output uint64
	ids := map[string]bool{}
	for _, s := range sessions {
		ids[s.SessionID] = true
		stored += uint64(s.Records)
		if s.EndedAt != nil {
			stops++
			input += s.InputOctets
			output += s.OutputOctets
		}
	}
	require.Len(t, ids, len(sessions), "a session has one row")
	require.EqualValues(t, acked.Records.Starts, len(sessions))
	require.Equal(t, acked.Records.All(), stored, "records acknowledged and stored")
	require.Equal(t, acked.Records.Stops, stops)
	require.Equal(t, acked.Records.InputOctets, input)
	require.Equal(t, acked.Records.OutputOctets, output)

	var devices []macwatch.DeviceInfo
	g.json(t, &devices, "device", "list", "--location", location)
	require.Len(t, devices, guests)
	for _, d := range devices {
		require.True(t, d.Counted, "%s: %s", d.MAC, d.Reason)
	}
	g.counts(t, guests, inUse)
	g.stop(t)
	db := g.openDatabase(t)
	db.whole(t)
	db.startedOnce(t)
	require.Equal(t, records, db.number(t, "SELECT sum(records) FROM sessions"))
	require.Equal(t, guests, db.number(t, "SELECT count(*) FROM devices"))
}

// lossy is a network that loses, doubles and reorders 30 % of all datagrams.
func lossy(records, guests int, seed uint64) generator.Config {
	return generator.Config{
		Count: records, Ports: 32, Window: 32, Sessions: 512, Guests: guests,
		Loss: 30, Duplicate: 30, Reorder: 30, Seed: seed, Timeout: 50 * time.Millisecond,
	}
}

// TestTotalsUnderLoad: the load generator sends accounting as fast as it is answered.
func TestTotalsUnderLoad(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	const records, guests = 20_000, 1000
	g.stored(t, g.underLoad(t, lossy(records, guests, 3), 0), records, guests)
}

// TestTotalsOfACrashUnderLoad: the same, and the gateway is killed in the middle, twice.
func TestTotalsOfACrashUnderLoad(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	const records, guests = 20_000, 1000
	g.stored(t, g.underLoad(t, lossy(records, guests, 5), 2), records, guests)
}

// TestTotalsOfAStorm: thousands of NAS send a few records each, every one of them several
// times, and the gateway is killed among them. None makes a second row.
func TestTotalsOfAStorm(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	const records, guests, ports = 15_000, 3000, 3000
	acked := g.underLoad(t, generator.Config{
		Count: records, Ports: ports, Window: 8, Sessions: ports, Guests: guests,
		Loss: 50, Duplicate: 100, Reorder: 30, Seed: 4, Timeout: 100 * time.Millisecond,
	}, 1)
	require.Greater(t, acked.Sent+acked.Retransmissions+acked.Duplicated, 3*acked.Sent, "each was sent three times and more")
	g.stored(t, acked, records, guests)
}
