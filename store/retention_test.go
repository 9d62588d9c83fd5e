package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

func TestClosedSessionsAreDeletedAfterAWhile(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.KeepSessions = 72 * time.Hour })
	const many = 3 * retentionStep
	for n := range many {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	unknown := v.record(0, macwatch.Status(99))
	off := v.record(0, macwatch.StatusOff, func(r *macwatch.Record) { r.MAC, r.SessionID, r.NAS = 0, nil, []byte("elsewhere") })
	v.sight(unknown, off)
	v.clock.advance(time.Minute)
	for n := range many - 1 { // the last stays open
		v.sight(v.record(n, macwatch.StatusStop, counters(60, 1, 1)))
	}
	v.set(v.clock.advance, 71*time.Hour)
	require.Len(t, v.sessions(), many, "not yet")
	v.sight(v.record(many-1, macwatch.StatusInterim, counters(71*3600+60, 1, 1))) // only the gateway had ended it
	seen := v.devices()
	v.sight(v.record(many, macwatch.StatusStart), v.record(many, macwatch.StatusStop, counters(0, 1, 1)))

	steps := 0
	require.True(t, v.s.onWriter(func() {
		v.clock.advance(2 * time.Hour) // here, or a tick of the writer's own would take a step first
		before := many
		for before > 1 && steps < 100 {
			steps++
			require.NoError(t, v.s.w.housekeep(false))
			require.NoError(t, v.s.w.conn.QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE session_id <> ?`, "s-384").Scan(&before))
		}
	}))
	require.Greater(t, steps, 2, "a few at a time")
	ids := v.sessionIDs()
	require.ElementsMatch(t, []string{"s-383", "s-384"}, ids, "the open one, and the one that ended lately")
	require.Zero(t, v.count(`SELECT (SELECT count(*) FROM nas_events) + (SELECT count(*) FROM raw_records)`))

	after := v.devices()
	require.Len(t, after, many+1, "a device stays")
	for mac, d := range seen {
		require.Equal(t, d, after[mac])
	}
	// A record of a session that is gone is kept all the same, as a session of its own.
	v.sight(v.record(0, macwatch.StatusInterim, counters(120, 2, 2)))
	v.restart()
	require.ElementsMatch(t, []string{"s-0", "s-383", "s-384"}, v.sessionIDs())
}

// The index of a generation goes with the last of its rows; ids are never given twice.
func TestRetentionForgetsTheIndex(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.KeepSessions = MinRetention })
	require.True(t, v.s.onWriter(func() { v.s.w.index.next = generationRows - 1 }))
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusStart), v.record(n, macwatch.StatusStop, counters(0, 1, 1)))
	}
	v.seal()
	require.Equal(t, indexSlices, v.count(`SELECT count(*) FROM session_index`))
	v.set(v.clock.advance, 49*time.Hour)
	require.Zero(t, v.count(`SELECT count(*) FROM sessions`))
	require.Zero(t, v.count(`SELECT count(*) FROM session_index`))
	v.sight(v.record(1, macwatch.StatusStart))
	require.Len(t, v.sessions(), 1)
	v.restart()
	v.clock.advance(time.Minute)
	v.sight(v.record(1, macwatch.StatusStop, counters(60, 1, 1)))
	require.Len(t, v.sessions(), 1)
}
