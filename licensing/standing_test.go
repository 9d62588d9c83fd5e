package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// For as long as a Standing says that it holds, to ask anew gives the same.
func TestAStandingIsTrueForAsLongAsItHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Map(rapid.Int64Range(0, 4e9), func(s int64) time.Time { return time.Unix(s, 0) })
		ls := rapid.SliceOfNDistinct(rapid.Custom(drawLicense), 0, 4, func(l *License) int64 { return l.ID }).Draw(t, "licenses")
		for _, l := range ls {
			switch rapid.SampledFrom([]string{"", "proposed", "released", "confirmed"}).Draw(t, "besides") {
			case "proposed":
				l.StartedAt, l.Terms.Start, l.Terms.ConfirmStart = time.Time{}, StartFifthDevice, 24*time.Hour
				l.Proposal = Proposal{At: moment.Draw(t, "proposed at"), Start: moment.Draw(t, "proposed start")}
				l.HeldUntil = moment.Draw(t, "held until")
			case "released":
				l.ReleasedAt = moment.Draw(t, "released")
			case "confirmed":
				l.Terms.ConfirmEvery = rapid.IntRange(1, 400).Draw(t, "every")
			}
		}
		now := moment.Draw(t, "now")
		kept := StandingAt(ls, now)
		require.True(t, kept.Holds(now))
		for range 8 {
			later := moment.Draw(t, "later")
			if kept.Holds(later) {
				fresh := StandingAt(ls, later)
				fresh.from, fresh.to = kept.from, kept.to
				require.Equal(t, kept, fresh, "%s instead of %s", later, now)
			}
		}
		if kept.to.IsZero() {
			return
		}
		last := StandingAt(ls, kept.to.Add(-1))
		require.Equal(t, []any{kept.License, kept.State, kept.Until}, []any{last.License, last.State, last.Until}, "the instant before its end")
		require.False(t, kept.Holds(kept.to))
	})
}

// A year's license in the middle of its term stands as it does until its end, so that
// keeping the answer is worth while.
func TestAStandingHoldsUntilSomethingChanges(t *testing.T) {
	l := yearLicense(t)
	end, ok := l.End()
	require.True(t, ok)
	now := l.StartedAt.Add(time.Hour)
	s := StandingAt([]*License{l}, now)
	require.Equal(t, Standing{License: l, State: InUse, Until: end, from: now, to: end}, s)
	require.True(t, s.Holds(end.Add(-1)))
	require.False(t, s.Holds(end))
	require.False(t, s.Holds(now.Add(-1)), "a clock set back decides anew")
}

// A proposed start that happens by itself has an end of its own, which no fact names.
func TestAStandingKnowsTheEndOfAStartThatLapsed(t *testing.T) {
	l := yearLicense(t)
	start := l.StartedAt
	l.StartedAt, l.Terms.ConfirmStart = time.Time{}, 24*time.Hour
	l.Proposal = Proposal{At: start.Add(time.Hour), Start: start}
	due, ok := l.StartDue()
	require.True(t, ok)

	before := StandingAt([]*License{l}, due.Add(-1))
	require.Equal(t, PendingStart, before.State)
	require.False(t, before.Holds(due))
	after := StandingAt([]*License{l}, due)
	require.Equal(t, InUse, after.State)
	end, _ := yearLicense(t).End()
	require.True(t, after.Holds(end.Add(-1)))
	require.False(t, after.Holds(end))
}
