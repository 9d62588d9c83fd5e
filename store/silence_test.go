package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// later lets time pass, in which the writer does its housekeeping.
func (v *venue) later(d time.Duration) {
	v.t.Helper()
	v.clock.advance(d)
	var err error
	require.True(v.t, v.s.onWriter(func() {
		for range 4 { // a step each
			if err == nil {
				err = v.s.w.housekeep(false)
			}
		}
	}))
	require.NoError(v.t, err)
}

// standing is when each session ended and why, by its id.
func (v *venue) standing() map[string]string {
	out := map[string]string{}
	for _, s := range v.sessions() {
		out[s.SessionID] = ""
		if s.EndedAt != nil {
			out[s.SessionID] = s.EndedAt.Format("15:04 ") + s.TerminateCause + " " + string(s.ClosedBy)
		}
	}
	return out
}

func TestSilentSessionsCloseByThemselves(t *testing.T) {
	v := openVenue(t)
	v.sight(v.record(1, macwatch.StatusStart), v.record(2, macwatch.StatusStart))
	v.later(10 * time.Minute)
	v.sight(v.record(2, macwatch.StatusInterim, counters(600, 1, 1)))
	v.later(19 * time.Minute)
	require.Equal(t, map[string]string{"s-1": "", "s-2": ""}, v.standing())
	v.later(2 * time.Minute) // 31 minutes since the Start
	require.Equal(t, map[string]string{"s-1": "10:00 Lost-Carrier gateway", "s-2": ""}, v.standing())
	v.restart()
	v.later(10 * time.Minute)
	require.Equal(t, map[string]string{"s-1": "10:00 Lost-Carrier gateway", "s-2": ""}, v.standing(), "after a start each NAS has the time of an interval")
	v.later(time.Minute)
	require.Equal(t, map[string]string{"s-1": "10:00 Lost-Carrier gateway", "s-2": "10:10 Lost-Carrier gateway"}, v.standing())

	// Only the gateway had ended it: with the next report it goes on.
	v.sight(v.record(2, macwatch.StatusInterim, counters(2520, 9, 9)))
	require.Len(t, v.sessions(), 2)
	require.Empty(t, v.standing()["s-2"])
	v.crash(t.TempDir())
	require.Empty(t, v.standing()["s-2"])
	v.sight(v.record(2, macwatch.StatusStop, counters(2530, 9, 9)))
	require.Equal(t, "10:42  stop", v.standing()["s-2"])
}

// Where a NAS has never reported between a Start and a Stop (controllers of Aruba, unless
// they are told to), a guest is online for as long as a session may last.
func TestWhoNeverReportsIsNotSilent(t *testing.T) {
	v := openVenue(t)
	at := func(nas string) func(*macwatch.Record) {
		return func(r *macwatch.Record) { r.NAS = []byte(nas) }
	}
	// One report when the device has its address is none of those that come regularly.
	v.sight(v.record(1, macwatch.StatusStart, at("a")), v.record(2, macwatch.StatusStart, at("b")))
	v.clock.advance(5 * time.Second)
	v.sight(v.record(1, macwatch.StatusInterim, at("a"), counters(5, 1, 1)))
	v.later(12 * time.Hour)
	require.Equal(t, map[string]string{"s-1": "", "s-2": ""}, v.standing())
	v.restart()
	v.later(11 * time.Hour)
	require.Equal(t, map[string]string{"s-1": "", "s-2": ""}, v.standing())

	// As soon as one does, those of before at the same NAS are over.
	v.sight(v.record(3, macwatch.StatusStart, at("b")))
	v.clock.advance(10 * time.Minute)
	v.sight(v.record(3, macwatch.StatusInterim, at("b"), counters(600, 1, 1)))
	v.crash(t.TempDir())
	v.later(11 * time.Minute)
	require.Equal(t, map[string]string{"s-1": "", "s-2": "10:00 Lost-Carrier gateway", "s-3": ""}, v.standing())
	v.later(2 * time.Hour)
	require.Equal(t, map[string]string{"s-1": "10:00 Lost-Carrier gateway", "s-2": "10:00 Lost-Carrier gateway", "s-3": "09:10 Lost-Carrier gateway"}, v.standing(), "nor longer than a day")

	// With a longest session, that decides.
	settings := v.location.Settings
	settings.Reply.SessionTimeout = 7200
	_, err := v.s.SetLocation(ctx, by, v.location.Code, settings)
	require.NoError(t, err)
	v.sight(v.record(4, macwatch.StatusStart, at("a")))
	v.later(119 * time.Minute)
	require.Empty(t, v.standing()["s-4"])
	v.later(2 * time.Minute)
	require.NotEmpty(t, v.standing()["s-4"])

	// Who has stopped reporting is forgotten after a week, even without a restart.
	v.clock.advance(reporterMemory)
	v.sight(v.record(5, macwatch.StatusStart, at("b")))
	v.later(time.Hour)
	require.Empty(t, v.standing()["s-5"])
	v.restart()
	v.later(40 * time.Minute)
	require.Empty(t, v.standing()["s-5"])
}

func TestStaleAfterIsASettingOfTheLocation(t *testing.T) {
	v := openVenue(t)
	settings := v.location.Settings
	settings.StaleAfter = 7200
	_, err := v.s.SetLocation(ctx, by, v.location.Code, settings)
	require.NoError(t, err)
	v.sight(v.record(1, macwatch.StatusStart))
	v.later(119 * time.Minute)
	require.Empty(t, v.standing()["s-1"])
	v.later(2 * time.Minute)
	require.Equal(t, "10:00 Lost-Carrier gateway", v.standing()["s-1"])
	settings.StaleAfter = 60
	_, err = v.s.SetLocation(ctx, by, v.location.Code, settings)
	require.ErrorContains(t, err, "60 seconds")
}

// An AP whose clock is slow reports of the past all the time: it is heard all the same.
func TestAnAPWithASlowClockIsNotSilent(t *testing.T) {
	v := openVenue(t)
	began := v.clock.now()
	for m := 0; m <= 60; m += 10 {
		v.sight(v.record(1, macwatch.StatusInterim, stamped(v.clock.now().Add(-5*time.Hour)), counters(uint32(60*m), uint64(m), 0)))
		v.later(10 * time.Minute)
	}
	require.Equal(t, map[string]string{"s-1": ""}, v.standing())
	v.later(time.Hour)
	require.Equal(t, map[string]string{"s-1": "06:00 Lost-Carrier gateway"}, v.standing(), "at its last news")
	require.Equal(t, began.Add(-5*time.Hour), v.sessions()[0].StartedAt)
}

// While the store cannot be written, or the clock jumps, nobody can be heard.
func TestNobodyIsSilentWhoCouldNotBeHeard(t *testing.T) {
	v := openVenue(t)
	v.sight(v.record(1, macwatch.StatusStart))
	v.later(time.Minute)
	v.set(v.clock.jump, 20*time.Hour)
	v.later(9 * time.Minute)
	require.Empty(t, v.standing()["s-1"])
	v.sight(v.record(1, macwatch.StatusInterim, counters(600, 1, 1)))
	v.later(25 * time.Minute)
	require.Empty(t, v.standing()["s-1"])
	require.True(t, v.s.onWriter(func() { v.s.w.fail(errClosing()); v.s.w.recovered() }))
	v.later(9 * time.Minute)
	require.Empty(t, v.standing()["s-1"])
	v.later(2 * time.Minute)
	require.NotEmpty(t, v.standing()["s-1"])
}

// More sessions than one step takes, and those that a record has just woken stay.
func TestSilentSessionsAreClosedAFewAtATime(t *testing.T) {
	v := openVenue(t)
	const many = 2*silenceStep + 10
	for n := range many {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	v.sessions() // folds
	v.clock.advance(40 * time.Minute)
	v.sight(v.record(5, macwatch.StatusInterim, counters(2400, 1, 1)))
	steps := 0
	require.True(t, v.s.onWriter(func() {
		v.s.w.silence.next = 0
		for ; v.s.w.silence.closed < many-1 && steps < 10; steps++ {
			require.NoError(t, v.s.w.closeSilent())
		}
	}))
	require.Equal(t, 3, steps)
	for id, end := range v.standing() {
		require.Equal(t, id == "s-5", end == "", id)
	}
}

// A record of before an Accounting-On may arrive after it: what it opens is over already.
func TestALateRecordDoesNotOpenWhatTheNASHasEnded(t *testing.T) {
	for _, restart := range []bool{false, true} {
		v := openVenue(t)
		began := v.clock.now()
		v.clock.advance(time.Hour)
		ap := func(mac macwatch.MAC) func(*macwatch.Record) {
			return func(r *macwatch.Record) { r.CalledMAC = mac }
		}
		v.sight(v.record(0, macwatch.StatusOn, stamped(began.Add(30*time.Minute)), ap(0xaa1), func(r *macwatch.Record) { r.MAC, r.SessionID = 0, nil }))
		if restart {
			v.restart()
		}
		v.sight(
			v.record(1, macwatch.StatusStart, stamped(began.Add(29*time.Minute)), ap(0xaa1)),
			v.record(2, macwatch.StatusStart, stamped(began.Add(31*time.Minute)), ap(0xaa1)),
			v.record(3, macwatch.StatusStart, stamped(began.Add(29*time.Minute)), ap(0xaa2)),
			v.record(4, macwatch.StatusInterim, stamped(began.Add(40*time.Minute)), ap(0xaa1), counters(2400, 1, 1)),
		)
		require.Equal(t, map[string]string{"s-1": "10:30 NAS-Reboot nas", "s-2": "", "s-3": "", "s-4": ""}, v.standing())
	}
}

// The Start of another use of the id was lost, or its predecessor's Stop.
func TestLegsWithoutAStopOrAStart(t *testing.T) {
	for _, restart := range []bool{false, true} {
		v := openVenue(t)
		began := v.clock.now()
		at := func(m int) func(*macwatch.Record) { return stamped(began.Add(time.Duration(m) * time.Minute)) }
		v.clock.advance(time.Hour)
		v.sight(v.record(1, macwatch.StatusStart, at(0)), v.record(1, macwatch.StatusInterim, at(10), counters(600, 50, 50)))
		v.sight(v.record(1, macwatch.StatusStart, at(20)))
		v.sight(v.record(1, macwatch.StatusInterim, at(30), counters(600, 40, 40)))
		v.sight(v.record(1, macwatch.StatusInterim, at(50), counters(500, 7, 7)))
		if restart {
			v.restart()
		}
		// Late ones find their leg, and reopen none; the Start of the last as well.
		v.sight(v.record(1, macwatch.StatusInterim, at(15), counters(900, 60, 60)), v.record(1, macwatch.StatusInterim, at(35), counters(900, 45, 45)))
		v.sight(v.record(1, macwatch.StatusStart, at(40)))
		list := v.sessions()
		require.Len(t, list, 3)
		for i, want := range [][]any{{0, 15, uint64(60)}, {20, 35, uint64(45)}, {40, -1, uint64(7)}} {
			end := -1
			if list[i].EndedAt != nil {
				end = int(list[i].EndedAt.Sub(began).Minutes())
			}
			require.Equal(t, want, []any{int(list[i].StartedAt.Sub(began).Minutes()), end, list[i].InputOctets}, "leg %d", i)
		}
	}
}
