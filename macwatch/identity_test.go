package macwatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGuestMAC(t *testing.T) {
	for _, tt := range []struct {
		calling, user string
		mac           MAC
		source        string
	}{
		{"5C-1D-D9-20-A0-C1", "guest", 0x5c1dd920a0c1, SourceCalling},
		{"5C-1D-D9-20-A0-C1", "aabbccddeeff", 0x5c1dd920a0c1, SourceCalling},
		{"5C-1D-D9-20-A0-C1", "123456789012", 0x5c1dd920a0c1, SourceCalling},
		{"10.50.8.9", "5C:1D:D9:20:A0:C1", 0x5c1dd920a0c1, SourceUserName},
		{"192.168.100.101", "5C:1D:D9:20:A0:C1", 0x5c1dd920a0c1, SourceUserName},
		{"192.168.100.101", "guest1", 0, SourceNone},
		{"", "5c1dd920a0c1", 0x5c1dd920a0c1, SourceUserName},
		{"guest phone", "5c1dd920a0c1", 0x5c1dd920a0c1, SourceUserName},
		{"", "guest1", 0, SourceNone},
		{"", "", 0, SourceNone},
		{"10.50.8.9", "guest1", 0, SourceNone},
		{"00-00-00-00-00-00", "000000000000", 0, SourceNone},
		{"00-00-00-00-00-00", "5c1dd920a0c1", 0, SourceNone},
		{"FF-FF-FF-FF-FF-FF", "guest", 0, SourceNone},
		{"01-00-5E-00-00-01", "guest", 0, SourceNone},
		{"", "ffffffffffff", 0, SourceNone},
	} {
		m, source := GuestMAC([]byte(tt.calling), []byte(tt.user))
		require.Equal(t, tt.mac, m, "%+v", tt)
		require.Equal(t, tt.source, source, "%+v", tt)
	}
}

// DESIGN 2.6: User-Name is a MAC login when it equals the Calling-Station-Id MAC (or
// that is absent or no MAC).
func TestMACLogin(t *testing.T) {
	for _, tt := range []struct {
		user, calling string
		want          bool
	}{
		{"5c1dd920a0c1", "5C-1D-D9-20-A0-C1", true},
		{"5C:1D:D9:20:A0:C1", "5c1d.d920.a0c1", true},
		{"5C:1D:D9:20:A0:C1", "10.50.8.9", true},
		{"5c1dd920a0c1", "", true},
		{"123456789012", "5C-1D-D9-20-A0-C1", false},
		{"123456789012", "12-34-56-78-90-12", true},
		{"aabbccddeeff", "5C-1D-D9-20-A0-C1", false},
		{"guest1", "5C-1D-D9-20-A0-C1", false},
		{"guest1", "", false},
		{"", "", false},
		{"000000000000", "00-00-00-00-00-00", false},
		{"ffffffffffff", "", false},
	} {
		require.Equal(t, tt.want, MACLogin([]byte(tt.user), []byte(tt.calling)), "%+v", tt)
	}
}

// DESIGN 2.4: trim, upper-case, strip leading zeros.
func TestNormalizeRoom(t *testing.T) {
	for s, want := range map[string]string{
		"0412": "412", "412": "412", " 412 ": "412", "412A": "412A", "412a": "412A", "00412a": "412A", "000": "0", "0": "0", "": "", "  ": "",
		"a-01": "A-01", "\t7\n": "7", "suite": "SUITE", "0x1": "X1", "ñ1": "Ñ1", " 0 ": "0",
	} {
		require.Equal(t, want, NormalizeRoom(s), "%q", s)
		require.Equal(t, want, NormalizeRoom(NormalizeRoom(s)), "once is enough")
	}
}

func TestSlotName(t *testing.T) {
	require.Equal(t, "94:83:c4:01:42:27", SlotName(KindAP, " 94-83-C4-01-42-27 "))
	require.Equal(t, "Lobby", SlotName(KindAP, " Lobby "))
	require.Equal(t, "412", SlotName(KindRoom, " 0412"))
	require.Equal(t, "412A", SlotName(KindRoom, "0412a"))
}

// DESIGN 2.3, "Event time".
func TestEventTime(t *testing.T) {
	arrival := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	stamp := func(d time.Duration) uint32 { return uint32(arrival.Add(d).Unix()) }
	const no = 0
	for name, tt := range map[string]struct {
		has   bool
		stamp uint32
		delay uint32
		want  time.Duration // from the arrival
	}{
		"nothing":                            {false, no, 0, 0},
		"now":                                {true, stamp(0), 0, 0},
		"a minute ago":                       {true, stamp(-time.Minute), 0, -time.Minute},
		"Event-Timestamp before delay":       {true, stamp(-time.Minute), 30, -time.Minute},
		"24 h ago":                           {true, stamp(-24 * time.Hour), 0, -24 * time.Hour},
		"24 h and 1 s ago":                   {true, stamp(-24*time.Hour - time.Second), 0, 0},
		"24 h and 1 s ago, delayed":          {true, stamp(-24*time.Hour - time.Second), 60, -time.Minute},
		"1 s ahead":                          {true, stamp(time.Second), 0, 0},
		"5 min ahead":                        {true, stamp(5 * time.Minute), 60, 0},
		"5 min and 1 s ahead":                {true, stamp(5*time.Minute + time.Second), 0, 0},
		"5 min and 1 s ahead, delayed":       {true, stamp(5*time.Minute + time.Second), 60, -time.Minute},
		"1970":                               {true, 0, 7, -7 * time.Second},
		"2106":                               {true, 1<<32 - 1, 7, -7 * time.Second},
		"a delay of a minute":                {false, no, 60, -time.Minute},
		"a delay of 24 h":                    {false, no, 86400, -24 * time.Hour},
		"a delay of 24 h and 1 s":            {false, no, 86401, 0},
		"the longest delay":                  {false, no, 1<<32 - 1, 0},
		"a stamp that is not there is not 0": {false, stamp(-time.Hour), 0, 0},
	} {
		got := EventTime(arrival, tt.has, tt.stamp, tt.delay)
		require.Equal(t, arrival.Add(tt.want), got, name)
		require.False(t, got.After(arrival), name)
		r := Record{Arrival: arrival, HasEventTimestamp: tt.has, EventTimestamp: tt.stamp, Delay: tt.delay}
		require.Equal(t, got, r.Event(), name)
	}
	// Within one second of the border, and in another zone.
	late := arrival.Add(999 * time.Millisecond).In(time.FixedZone("", 3600))
	require.Equal(t, arrival, EventTime(late, true, stamp(0), 0))
	require.Equal(t, late.UTC(), EventTime(late, true, stamp(-24*time.Hour), 0), "999 ms too old")
	require.Equal(t, late.UTC(), EventTime(late, true, stamp(5*time.Minute), 0))
	require.Equal(t, time.UTC, EventTime(late, true, stamp(0), 0).Location())
}

func TestMoment(t *testing.T) {
	arrival := time.Date(2026, 11, 22, 10, 0, 0, 700_000_000, time.UTC)
	r := Record{Arrival: arrival, HasEventTimestamp: true, EventTimestamp: uint32(arrival.Unix())}
	require.Equal(t, arrival, r.Moment(r.Event()), "in the very second: just before the arrival")
	r.EventTimestamp--
	require.Equal(t, r.Event(), r.Moment(r.Event()), "a second before it is a second before")
	r = Record{Arrival: arrival, Delay: 2}
	require.Equal(t, r.Event(), r.Moment(r.Event()))
}
