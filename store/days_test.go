package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// A venue's days in its own zone: reckoned up when they are over, once more when late
// accounting has come, and kept when the sessions are gone.
func TestDaysAreReckonedUp(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.KeepSessions = MinRetention })
	v.activate(v.terms())
	v.claim("aa:aa:aa:00:00:01")
	zone, err := licensing.LoadZone(v.location.Settings.Timezone)
	require.NoError(t, err)
	day := licensing.DateIn(v.s.Now(), zone).AddDays(1)
	pass(day.Start(zone).Add(20*time.Hour).Sub(v.s.Now()), v) // evening

	v.sight(v.record(1, macwatch.StatusStart), v.record(2, macwatch.StatusStart))
	pass(30*time.Minute, v)
	v.sight(v.record(1, macwatch.StatusStop, counters(1800, 10, 20)), v.rotated(3, "anna"))
	days := func(from, to licensing.Date) []macwatch.Day {
		t.Helper()
		all, err := v.s.Days(ctx, v.location.Code, from, to)
		require.NoError(t, err)
		return all
	}
	today := days(day, day)
	require.Len(t, today, 1)
	limit := 2
	began := v.s.Now().Add(-30 * time.Minute).Truncate(time.Microsecond)
	require.Equal(t, macwatch.Day{
		Day: day.String(), Devices: 3, Private: 1, New: 3, PeakOnline: 3, PeakAt: today[0].PeakAt, Sessions: 3, APs: 1,
		InputOctets: 10, OutputOctets: 20, APSlots: 1, APLimit: &limit,
	}, today[0])
	require.True(t, today[0].PeakAt.After(began))

	// Past midnight: yesterday as far as it is known.
	pass(day.AddDays(1).Start(zone).Add(time.Hour).Sub(v.s.Now()), v)
	got := days(day, day)[0]
	require.Equal(t, []any{3, false}, []any{got.Devices, got.Final})
	// A record of yesterday evening comes now.
	late := v.record(4, macwatch.StatusStop, stamped(v.s.Now().Add(-2*time.Hour)), counters(60, 1, 1))
	v.sight(late, v.record(2, macwatch.StatusStop, counters(18000, 5, 5)))
	require.Equal(t, 3, days(day, day)[0].Devices, "reckoned up already")
	pass(26*time.Hour, v)
	got = days(day, day)[0]
	require.Equal(t, []any{4, true, uint64(11)}, []any{got.Devices, got.Final, got.InputOctets})

	// When the sessions are deleted, the days stay; a restart changes nothing.
	pass(5*24*time.Hour, v)
	for v.count(`SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL`) > 0 {
		require.True(t, v.s.onWriter(func() { require.NoError(t, v.s.w.housekeep(false)) }))
	}
	v.restart()
	all := days(licensing.Date{}, licensing.Date{})
	require.Equal(t, got, all[1])
	require.Len(t, all, 9, "from the first day to today")

	_, err = v.s.Days(ctx, v.location.Code, day, day.AddDays(-1))
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
	_, err = v.s.Days(ctx, "28N2S999", day, day)
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(err))
}
