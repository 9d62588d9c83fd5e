package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// Far more sessions than memory keeps, most of them dropped while they wait to be folded:
// each record finds the latest state of its session, also after a crash.
func TestSessionsThatWaitAreNeverDropped(t *testing.T) {
	v := openVenue(t)
	small := func() { require.True(t, v.s.onWriter(func() { v.s.w.sessions.limit = 4 })) }
	const guests = 300
	send := func(status macwatch.Status, seconds uint32) {
		t.Helper()
		v.clock.advance(time.Minute)
		var all []*macwatch.Record
		for n := range guests {
			all = append(all, v.record(n, status, counters(seconds, uint64(seconds), uint64(n))))
		}
		v.sight(all...)
	}
	small()
	send(macwatch.StatusStart, 0)
	kept := 0
	for seconds := uint32(60); kept == 0 && seconds < 60*20; seconds += 60 { // it may all have been folded just now
		send(macwatch.StatusInterim, seconds)
		require.True(t, v.s.onWriter(func() { kept = len(v.s.w.sessions.all) - v.s.w.sessions.recent }))
	}
	require.Positive(t, kept)
	records := v.sessions()[0].Records
	require.True(t, v.s.onWriter(func() { kept = len(v.s.w.sessions.all) - v.s.w.sessions.recent }))
	require.Zero(t, kept, "a list has folded all")
	send(macwatch.StatusInterim, 3000)
	v.crash(t.TempDir())
	small()
	send(macwatch.StatusStop, 3600)
	list := v.sessions()
	require.Len(t, list, guests)
	for _, s := range list {
		require.Equal(t, []any{records + 2, uint64(3600)}, []any{s.Records, s.InputOctets}, s.SessionID)
		require.NotNil(t, s.EndedAt)
	}
}
