package licensing

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// testZones are the zones whose clocks or calendars did something awkward.
func testZones() []string {
	return []string{
		"UTC", "Europe/Madrid", "Atlantic/Canary", "Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana",
		"America/Nuuk", "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu",
		"Asia/Tehran", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Kwajalein", "Pacific/Pago_Pago",
	}
}

func zone(t require.TestingT, name string) *time.Location {
	z, err := LoadZone(name)
	require.NoError(t, err)
	return z
}

func date(t require.TestingT, s string) Date {
	d, err := ParseDate(s)
	require.NoError(t, err)
	return d
}

func instant(t require.TestingT, s string) time.Time {
	v, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return v
}

// The expected instants were found minute by minute with another implementation
// of the time zone data, Python's zoneinfo.
func TestDateStartAndEnd(t *testing.T) {
	for _, c := range []struct{ zone, date, start, end, why string }{
		{"UTC", "2028-02-29", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z", "plain"},
		{"Europe/Madrid", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "23 hours"},
		{"Europe/Madrid", "2027-10-31", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z", "25 hours"},
		{"America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z", "begins at 01:00"},
		{"America/Santiago", "2026-09-05", "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z", "the next day begins at 01:00"},
		{"America/Santiago", "2026-04-04", "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z", "23:00 comes twice"},
		{"America/Havana", "2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", "begins at 01:00"},
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", "midnight comes twice; the first"},
		{"America/Asuncion", "2024-10-06", "2024-10-06T04:00:00Z", "2024-10-07T03:00:00Z", "begins at 01:00"},
		{"America/Asuncion", "2024-03-23", "2024-03-23T03:00:00Z", "2024-03-24T04:00:00Z", "23:00 comes twice"},
		{"Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z", "begins at 01:00"},
		{"Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z", "2026-10-29T22:00:00Z", "23:00 comes twice"},
		{"Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z", "begins at 01:00"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z", "begins at 01:00"},
		{"America/Nuuk", "2026-10-24", "2026-10-24T01:00:00Z", "2026-10-25T02:00:00Z", "23:00 comes twice"},
		{"Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z", "half an hour longer"},
		{"Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15:00Z", "2026-01-01T18:15:00Z", "+05:45"},
		{"Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00:00Z", "2026-01-01T10:00:00Z", "+14:00, the earliest"},
		{"Pacific/Kiritimati", "1994-12-31", "1994-12-31T10:00:00Z", "1994-12-31T10:00:00Z", "a day that never was"},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "before the skipped day"},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "a day that never was"},
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z", "after the skipped day"},
		{"Pacific/Kwajalein", "1993-08-21", "1993-08-21T12:00:00Z", "1993-08-21T12:00:00Z", "a day that never was"},
		{"Pacific/Kwajalein", "1969-09-30", "1969-09-29T13:00:00Z", "1969-10-01T12:00:00Z", "a day that came twice"},
		{"America/St_Johns", "2010-11-06", "2010-11-06T02:30:00Z", "2010-11-07T03:30:00Z", "ends twice"},
		{"America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z", "begins twice"},
	} {
		t.Run(c.zone+" "+c.date+" "+c.why, func(t *testing.T) {
			z, d := zone(t, c.zone), date(t, c.date)
			require.Equal(t, c.start, d.Start(z).UTC().Format(time.RFC3339))
			require.Equal(t, c.end, d.end(z).UTC().Format(time.RFC3339))
		})
	}
}

func TestDateStartIsTheFirstInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(testZones()).Draw(t, "zone"))
		d := Date{1960, 1, 1}.AddDays(rapid.IntRange(0, 40000).Draw(t, "day"))
		start, end := d.Start(z), d.end(z)
		require.False(t, DateIn(start, z).Before(d))
		require.True(t, DateIn(end, z).After(d))
		require.False(t, end.Before(start))
		require.False(t, DateIn(end.Add(-1), z).After(d))
		for m := time.Duration(1); m < 48*60; m += 13 {
			require.True(t, DateIn(start.Add(-m*time.Minute), z).Before(d), "%v before the start", m*time.Minute)
			require.True(t, DateIn(end.Add(m*time.Minute), z).After(d), "%v after the end", m*time.Minute)
		}
	})
}

func TestDateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(testZones()).Draw(t, "zone"))
		now := time.Unix(rapid.Int64Range(-3e8, 4e9).Draw(t, "unix"), 0)
		d := DateIn(now, z)
		require.Equal(t, d, DateIn(d.Start(z), z), "a day that is, begins as itself")
		require.False(t, now.Before(d.Start(z)))
		require.True(t, now.Before(d.end(z)))
		require.Equal(t, d, date(t, d.String()))
	})
}

func TestDateArithmetic(t *testing.T) {
	years := func(n int) func(Date) Date { return func(d Date) Date { return d.AddYears(n) } }
	months := func(n int) func(Date) Date { return func(d Date) Date { return d.AddMonths(n) } }
	days := func(n int) func(Date) Date { return func(d Date) Date { return d.AddDays(n) } }
	for _, c := range []struct {
		from string
		add  func(Date) Date
		to   string
	}{
		{"2028-02-29", years(1), "2029-02-28"},
		{"2028-02-29", years(4), "2032-02-29"},
		{"2096-02-29", years(4), "2100-02-28"}, // 2100 is no leap year
		{"1996-02-29", years(4), "2000-02-29"}, // 2000 was one
		{"2027-02-28", years(1), "2028-02-28"},
		{"2026-01-31", months(1), "2026-02-28"},
		{"2028-01-31", months(1), "2028-02-29"},
		{"2026-01-31", months(2), "2026-03-31"},
		{"2026-08-31", months(1), "2026-09-30"},
		{"2026-11-30", months(3), "2027-02-28"},
		{"2026-12-15", months(1), "2027-01-15"},
		{"2026-03-31", months(-1), "2026-02-28"},
		{"2026-01-15", months(-1), "2025-12-15"},
		{"2026-12-31", days(1), "2027-01-01"},
		{"2028-02-28", days(1), "2028-02-29"},
		{"2026-01-01", days(-1), "2025-12-31"},
	} {
		require.Equal(t, c.to, c.add(date(t, c.from)).String(), "from %s", c.from)
	}
}

func TestDateOrder(t *testing.T) {
	sorted := []string{"1999-12-31", "2026-01-31", "2026-02-01", "2026-02-02", "2027-01-01"}
	for i, a := range sorted {
		for j, b := range sorted {
			require.Equal(t, i < j, date(t, a).Before(date(t, b)))
			require.Equal(t, i > j, date(t, a).After(date(t, b)))
		}
	}
}

func TestParseDateRefuses(t *testing.T) {
	for _, s := range []string{"", "2026-02-30", "2026-2-3", "2026-13-01", "0000-01-01", "30/09/2026", "2026-09-30T00:00:00Z", " 2026-09-30", "２０２６-09-30"} {
		_, err := ParseDate(s)
		require.Equal(t, CodeInvalid, CodeOf(err), "%q", s)
	}
}

func TestDateJSON(t *testing.T) {
	type doc struct {
		Day  Date  `json:"day"`
		Zero Date  `json:"zero,omitzero"`
		Ptr  *Date `json:"ptr"`
	}
	b, err := json.Marshal(doc{Day: Date{2026, 9, 30}})
	require.NoError(t, err)
	require.Equal(t, `{"day":"2026-09-30","ptr":null}`, string(b))
	var d doc
	require.NoError(t, json.Unmarshal([]byte(`{"day":"2028-02-29","zero":""}`), &d))
	require.Equal(t, doc{Day: Date{2028, 2, 29}}, d)
	require.Error(t, json.Unmarshal([]byte(`{"day":"2027-02-29"}`), &d))
}
