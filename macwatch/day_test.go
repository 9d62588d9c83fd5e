package macwatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestADayIsReckonedUp(t *testing.T) {
	from := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	at := func(hour float64) time.Time { return from.Add(time.Duration(hour * float64(time.Hour))) }
	tally := NewDayTally("2026-11-25", from, at(24))
	const anna, berta, carl = MAC(0x5c1dd920a0c1), MAC(0x02aabbccddee), MAC(0x84b541d745be)
	for _, s := range []Stay{
		{MAC: anna, AP: "ap-1", Room: "412", From: at(-2), To: at(1), Input: 10, Output: 100},        // from the day before
		{MAC: anna, AP: "ap-2", Room: "412", From: at(0.9), To: at(3), Input: 1, Output: 2},          // roams
		{MAC: berta, AP: "ap-1", From: at(2), To: at(30), Input: 1 << 40, Output: 1 << 40},           // ends tomorrow
		{MAC: carl, AP: "ap-1", From: at(3), To: at(3), Input: 5, Output: 5},                         // within a second
		{MAC: 0, AP: "ap-3", From: at(5), To: at(6), Input: 7, Output: 7},                            // of nobody known
		{MAC: 0x111111111110, AP: "ap-9", From: at(-9), To: at(-8)},                                  // yesterday
		{MAC: 0x222222222220, AP: "ap-9", From: at(24), To: at(25)},                                  // tomorrow
		{MAC: anna, AP: "ap-1", From: at(20), To: at(21), Open: true, Input: 1 << 50, Output: 1},     // still there
		{MAC: 0xffffffffffff, AP: "ap-1", From: at(20), To: at(21), Open: true, Input: 1, Output: 1}, // no device
	} {
		tally.Add(s)
	}
	peak := at(3)
	require.Equal(t, Day{
		Day: "2026-11-25", Devices: 3, Private: 1, PeakOnline: 3, PeakAt: &peak, Sessions: 7, APs: 3, Rooms: 1,
		InputOctets: 10 + 1 + 5 + 7, OutputOctets: 100 + 2 + 5 + 7,
	}, tally.Day())
	require.Equal(t, Day{Day: "x"}, NewDayTally("x", from, at(24)).Day(), "nobody was there")
}

// The peak is what counting at each moment would find, in whatever order sessions come.
func TestThePeakOfADay(t *testing.T) {
	from := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		tally := NewDayTally("2026-03-29", from, from.Add(40*time.Minute))
		type stay struct {
			mac      MAC
			from, to int
		}
		var all []stay
		for range rapid.IntRange(0, 30).Draw(t, "sessions") {
			s := stay{mac: MAC(rapid.Uint64Range(1, 6).Draw(t, "device")) << 8, from: rapid.IntRange(-10, 45).Draw(t, "from")}
			s.to = s.from + rapid.IntRange(0, 30).Draw(t, "minutes")
			all = append(all, s)
			tally.Add(Stay{MAC: s.mac, From: from.Add(time.Duration(s.from) * time.Minute), To: from.Add(time.Duration(s.to) * time.Minute)})
		}
		most, devices := 0, map[MAC]bool{}
		for minute := range 41 {
			there := map[MAC]bool{}
			for _, s := range all {
				if s.from < 40 && s.to >= 0 && s.from <= minute && minute <= s.to {
					there[s.mac], devices[s.mac] = true, true
				}
			}
			most = max(most, len(there))
		}
		got := tally.Day()
		require.Equal(t, []any{most, len(devices)}, []any{got.PeakOnline, got.Devices})
	})
}

func TestDaysAreSummarized(t *testing.T) {
	require.Equal(t, DaySummary{}, SummarizeDays(nil))
	var days []Day
	for n := range 61 {
		d := Day{Day: time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), Devices: 10, Private: 5, PeakOnline: 3, APSlots: n}
		if n >= 30 {
			d.Devices = 15
		}
		days = append(days, d)
	}
	days[60].Devices, days[60].PeakOnline = 0, 9 // today has only begun
	s := SummarizeDays(days)
	require.Equal(t, []any{61, 15, "2026-01-31", 9, "2026-03-02", 60}, []any{s.Days, s.MostDevices, s.MostDevicesDay, s.MostOnline, s.MostOnlineDay, s.MostAPSlots})
	require.InDelta(t, 750.0/61, s.MeanDevices, 1e-9)
	require.InDelta(t, 305.0/750, s.PrivateShare, 1e-9)
	require.InDelta(t, 0.5, *s.Trend, 1e-9)
	require.Nil(t, SummarizeDays(days[1:]).Trend, "too few whole days")
}
