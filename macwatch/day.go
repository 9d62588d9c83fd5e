package macwatch

import (
	"cmp"
	"slices"
	"time"
)

// Day is what a Location's local day was like. It holds no address, so that it may be kept
// when the sessions that it was made from are gone.
type Day struct {
	Day        string     `json:"day"`         // 2026-11-25
	Devices    int        `json:"devices"`     // distinct ones that were there
	Private    int        `json:"private"`     // of them with randomised addresses
	New        int        `json:"new"`         // of them never seen before
	PeakOnline int        `json:"peak_online"` // most devices at one time
	PeakAt     *time.Time `json:"peak_at"`     // when first; null: nobody was there
	Sessions   int        `json:"sessions"`    // that were open at some time of the day
	APs        int        `json:"aps"`         // through which somebody was there
	Rooms      int        `json:"rooms"`
	// Octets from and to the guests of the sessions that ended on this day.
	InputOctets  uint64 `json:"input_octets"`
	OutputOctets uint64 `json:"output_octets"`
	// Slots and limits as they stood when the day was reckoned up; no limit: null.
	APSlots   int  `json:"ap_slots"`
	APLimit   *int `json:"ap_limit"`
	RoomSlots int  `json:"room_slots"`
	RoomLimit *int `json:"room_limit"`
	Final     bool `json:"final"` // nothing is expected to be added: accounting may come a day late
}

// Stay is one session as far as a Day is made from it.
type Stay struct {
	MAC           MAC // zero: the session is of nobody known
	AP, Room      string
	From, To      time.Time // To of one that is open: its latest news, or now
	Open          bool
	Input, Output uint64
}

// DayTally reckons up a day [from, to) from the sessions that were open in it.
type DayTally struct {
	from, to time.Time
	day      Day
	present  map[MAC][]span
	aps      map[string]struct{}
	rooms    map[string]struct{}
}

// span is a time at which a device was there.
type span struct{ from, to time.Time }

// NewDayTally begins a day, which is named by its date.
func NewDayTally(day string, from, to time.Time) *DayTally {
	return &DayTally{from: from, to: to, day: Day{Day: day},
		present: map[MAC][]span{}, aps: map[string]struct{}{}, rooms: map[string]struct{}{}}
}

// Add takes in a session; one that was not open in the day adds nothing.
func (t *DayTally) Add(s Stay) {
	if !s.From.Before(t.to) || s.To.Before(t.from) {
		return
	}
	t.day.Sessions++
	if !s.Open && s.To.Before(t.to) {
		t.day.InputOctets += s.Input
		t.day.OutputOctets += s.Output
	}
	if s.AP != "" {
		t.aps[s.AP] = struct{}{}
	}
	if s.Room != "" {
		t.rooms[s.Room] = struct{}{}
	}
	if s.MAC.Device() {
		t.present[s.MAC] = append(t.present[s.MAC], span{latest(s.From, t.from), earliest(s.To, t.to)})
	}
}

// Day is the result so far.
func (t *DayTally) Day() Day {
	d := t.day
	d.Devices, d.APs, d.Rooms = len(t.present), len(t.aps), len(t.rooms)
	// A device that roams has sessions that overlap: it is there once.
	type turn struct {
		at    time.Time
		comes int // 1: a device comes, -1: it goes
	}
	var turns []turn
	for mac, spans := range t.present {
		if mac.Private() {
			d.Private++
		}
		slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
		for i := 0; i < len(spans); {
			there := spans[i]
			for i++; i < len(spans) && !spans[i].from.After(there.to); i++ {
				there.to = latest(there.to, spans[i].to)
			}
			turns = append(turns, turn{there.from, 1}, turn{there.to, -1})
		}
	}
	// In one instant those who come are counted before those who go: a session may begin and
	// end in the same second.
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Or(a.at.Compare(b.at), b.comes-a.comes) })
	online := 0
	for _, t := range turns {
		if online += t.comes; online > d.PeakOnline {
			at := t.at
			d.PeakOnline, d.PeakAt = online, &at
		}
	}
	return d
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// trendDays is how many days each side of a trend has.
const trendDays = 30

// DaySummary is what a stretch of days says about the license that comes next.
type DaySummary struct {
	Days           int      `json:"days"`
	MeanDevices    float64  `json:"mean_devices"` // a day
	MostDevices    int      `json:"most_devices"`
	MostDevicesDay string   `json:"most_devices_day"` // the first with so many
	MostOnline     int      `json:"most_online"`
	MostOnlineDay  string   `json:"most_online_day"`
	PrivateShare   float64  `json:"private_share"` // of the devices of all days, 0-1
	MostAPSlots    int      `json:"most_ap_slots"`
	MostRoomSlots  int      `json:"most_room_slots"`
	Trend          *float64 `json:"trend"` // devices a day in the last 30 whole days, against the 30 before: 0.1 is a tenth more; null: too few days
}

// SummarizeDays takes days in their order. The last one, which may not be over, counts for
// everything but the trend.
func SummarizeDays(days []Day) DaySummary {
	s := DaySummary{Days: len(days)}
	devices, private := 0, 0
	for _, d := range days {
		devices, private = devices+d.Devices, private+d.Private
		if d.Devices > s.MostDevices || s.MostDevicesDay == "" {
			s.MostDevices, s.MostDevicesDay = d.Devices, d.Day
		}
		if d.PeakOnline > s.MostOnline || s.MostOnlineDay == "" {
			s.MostOnline, s.MostOnlineDay = d.PeakOnline, d.Day
		}
		s.MostAPSlots, s.MostRoomSlots = max(s.MostAPSlots, d.APSlots), max(s.MostRoomSlots, d.RoomSlots)
	}
	if len(days) > 0 {
		s.MeanDevices = float64(devices) / float64(len(days))
	}
	if devices > 0 {
		s.PrivateShare = float64(private) / float64(devices)
	}
	if whole := len(days) - 1; whole >= 2*trendDays {
		before, recent := 0, 0
		for i, d := range days[whole-2*trendDays : whole] {
			if i < trendDays {
				before += d.Devices
			} else {
				recent += d.Devices
			}
		}
		if before > 0 {
			trend := float64(recent)/float64(before) - 1
			s.Trend = &trend
		}
	}
	return s
}
