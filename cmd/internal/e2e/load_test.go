package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	generator "tallygate/cmd/internal/load"
	"tallygate/macwatch"
)

// TestTotalsUnderLoad: the load generator sends accounting as fast as it is answered, over
// a network that loses, doubles and reorders 30 % of all datagrams. What the gateway has
// stored in the end is what the generator has had acknowledged: each record once, each
// session with its counters, each device.
func TestTotalsUnderLoad(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	// Sightings of the second in which the license was activated could lie before it.
	secondsOfService(t, time.Now(), 1)
	const guests = 300
	report, err := generator.Run(t.Context(), generator.Config{
		Workload: generator.Acct, Acct: g.acct, Secret: secret, Count: 6000, Duration: time.Minute,
		Ports: 16, Window: 8, Sessions: 512, Guests: guests,
		Loss: 30, Duplicate: 30, Reorder: 30, Seed: 3, Timeout: 50 * time.Millisecond, Retries: 1000,
	})
	require.NoError(t, err)
	acked := report.Acct
	require.Empty(t, acked.Bad)
	require.Zero(t, acked.Timeouts)
	require.EqualValues(t, 6000, acked.Records.All())
	require.Positive(t, acked.Lost)
	require.Positive(t, acked.Repeated)

	var sessions []macwatch.SessionInfo
	g.json(t, &sessions, "session", "list", "--location", location)
	var records, stops, input, output uint64
	ids := map[string]bool{}
	for _, s := range sessions {
		ids[s.SessionID] = true
		records += uint64(s.Records)
		if s.EndedAt != nil {
			stops++
			input += s.InputOctets
			output += s.OutputOctets
		}
	}
	require.Len(t, ids, len(sessions), "a session has one row")
	require.EqualValues(t, acked.Records.Starts, len(sessions))
	require.Equal(t, acked.Records.All(), records, "records acknowledged and stored")
	require.Equal(t, acked.Records.Stops, stops)
	require.Equal(t, acked.Records.InputOctets, input)
	require.Equal(t, acked.Records.OutputOctets, output)

	var devices []macwatch.DeviceInfo
	g.json(t, &devices, "device", "list", "--location", location)
	require.Len(t, devices, guests)
	for _, d := range devices {
		require.True(t, d.Counted, "%s: %s", d.MAC, d.Reason)
	}
	var licenses []struct {
		DevicesCounted int    `json:"devices_counted"`
		State          string `json:"state"`
	}
	g.json(t, &licenses, "license", "list")
	require.Equal(t, guests, licenses[0].DevicesCounted)
	require.Equal(t, "In Use", licenses[0].State)
}
