package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDenyAndRestore(t *testing.T) {
	l := yearLicense(t)
	now := l.StartedAt.Add(time.Hour)
	end, _ := l.End()

	denied, err := l.Deny(" unpaid\n", now)
	require.NoError(t, err)
	require.Equal(t, Denial{At: now, Reason: "unpaid"}, denied.Operator)
	require.Equal(t, AccessDenied, denied.StateAt(now))
	require.Equal(t, InUse, l.StateAt(now), "a change makes a copy")
	restored, err := denied.Restore(now)
	require.NoError(t, err)
	require.Equal(t, InUse, restored.StateAt(now))
	require.Equal(t, l, restored)

	byOrder := yearLicense(t)
	byOrder.Distributor = Denial{At: now, Reason: "order 7"}
	both, err := byOrder.Deny("unpaid", now)
	require.NoError(t, err)
	restored, err = both.Restore(now)
	require.NoError(t, err)
	require.Equal(t, AccessDenied, restored.StateAt(now), "each denial is lifted by its own authority")

	for _, c := range []struct {
		why  string
		do   func() (*License, error)
		code Code
		text string
	}{
		{"no reason", func() (*License, error) { return l.Deny(" ", now) }, CodeInvalid, "needs a reason"},
		{"twice", func() (*License, error) { return denied.Deny("again", now) }, CodeConflict, "denied already: unpaid"},
		{"deny after the end", func() (*License, error) { return l.Deny("late", end) }, CodeConflict, "over"},
		{"restore what is not denied", func() (*License, error) { return l.Restore(now) }, CodeConflict, "not denied"},
		{"restore what the distributor denied", func() (*License, error) { return byOrder.Restore(now) }, CodeRefused, "order 7"},
		{"restore after the end", func() (*License, error) { return denied.Restore(end) }, CodeConflict, "no restoration revives it"},
	} {
		got, err := c.do()
		require.Nil(t, got, c.why)
		require.Equal(t, c.code, CodeOf(err), c.why)
		require.ErrorContains(t, err, c.text, c.why)
	}
}

func TestUnassign(t *testing.T) {
	waiting := yearLicense(t)
	waiting.StartedAt = time.Time{}
	waiting.Allotments = []Allotment{{LocationID: 1, At: waiting.ProvisionedAt}}
	now := waiting.ProvisionedAt.Add(time.Hour)
	back, err := waiting.Unassign(0, now)
	require.NoError(t, err)
	require.Equal(t, PendingProvision, back.StateAt(now))
	require.Empty(t, back.Allotments)
	require.Empty(t, back.Zone)
	require.Equal(t, PendingStart, waiting.StateAt(now), "a change makes a copy")

	for _, c := range []struct {
		why     string
		change  func(*License)
		counted int
		text    string
	}{
		{"a device was counted", func(*License) {}, 1, "1 devices have been counted"},
		{"not assigned", func(l *License) { l.Allotments = nil }, 0, "not assigned"},
		{"started", func(l *License) { l.StartedAt = now }, 0, "has started"},
		{"started, and denied", func(l *License) { l.StartedAt, l.Operator.At = now, now }, 0, "has started"},
		{"its start is proposed", func(l *License) { l.Proposal.At = now }, 0, "has started"},
		{"over", func(l *License) { l.Terms.LatestEnd = Date{2026, 2, 1} }, 0, "has started"},
	} {
		l := *waiting
		c.change(&l)
		_, err := l.Unassign(c.counted, now)
		require.Equal(t, CodeConflict, CodeOf(err), c.why)
		require.ErrorContains(t, err, c.text, c.why)
	}

	fixed := *waiting
	fixed.Terms.Start, fixed.Terms.StartDate = StartFixedDate, Date{2026, 4, 1}
	_, err = fixed.Unassign(0, now)
	require.NoError(t, err, "its date has not come yet")
}
