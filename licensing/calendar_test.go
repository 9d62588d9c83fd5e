package licensing

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// planned is a Location in Madrid with a license In Use until 31 March, one that waits,
// and two in the pool; and one in Kiritimati whose key fixes the start.
func plannedVenues(t *testing.T) (locations []*Location, licenses []*License, now time.Time) {
	t.Helper()
	now = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	madrid := &Location{ID: 1, Code: "28N2S004", Realm: "hotelsol", Settings: Settings{Timezone: "Europe/Madrid"},
		Labs: []LabPeriod{{now.Add(-time.Hour), now.Add(7 * time.Hour)}}}
	island := &Location{ID: 2, Code: "KIN2S001", Realm: "hotelsol", Settings: Settings{Timezone: "Pacific/Kiritimati", AutoRenewal: AutoRenewalOff}}
	terms := Terms{Organization: "Hotel Sol", Realm: "hotelsol", Threshold: 5, Start: StartFifthDevice, Term: Term{Months: 6}, APs: 2, Rooms: Unlimited}
	at := func(number string, l *Location, id int64, change func(*License)) *License {
		c := &License{ID: id, Number: number, Terms: terms, ActivatedAt: now.AddDate(0, -7, 0)}
		if l != nil {
			c.ProvisionedAt, c.Zone = c.ActivatedAt, l.Settings.Timezone
			c.Allotments = []Allotment{{LocationID: l.ID, Location: l.Code, At: c.ProvisionedAt, APs: 2, Rooms: Unlimited}}
			l.Licenses = append(l.Licenses, c)
		}
		if change != nil {
			change(c)
		}
		licenses = append(licenses, c)
		return c
	}
	at("TG-A", madrid, 1, func(l *License) { l.StartedAt = time.Date(2026, 9, 30, 10, 0, 0, 0, time.UTC) })
	at("TG-B", madrid, 2, func(l *License) { l.Terms.Term = Term{Months: 3}; l.ProvisionedAt = now })
	at("TG-C", nil, 3, func(l *License) { l.Terms.ActivateBy = Date{2027, 12, 31} })
	at("TG-D", island, 4, func(l *License) {
		l.Terms.Start, l.Terms.StartDate, l.Terms.ConfirmEvery = StartFixedDate, Date{2027, 3, 10}, 31
	})
	Plan([]*Location{madrid, island}, []*License{licenses[2]}, now, now)
	return []*Location{madrid, island}, licenses, now
}

func TestCalendar(t *testing.T) {
	locations, licenses, now := plannedVenues(t)
	var lines []string
	for _, e := range Calendar(locations, licenses, now, now.AddDate(0, 13, 0)) {
		zone, err := LoadZone(e.TimeZone)
		require.NoError(t, err)
		require.Equal(t, DateIn(e.At, zone), e.Day)
		require.Regexp(t, `^[A-Z].*\.$`, e.Text)
		lines = append(lines, fmt.Sprintf("%s %s %s %s %v", e.Day, e.At.In(zone).Format("15:04"), e.License, e.Kind, e.Locations))
	}
	require.Equal(t, []string{
		"2027-03-01 20:00  lab-end [28N2S004]",
		"2027-03-10 00:00 TG-D start [KIN2S001]",
		"2027-03-15 09:00 TG-A notice.15-days [28N2S004]",
		"2027-03-23 09:00 TG-A notice.7-days [28N2S004]",
		"2027-03-29 09:00 TG-A notice.1-day [28N2S004]",
		"2027-03-31 00:00 TG-A end [28N2S004]",
		"2027-03-31 00:00 TG-A license.end [28N2S004]",
		"2027-03-31 00:00 TG-B takeover [28N2S004]",
		"2027-03-31 09:00 TG-A notice.reminder [28N2S004]",
		"2027-04-11 00:00 TG-D confirmation-due [KIN2S001]",
		"2027-05-30 09:00 TG-B notice.month [28N2S004]",
		"2027-06-15 09:00 TG-B notice.15-days [28N2S004]",
		"2027-06-23 09:00 TG-B notice.7-days [28N2S004]",
		"2027-06-29 09:00 TG-B notice.1-day [28N2S004]",
		"2027-07-01 00:00 TG-B end [28N2S004]",
		"2027-07-01 00:00 TG-B license.end [28N2S004]",
		"2027-07-01 00:00 TG-C auto-renewal [28N2S004]",
		"2027-07-01 09:00 TG-B notice.reminder [28N2S004]",
		"2027-08-10 09:00 TG-D notice.month [KIN2S001]",
		"2027-08-26 09:00 TG-D notice.15-days [KIN2S001]",
		"2027-09-03 09:00 TG-D notice.7-days [KIN2S001]",
		"2027-09-09 09:00 TG-D notice.1-day [KIN2S001]",
		"2027-09-11 00:00 TG-D end [KIN2S001]",
		"2027-09-11 00:00 TG-D license.end [KIN2S001]",
		"2027-09-11 09:00 TG-D notice.reminder [KIN2S001]",
		"2027-12-01 09:00 TG-C notice.month [28N2S004]",
		"2027-12-17 09:00 TG-C notice.15-days [28N2S004]",
		"2027-12-25 09:00 TG-C notice.7-days [28N2S004]",
		"2027-12-31 09:00 TG-C notice.1-day [28N2S004]",
		"2028-01-02 00:00 TG-C end [28N2S004]",
		"2028-01-02 00:00 TG-C license.end [28N2S004]",
		"2028-01-02 09:00 TG-C notice.reminder [28N2S004]",
	}, lines)
}

func TestCalendarSaysWhoGoesOn(t *testing.T) {
	locations, licenses, now := plannedVenues(t)
	texts := map[string]string{}
	for _, e := range Calendar(locations, licenses, now, now.AddDate(0, 13, 0)) {
		texts[e.License+" "+e.Kind] = e.Text
	}
	require.Equal(t, "The contract ends; its last day was 2027-03-30. At 28N2S004 TG-B goes on.", texts["TG-A end"])
	require.Equal(t, "The contract ends; its last day was 2028-01-01. Guests at 28N2S004 are cut off.", texts["TG-C end"])
	require.Contains(t, texts["TG-C auto-renewal"], "taken from the pool for 28N2S004")
	require.Contains(t, texts["TG-B takeover"], "without a count. Its last day is 2027-06-30.")
}

// Nothing of the past, nothing twice, nothing at or after the end of the span.
func TestCalendarHasEdges(t *testing.T) {
	locations, licenses, now := plannedVenues(t)
	end := time.Date(2027, 3, 30, 22, 0, 0, 0, time.UTC)
	require.Empty(t, Calendar(nil, nil, now, end))
	for _, e := range Calendar(locations, licenses, now, end) {
		require.True(t, !e.At.Before(now) && e.At.Before(end), "%v", e)
		require.NotEqual(t, CalendarEnd, e.Kind)
	}
	require.Len(t, Calendar(locations, licenses, end, end.Add(time.Second)), 2, "the notice of the end, which has come, and the takeover")

	// A license that has gone to another gateway has its calendar there.
	licenses[0].ReleasedAt, licenses[0].ReleasedTo = now, "k4.public.other"
	for _, e := range Calendar(locations, licenses, now, end) {
		require.NotEqual(t, "TG-A", e.License)
	}
}

func TestAProposedStartIsInTheCalendar(t *testing.T) {
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	l := &License{Number: "TG-A", ActivatedAt: now, ProvisionedAt: now, Zone: "UTC", Proposal: Proposal{At: now, Start: now},
		Terms: Terms{Term: Term{Years: 1}, Start: StartFifthDevice, Threshold: 5, ConfirmStart: 24 * time.Hour}}
	all := Calendar(nil, []*License{l}, now, now.AddDate(0, 1, 0))
	require.Len(t, all, 1)
	require.Equal(t, CalendarProposal, all[0].Kind)
	require.Equal(t, now.Add(24*time.Hour), all[0].At)
}
