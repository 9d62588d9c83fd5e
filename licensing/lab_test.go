package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCheckLab(t *testing.T) {
	now := instant(t, "2026-06-15T12:00:00Z")
	period := func(start string, d time.Duration) LabPeriod {
		at := instant(t, start)
		return LabPeriod{Start: at, End: at.Add(d)}
	}
	for _, c := range []struct {
		why    string
		change func(*License, *Location)
		code   Code // CodeInternal: it may start
		end    string
	}{
		{"in use", func(*License, *Location) {}, CodeInternal, "2026-06-15T20:00:00Z"},
		{"pending start", func(l *License, _ *Location) { l.StartedAt = time.Time{} }, CodeInternal, "2026-06-15T20:00:00Z"},
		{"no license", func(_ *License, v *Location) { v.Licenses = nil }, CodeInternal, "2026-06-15T20:00:00Z"},
		{"again, without a cap", func(_ *License, v *Location) { v.Labs = []LabPeriod{period("2026-06-15T01:00:00Z", LabDuration)} }, CodeInternal, "2026-06-15T20:00:00Z"},
		{"runs already", func(_ *License, v *Location) { v.Labs = []LabPeriod{period("2026-06-15T11:00:00Z", LabDuration)} }, CodeConflict, ""},
		{"denied", func(l *License, _ *Location) { l.Operator.At = now }, CodeConflict, ""},
		{"over", func(l *License, _ *Location) { l.StartedAt = now.AddDate(-2, 0, 0) }, CodeConflict, ""},
		{"the contract ends before it", func(l *License, _ *Location) { l.Terms.LatestEnd, l.Zone = Date{2026, 6, 15}, "Pacific/Chatham" }, CodeConflict, ""},
		{"the contract ends during it", func(l *License, _ *Location) { l.Terms.LatestEnd, l.Zone = Date{2026, 6, 15}, "Asia/Kathmandu" }, CodeInternal, "2026-06-15T18:15:00Z"},
		{"capped, nothing used", func(l *License, _ *Location) { l.Terms.LabHours = 16 }, CodeInternal, "2026-06-15T20:00:00Z"},
		{"capped, used up", func(l *License, v *Location) {
			l.Terms.LabHours = 16
			v.Labs = []LabPeriod{period("2026-06-02T08:00:00Z", LabDuration), period("2026-06-03T08:00:00Z", LabDuration)}
		}, CodeRefused, ""},
		{"capped, three hours left", func(l *License, v *Location) {
			l.Terms.LabHours = 16
			v.Labs = []LabPeriod{period("2026-06-02T08:00:00Z", LabDuration), period("2026-06-03T08:00:00Z", 5*time.Hour)}
		}, CodeInternal, "2026-06-15T15:00:00Z"},
		{"the month begins in the license's zone", func(l *License, v *Location) {
			l.Terms.LabHours = 8 // of the eight hours, two were in June of Madrid
			v.Labs = []LabPeriod{period("2026-04-01T08:00:00Z", LabDuration), period("2026-05-31T16:00:00Z", LabDuration)}
		}, CodeInternal, "2026-06-15T18:00:00Z"},
	} {
		t.Run(c.why, func(t *testing.T) {
			license := yearLicense(t)
			venue := &Location{Code: "28N2S004", Licenses: []*License{license}}
			c.change(license, venue)
			err := CheckLab(venue, now)
			if c.code != CodeInternal {
				requireAdvice(t, err, c.code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.end, LabEnd(venue, now).UTC().Format(time.RFC3339))
		})
	}
}

func TestLabPeriodCovers(t *testing.T) {
	start := instant(t, "2026-06-15T12:00:00Z")
	p := LabPeriod{Start: start, End: start.Add(LabDuration)}
	venue := Location{Labs: []LabPeriod{p}}
	for _, c := range []struct {
		at   time.Time
		want bool
	}{{start.Add(-1), false}, {start, true}, {p.End.Add(-1), true}, {p.End, false}} {
		_, got := venue.LabAt(c.at)
		require.Equal(t, c.want, got)
	}
}
