package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// yearLicense is provisioned in Madrid and started there on 10 March 2026, for a year.
func yearLicense(t require.TestingT) *License {
	return &License{
		ID:     1,
		Number: LicenseNumber("00112233445566778899aabbccddeeff", 0),
		Terms: Terms{
			GrantID: "00112233445566778899aabbccddeeff", Organization: "Hotel Sol", Realm: "hotelsol",
			Term: Term{Years: 1}, APs: Unlimited, Rooms: Unlimited, Threshold: DefaultThreshold, Start: StartFifthDevice,
		},
		ActivatedAt:   instant(t, "2026-03-01T09:00:00Z"),
		ProvisionedAt: instant(t, "2026-03-01T10:00:00Z"),
		Zone:          "Europe/Madrid",
		StartedAt:     instant(t, "2026-03-10T18:30:00Z"),
	}
}

func TestLastDayAndEnd(t *testing.T) {
	for _, c := range []struct {
		why, zone, started string
		term               Term
		paused             int
		latest             string
		lastDay, end       string
	}{
		{"a year", "Europe/Madrid", "2026-03-10T18:30:00Z", Term{Years: 1}, 0, "", "2027-03-10", "2027-03-10T23:00:00Z"},
		{"the local date counts, not that of UTC", "Europe/Madrid", "2026-03-09T23:30:00Z", Term{Years: 1}, 0, "", "2027-03-10", "2027-03-10T23:00:00Z"},
		{"from 29 February", "Europe/Madrid", "2028-02-29T12:00:00Z", Term{Years: 1}, 0, "", "2029-02-28", "2029-02-28T23:00:00Z"},
		{"from 29 February to one", "Europe/Madrid", "2028-02-29T12:00:00Z", Term{Years: 4}, 0, "", "2032-02-29", "2032-02-29T23:00:00Z"},
		{"from 31 January", "Europe/Madrid", "2026-01-31T12:00:00Z", Term{Months: 1}, 0, "", "2026-02-28", "2026-02-28T23:00:00Z"},
		{"days", "UTC", "2026-01-31T12:00:00Z", Term{Days: 30}, 0, "", "2026-03-02", "2026-03-03T00:00:00Z"},
		{"Santiago, cut off at 01:00", "America/Santiago", "2025-09-05T12:00:00Z", Term{Years: 1}, 0, "", "2026-09-05", "2026-09-06T04:00:00Z"},
		{"Havana, cut off at 01:00", "America/Havana", "2025-03-07T12:00:00Z", Term{Years: 1}, 0, "", "2026-03-07", "2026-03-08T05:00:00Z"},
		{"Asunción, cut off at 01:00", "America/Asuncion", "2023-10-05T12:00:00Z", Term{Years: 1}, 0, "", "2024-10-05", "2024-10-06T04:00:00Z"},
		{"Cairo, cut off at 01:00", "Africa/Cairo", "2026-03-23T12:00:00Z", Term{Months: 1}, 0, "", "2026-04-23", "2026-04-23T22:00:00Z"},
		{"Apia, the last day never was", "Pacific/Apia", "2010-12-30T20:00:00Z", Term{Years: 1}, 0, "", "2011-12-30", "2011-12-30T10:00:00Z"},
		{"Kiritimati", "Pacific/Kiritimati", "2026-01-01T09:59:59Z", Term{Years: 1}, 0, "", "2027-01-01", "2027-01-01T10:00:00Z"},
		{"paused days move the last day", "Europe/Madrid", "2026-03-10T18:30:00Z", Term{Years: 1}, 5, "", "2027-03-15", "2027-03-15T23:00:00Z"},
		{"the latest end caps it", "Europe/Madrid", "2026-03-10T18:30:00Z", Term{Years: 1}, 5, "2027-01-31", "2027-01-31", "2027-01-31T23:00:00Z"},
		{"a later latest end does not", "Europe/Madrid", "2026-03-10T18:30:00Z", Term{Years: 1}, 0, "2030-01-31", "2027-03-10", "2027-03-10T23:00:00Z"},
	} {
		t.Run(c.why, func(t *testing.T) {
			l := yearLicense(t)
			l.Zone, l.StartedAt, l.Terms.Term, l.PausedDays = c.zone, instant(t, c.started), c.term, c.paused
			l.ProvisionedAt = l.StartedAt.AddDate(0, 0, -1)
			if c.latest != "" {
				l.Terms.LatestEnd = date(t, c.latest)
			}
			day, ok := l.LastDay()
			require.True(t, ok)
			require.Equal(t, c.lastDay, day.String())
			end, ok := l.End()
			require.True(t, ok)
			require.Equal(t, c.end, end.UTC().Format(time.RFC3339))
			require.Equal(t, InUse, l.StateAt(end.Add(-1)))
			require.Equal(t, ContractFinalized, l.StateAt(end))
		})
	}
}

func TestStarts(t *testing.T) {
	l := yearLicense(t)
	l.StartedAt = time.Time{}
	_, known := l.Starts()
	require.False(t, known, "fifth-device, before the fifth device")
	_, known = l.LastDay()
	require.False(t, known)
	_, known = l.End()
	require.False(t, known)

	l.Terms.Start, l.Terms.StartDate = StartFixedDate, Date{2026, 4, 1}
	start, known := l.Starts()
	require.True(t, known)
	require.Equal(t, "2026-04-01T00:00:00+02:00", start.Format(time.RFC3339))

	l.Zone, l.ProvisionedAt = "", time.Time{}
	_, known = l.Starts()
	require.False(t, known, "the zone will be that of a Location still to come")
	l.Terms.Zone = "America/Havana"
	start, known = l.Starts()
	require.True(t, known, "the key names the zone")
	require.Equal(t, "2026-04-01T00:00:00-04:00", start.Format(time.RFC3339))
}

func TestEndIsMonotoneInTerm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := yearLicense(t)
		l.Zone = rapid.SampledFrom(testZones()).Draw(t, "zone")
		l.StartedAt = time.Unix(rapid.Int64Range(0, 3e9).Draw(t, "started"), 0)
		l.PausedDays = rapid.IntRange(0, 100).Draw(t, "paused")
		if rapid.Bool().Draw(t, "capped") {
			l.Terms.LatestEnd = DateIn(l.StartedAt, time.UTC).AddDays(rapid.IntRange(0, 2000).Draw(t, "latest"))
		}
		var before time.Time
		term := rapid.SampledFrom([]func(n int) Term{
			func(n int) Term { return Term{Years: n} },
			func(n int) Term { return Term{Months: n} },
			func(n int) Term { return Term{Days: n} },
		}).Draw(t, "unit")
		for n := range 6 {
			l.Terms.Term = term(n)
			end, ok := l.End()
			require.True(t, ok)
			require.False(t, end.Before(before), "%+v", l.Terms.Term)
			before = end
		}
	})
}
