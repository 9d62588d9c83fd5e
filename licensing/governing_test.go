package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestGoverning(t *testing.T) {
	now := instant(t, "2026-06-01T00:00:00Z")
	license := func(id int64, provisionedDaysAgo int, s State) *License {
		l := yearLicense(t)
		l.ID, l.ProvisionedAt, l.StartedAt = id, now.AddDate(0, 0, -provisionedDaysAgo), time.Time{}
		switch s {
		case InUse:
			l.StartedAt = l.ProvisionedAt
		case AccessDenied:
			l.Operator.At = l.ProvisionedAt
		case ContractFinalized:
			l.StartedAt = now.AddDate(-2, 0, 0)
		}
		require.Equal(t, s, l.StateAt(now))
		return l
	}
	for _, c := range []struct {
		why  string
		ls   []*License
		want int64
	}{
		{"nothing", nil, 0},
		{"in use before one that waits", []*License{license(1, 9, PendingStart), license(2, 3, InUse)}, 2},
		{"denied before one that waits", []*License{license(1, 9, PendingStart), license(2, 3, AccessDenied)}, 2},
		{"the first of in use and denied", []*License{license(2, 9, AccessDenied), license(1, 3, InUse)}, 2},
		{"the first here, though it came to another Location later", []*License{license(7, 3, PendingStart), license(4, 9, PendingStart)}, 7},
		{"waiting before finalized", []*License{license(1, 900, ContractFinalized), license(2, 3, PendingStart)}, 2},
		{"the last finalized", []*License{license(1, 900, ContractFinalized), license(2, 800, ContractFinalized)}, 2},
	} {
		got := Governing(c.ls, now)
		if c.want == 0 {
			require.Nil(t, got, c.why)
			continue
		}
		require.NotNil(t, got, c.why)
		require.Equal(t, c.want, got.ID, c.why)
	}
}

func TestTheNextInTheQueueTakesOverAtTheExactEnd(t *testing.T) {
	first, next := yearLicense(t), yearLicense(t)
	next.ID, next.StartedAt, next.ProvisionedAt = 2, time.Time{}, first.ProvisionedAt.AddDate(0, 6, 0)
	end, _ := first.End()
	queue := []*License{first, next}
	require.Same(t, first, Governing(queue, end.Add(-1)))
	require.Same(t, next, Governing(queue, end))
	require.True(t, Decide(Facts{License: Governing(queue, end)}, end).Allowed)
}

func TestGoverningIsOneOfThemAndServes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ls := rapid.SliceOfNDistinct(rapid.Custom(drawLicense), 0, 4, func(l *License) int64 { return l.ID }).Draw(t, "licenses")
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), 0)
		got := Governing(ls, now)
		if got != nil {
			require.Contains(t, ls, got)
			require.NotEqual(t, PendingProvision, got.StateAt(now))
		}
		for _, l := range ls {
			require.False(t, l.StateAt(now) == InUse && got.StateAt(now) == PendingStart, "one in use goes first")
		}
	})
}
