package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// withProposal is a license whose start was proposed on 10 March 2026 at 18:30 UTC, for a day.
func withProposal(t *testing.T) *License {
	t.Helper()
	l := yearLicense(t)
	start := l.StartedAt
	l.StartedAt, l.Terms.ConfirmStart = time.Time{}, 24*time.Hour
	return l.Propose(start, start.Add(time.Minute))
}

func TestAProposedStartLapsesInItsTime(t *testing.T) {
	l := withProposal(t)
	due, ok := l.StartDue()
	require.True(t, ok)
	require.Equal(t, "2026-03-11T18:31:00Z", due.Format(time.RFC3339))
	require.Equal(t, PendingStart, l.StateAt(due.Add(-1)))
	require.Equal(t, InUse, l.StateAt(due))
	_, known := l.Starts()
	require.False(t, known, "until then nobody knows")
	at, by, isDue := l.Planned(due)
	require.True(t, isDue)
	require.Equal(t, StartedByLapse, by)
	require.Equal(t, "2026-03-10T18:30:00Z", at.Format(time.RFC3339))
	_, _, isDue = l.Planned(due.Add(-1))
	require.False(t, isDue)

	moved := l.Propose(l.Proposal.Start.Add(-time.Hour), due.Add(-time.Hour))
	later, _ := moved.StartDue()
	require.Equal(t, due, later, "a late sighting moves the instant, not the time to decide in")

	for why, change := range map[string]func(*License){
		"the operator denies":    func(l *License) { l.Operator.At = l.Proposal.At },
		"the distributor denies": func(l *License) { l.Distributor.At = l.Proposal.At },
		"it has left":            func(l *License) { l.ReleasedAt = l.Proposal.At },
	} {
		c := *l
		change(&c)
		_, _, isDue := c.Planned(due.AddDate(0, 1, 0))
		require.False(t, isDue, why)
	}
	denied, err := l.Deny("noise", due.Add(-time.Hour))
	require.NoError(t, err)
	restored, err := denied.Restore(due.Add(time.Hour))
	require.NoError(t, err)
	held, _ := restored.StartDue()
	require.Equal(t, due.Add(time.Hour), held)
}

func TestDecidingOnAStart(t *testing.T) {
	l := withProposal(t)
	now := l.Proposal.At.Add(time.Hour)
	started, err := l.ConfirmStart(now)
	require.NoError(t, err)
	require.Equal(t, l.Proposal.Start, started.StartedAt)
	require.Contains(t, started.StartRule(), "An operator confirmed the start.")

	declined, err := l.DeclineStart("staff", now)
	require.NoError(t, err)
	require.Equal(t, PendingStart, declined.StateAt(now.AddDate(1, 0, 0)))
	require.Equal(t, now, declined.CountsAfter())
	require.True(t, declined.Counting())
	again := declined.Propose(now.Add(time.Hour), now.Add(time.Hour))

	for why, refused := range map[string]error{
		"twice":                  second(again.DeclineStart("staff", now.Add(2*time.Hour))),
		"without a reason":       second(l.DeclineStart(" ", now)),
		"nothing is proposed":    second(declined.DeclineStart("staff", now)),
		"nothing to confirm":     second(declined.ConfirmStart(now)),
		"confirmed already":      second(started.ConfirmStart(now)),
		"after it has lapsed":    second(started.DeclineStart("staff", now.AddDate(0, 0, 3))),
		"while access is denied": func() error { c := *l; c.Operator.At = now; return second(c.ConfirmStart(now)) }(),
	} {
		require.Error(t, refused, why)
		require.NotEqual(t, CodeInternal, CodeOf(refused), why)
	}
}

func second(_ *License, err error) error { return err }
