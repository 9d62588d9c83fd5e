package licensing

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// standing is a Location in Madrid with the licenses as they came, each allotted to it.
func standing(t *testing.T, ls ...*License) *Location {
	t.Helper()
	at := &Location{ID: 1, Code: "28N2S004", Realm: "hotelsol", Settings: Settings{Timezone: "Europe/Madrid"}.WithDefaults()}
	for i, l := range ls {
		l.ID = int64(i + 1)
		if len(l.Allotments) == 0 {
			l.Allotments = []Allotment{{LocationID: 1, Location: at.Code, At: l.ProvisionedAt, APs: Unlimited, Rooms: Unlimited}}
		}
		at.Licenses = append(at.Licenses, l)
	}
	return at
}

// waiting is a license that came on a day and has not started.
func waiting(t *testing.T, day string, change ...func(*License)) *License {
	t.Helper()
	l := yearLicense(t)
	l.StartedAt, l.ProvisionedAt = time.Time{}, instant(t, day+"T12:00:00Z")
	for _, f := range change {
		f(l)
	}
	return l
}

func onProvision(l *License) { l.Terms.Start = StartOnProvision }

func TestPlanSaysWhenTheNextOneStarts(t *testing.T) {
	first := "2027-03-11T00:00:00+01:00" // the end of yearLicense
	for _, c := range []struct {
		why  string
		next *License
		with func(first *License)
		want string // "": not by itself
	}{
		{"it takes over", waiting(t, "2026-06-01"), nil, first},
		{"on-provision, too", waiting(t, "2026-06-01", onProvision), nil, first},
		{"on-provision with nothing before it", waiting(t, "2028-06-01", onProvision), nil, "2028-06-01T14:00:00+02:00"},
		{"after the end it counts for itself", waiting(t, "2028-06-01"), nil, ""},
		{"behind one that never ran it counts", waiting(t, "2026-06-01"), func(l *License) { l.StartedAt, l.Terms.LatestEnd = time.Time{}, Date{2026, 12, 31} }, ""},
		{"on-provision does not", waiting(t, "2026-06-01", onProvision),
			func(l *License) { l.StartedAt, l.Terms.LatestEnd = time.Time{}, Date{2026, 12, 31} }, "2027-01-01T00:00:00+01:00"},
		{"the end is not known", waiting(t, "2026-06-01", onProvision), func(l *License) { l.StartedAt = time.Time{} }, ""},
		{"the clock of the first is paused", waiting(t, "2026-06-01"), func(l *License) { l.Distributor.At, l.PausedSince = l.StartedAt, l.StartedAt }, ""},
		{"the first is denied", waiting(t, "2026-06-01"), func(l *License) { l.Operator.At = l.StartedAt }, first},
		{"the first is renewed", waiting(t, "2026-06-01"), func(l *License) { l.Renewals = []Term{{Months: 1}} }, "2027-04-11T00:00:00+02:00"},
		{"it is denied itself", waiting(t, "2026-06-01", func(l *License) { l.Operator.At = l.ProvisionedAt }), nil, ""},
		{"it was restored after its turn", waiting(t, "2026-06-01", func(l *License) { l.HeldUntil = instant(t, "2027-05-01T00:00:00Z") }), nil, "2027-05-01T02:00:00+02:00"},
		{"its start was undone", waiting(t, "2026-06-01", func(l *License) { l.UndoneAt = l.ProvisionedAt }), nil, ""},
		{"its date is fixed", waiting(t, "2026-06-01", func(l *License) { l.Terms.Start, l.Terms.StartDate = StartFixedDate, Date{2026, 9, 1} }), nil, "2026-09-01T00:00:00+02:00"},
		{"its key is over before its turn", waiting(t, "2026-06-01", func(l *License) { l.Terms.LatestEnd = Date{2027, 3, 10} }), nil, ""},
		{"the first has left for another gateway", waiting(t, "2026-06-01"), func(l *License) { l.ReleasedAt = instant(t, "2026-07-01T00:00:00Z") }, ""},
		{"and so on-provision has its turn", waiting(t, "2026-06-01", onProvision),
			func(l *License) { l.ReleasedAt = instant(t, "2026-07-01T00:00:00Z") }, "2026-07-01T02:00:00+02:00"},
	} {
		t.Run(c.why, func(t *testing.T) {
			l := yearLicense(t)
			if c.with != nil {
				c.with(l)
			}
			at := standing(t, l, c.next)
			Plan([]*Location{at}, nil, time.Time{}, l.ProvisionedAt)
			start, ok := c.next.Starts()
			require.Equal(t, c.want != "", ok)
			if !ok {
				return
			}
			require.Equal(t, c.want, start.In(c.next.location()).Format(time.RFC3339))
			if c.next.Terms.Start != StartFixedDate { // that one does not wait for its turn
				require.Same(t, c.next, Governing(at.Licenses, start), "without a gap")
			}
			require.Equal(t, InUse, c.next.StateAt(start))
			require.NotEqual(t, InUse, c.next.StateAt(start.Add(-1)))
		})
	}
}

func TestPlanTakesFromThePoolInOrder(t *testing.T) {
	pooled := func(id int64, change ...func(*License)) *License {
		l := yearLicense(t)
		l.ID, l.Number = id, fmt.Sprint(id)
		l.StartedAt, l.ProvisionedAt, l.Zone = time.Time{}, time.Time{}, ""
		for _, f := range change {
			f(l)
		}
		return l
	}
	end := instant(t, "2027-03-11T00:00:00+01:00")
	for _, c := range []struct {
		why   string
		pool  []*License
		since time.Time
		with  func(*Location)
		want  string
	}{
		{"the oldest", []*License{pooled(7), pooled(8)}, time.Time{}, nil, "7"},
		{"of this Organization", []*License{pooled(7, func(l *License) { l.Terms.Realm = "other1" }), pooled(8)}, time.Time{}, nil, "8"},
		{"for this Location", []*License{pooled(7, func(l *License) { l.Terms.Location = "28N2S009" }), pooled(8)}, time.Time{}, nil, "8"},
		{"not a trial", []*License{pooled(7, func(l *License) { l.Terms.Trial = true }), pooled(8)}, time.Time{}, nil, "8"},
		{"not one that is denied", []*License{pooled(7, func(l *License) { l.Distributor.At = l.ActivatedAt }), pooled(8)}, time.Time{}, nil, "8"},
		{"not one whose key is over", []*License{pooled(7, func(l *License) { l.Terms.LatestEnd = Date{2027, 3, 10} }), pooled(8)}, time.Time{}, nil, "8"},
		{"not one with a date of its own", []*License{pooled(7, func(l *License) { l.Terms.Start, l.Terms.StartDate = StartFixedDate, Date{2027, 3, 11} })}, time.Time{}, nil, ""},
		{"an end that has passed is past", []*License{pooled(7)}, end, nil, ""},
		{"just in time", []*License{pooled(7)}, end.Add(-1), nil, "7"},
		{"switched off", []*License{pooled(7)}, time.Time{}, func(at *Location) { at.Settings.AutoRenewal = AutoRenewalOff }, ""},
		{"somebody waits already", []*License{pooled(7)}, time.Time{}, func(at *Location) {
			at.Licenses = append(at.Licenses, standing(t, waiting(t, "2026-06-01", func(l *License) { l.Operator.At = l.ProvisionedAt })).Licenses...)
		}, ""},
		{"nothing ran there", []*License{pooled(7)}, time.Time{}, func(at *Location) {
			at.Licenses[0].StartedAt, at.Licenses[0].Terms.LatestEnd = time.Time{}, Date{2026, 12, 31}
		}, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			at := standing(t, yearLicense(t))
			if c.with != nil {
				c.with(at)
			}
			before := len(at.Licenses)
			for range 2 { // once more changes nothing
				Plan([]*Location{at}, c.pool, c.since, end.Add(-time.Hour))
			}
			if c.want == "" {
				require.Len(t, at.Licenses, before)
				return
			}
			require.Len(t, at.Licenses, before+1)
			next := at.Licenses[before]
			require.Equal(t, c.want, next.Number)
			require.True(t, next.AutoRenewal())
			require.Equal(t, PendingProvision, next.StateAt(end.Add(-1)))
			require.Same(t, next, Governing(at.Licenses, end))
			require.Equal(t, InUse, next.StateAt(end))
			for _, l := range c.pool {
				require.Empty(t, l.Allotments, "the pool itself is left as it is")
			}
		})
	}
}

func TestPlanGivesThePoolToWhoEndsFirst(t *testing.T) {
	early, late := yearLicense(t), yearLicense(t)
	early.StartedAt = early.StartedAt.AddDate(0, 0, -1)
	places := []*Location{standing(t, late), standing(t, early)}
	places[1].ID, places[1].Code = 2, "28N2S005"
	early.ID, early.Allotments[0].LocationID = 2, 2
	pool := yearLicense(t)
	pool.ID, pool.StartedAt, pool.ProvisionedAt, pool.Zone = 9, time.Time{}, time.Time{}, ""
	Plan(places, []*License{pool}, time.Time{}, early.StartedAt)
	require.Len(t, places[0].Licenses, 1)
	require.Len(t, places[1].Licenses, 2)
}

// After long downtime as many renewals as were due stand there, and one to come.
func TestPlanCatchesUp(t *testing.T) {
	at := standing(t, yearLicense(t))
	var pool []*License
	for i := range 5 {
		l := yearLicense(t)
		l.ID, l.Number = int64(10+i), fmt.Sprint(10+i)
		l.StartedAt, l.ProvisionedAt, l.Zone = time.Time{}, time.Time{}, ""
		pool = append(pool, l)
	}
	now := instant(t, "2029-01-01T00:00:00Z") // the first ended in 2027, the next in 2028
	Plan([]*Location{at}, pool, time.Time{}, now)
	require.Len(t, at.Licenses, 4)
	require.Equal(t, "11", Governing(at.Licenses, now).Number)
	for i := 1; i < 4; i++ {
		end, _ := at.Licenses[i-1].End()
		start, _ := at.Licenses[i].Starts()
		require.True(t, end.Equal(start))
	}
}

func TestPlannedLicensesDecideWithoutMemory(t *testing.T) {
	at := standing(t, yearLicense(t), waiting(t, "2026-06-01"))
	for _, l := range at.Licenses {
		require.NoError(t, l.ResolveZone())
	}
	Plan([]*Location{at}, nil, time.Time{}, at.Licenses[0].ProvisionedAt)
	end, _ := at.Licenses[0].End()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		Decide(Facts{License: Governing(at.Licenses, end), AP: SlotHeld, Room: SlotNotNeeded}, end)
	}))
}
