package licensing

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A machine: its wall clock, the running time of its daemon, and the Clock.
type machine struct {
	t      require.TestingT
	wall   time.Time
	uptime time.Duration
	clock  Clock
}

func boot(t require.TestingT, wall string) *machine {
	m := &machine{t: t, wall: instant(t, wall)}
	m.see(ClockSteady)
	return m
}

func (m *machine) see(want ClockEvent) {
	var got ClockEvent
	m.clock, got = m.clock.Seen(m.wall, m.uptime)
	require.Equal(m.t, want, got, "at %s", m.wall)
}

// run lets the daemon run for d, and look once at its end.
func (m *machine) run(d time.Duration) {
	m.wall, m.uptime = m.wall.Add(d), m.uptime+d
	m.see(ClockSteady)
}

// set moves the wall clock by d.
func (m *machine) set(d time.Duration, want ClockEvent) {
	m.wall = m.wall.Add(d)
	m.see(want)
}

// reboot stores the Clock, lets d pass on the wall clock, and loads it again.
func (m *machine) reboot(off time.Duration, want ClockEvent) {
	stored, err := json.Marshal(m.clock)
	require.NoError(m.t, err)
	m.clock = Clock{}
	require.NoError(m.t, json.Unmarshal(stored, &m.clock))
	m.wall, m.uptime = m.wall.Add(off), 0
	m.see(want)
}

func (m *machine) shows(want string) {
	require.Equal(m.t, want, m.clock.Now(m.wall).UTC().Format(time.DateTime))
}

const day = 24 * time.Hour

func TestClockFollowsTheWall(t *testing.T) {
	require.Equal(t, time.Unix(5, 0), Clock{}.Now(time.Unix(5, 0)), "a clock that has seen nothing")
	m := boot(t, "2026-05-01T12:00:00Z")
	m.run(time.Hour)
	m.shows("2026-05-01 13:00:00")
	m.set(3*time.Second, ClockSteady) // a time server's correction
	m.shows("2026-05-01 13:00:03")
	m.set(-3*time.Second, ClockSteady)
	m.shows("2026-05-01 13:00:03")
	m.run(time.Minute)
	m.shows("2026-05-01 13:01:03")
	m.wall = m.wall.Add(time.Minute) // between two looks it follows, too
	m.shows("2026-05-01 13:02:03")
}

func TestClockSetBackRevivesNothing(t *testing.T) {
	m := boot(t, "2026-05-01T12:00:00Z")
	m.run(25 * time.Hour) // the first time seen has stood its trial
	m.wall = m.wall.Add(-30 * day)
	m.shows("2026-05-02 13:00:00") // even before anybody looked
	m.see(ClockSetBack)
	m.run(time.Hour) // reported once
	m.shows("2026-05-02 14:00:00")
	m.set(-time.Hour, ClockSetBack) // further back: reported again
	m.run(time.Hour)
	m.shows("2026-05-02 15:00:00")
	m.reboot(time.Hour, ClockSetBack) // reported at each start
	m.shows("2026-05-02 15:00:00")
	m.set(30*day+time.Hour, ClockJumped) // set right: now the hour that it was off shows
	m.shows("2026-05-02 16:00:00")
}

func TestClockJumpIsBelievedAndWithdrawn(t *testing.T) {
	m := boot(t, "2026-05-01T12:00:00Z")
	m.run(25 * time.Hour)
	m.set(3650*day, ClockJumped)
	m.shows("2036-04-29 13:00:00")
	require.True(t, m.clock.Provisional())
	m.run(23 * time.Hour)
	m.set(-3650*day, ClockWithdrawn)
	m.shows("2026-05-03 12:00:00")
	require.False(t, m.clock.Provisional())
	m.run(time.Hour)
	m.shows("2026-05-03 13:00:00")
}

func TestClockJumpStandsAfterADayOfRunning(t *testing.T) {
	m := boot(t, "2026-05-01T12:00:00Z")
	m.run(25 * time.Hour)
	m.set(3650*day, ClockJumped)
	m.run(12 * time.Hour)
	m.reboot(3*time.Second, ClockSteady) // running time adds up over restarts
	m.run(12 * time.Hour)
	require.False(t, m.clock.Provisional())
	m.set(-3650*day, ClockSetBack)
	m.shows("2036-04-30 13:00:03")
}

func TestClockWithdrawsNotBelowWhatWasProven(t *testing.T) {
	m := boot(t, "2026-05-01T12:00:00Z")
	m.run(25 * time.Hour)
	m.set(3650*day, ClockJumped)
	m.set(-3650*day-10*time.Minute, ClockWithdrawn) // the clock had been ten minutes fast
	m.shows("2026-05-02 13:00:00")
	m.run(time.Hour)
	m.shows("2026-05-02 14:00:00")

	m.set(2*day, ClockJumped) // the ten minutes are in this jump
	m.set(-9*365*day, ClockSetBack)
	m.shows("2026-05-04 13:50:00") // a dead battery says nothing about the jump
	require.True(t, m.clock.Provisional())
}

func TestClockAfterAWrongFirstTime(t *testing.T) {
	m := boot(t, "2036-01-01T00:00:00Z")
	m.run(time.Hour)
	m.set(-3600*day, ClockWithdrawn)
	m.shows("2026-02-22 01:00:00")
	m.run(24 * time.Hour)
	require.False(t, m.clock.Provisional())
	m.set(-day, ClockSetBack)
}

func TestClockOfAMachineThatIsOffAtNight(t *testing.T) {
	m := boot(t, "2026-05-01T08:00:00Z")
	for range 60 {
		m.run(12 * time.Hour)
		m.reboot(12*time.Hour, ClockSteady)
	}
	m.shows("2026-06-30 08:00:00")
	require.LessOrEqual(t, len(m.clock.Jumps), 3, "each night stands its own trial")
	m.set(-12*time.Hour, ClockWithdrawn)
	m.set(-20*day, ClockSetBack)
	m.shows("2026-06-29 20:00:00")
}

func TestClockInARestartLoop(t *testing.T) {
	m := boot(t, "2026-05-01T08:00:00Z")
	for range 1000 {
		m.reboot(10*time.Second, ClockSteady)
		require.LessOrEqual(t, len(m.clock.Jumps), maxJumps)
	}
	m.shows("2026-05-01 10:46:40")
}

func TestClockIsNotFooledByTheMonotonicReading(t *testing.T) {
	now := time.Now()
	c, _ := Clock{}.Seen(now, 0)
	c, _ = c.Seen(now.Add(time.Minute), time.Minute)
	require.NotContains(t, c.Mark.String(), "m=", "a stored time has none, so that it would compare differently")
}

func TestClockEventNames(t *testing.T) {
	require.Equal(t, "steady", ClockSteady.String())
	require.Equal(t, "jumped forward", ClockJumped.String())
	require.Equal(t, "jump withdrawn", ClockWithdrawn.String())
	require.Equal(t, "set back", ClockSetBack.String())
}

// Whatever happens to the wall clock: the time goes back only where a jump is
// withdrawn, never below what had been proven, and running time always counts.
func TestClockNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Clock{}
		wall := time.Unix(rapid.Int64Range(0, 2e9).Draw(t, "first"), 0)
		uptime := time.Duration(0)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				stored, err := json.Marshal(c)
				require.NoError(t, err)
				c = Clock{}
				require.NoError(t, json.Unmarshal(stored, &c))
				uptime = 0
			}
			ran := time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, "ran"))
			wall = wall.Add(ran + time.Duration(rapid.Int64Range(-int64(90*day), int64(90*day)).Draw(t, "set")))
			uptime += ran

			due, floor := c.Mark.Add(ran), c.Mark.Add(ran)
			if c.Provisional() && !c.Jumps[0].Before.IsZero() {
				floor = c.Jumps[0].Before.Add(ran)
			}
			known := !c.Mark.IsZero()
			unbounded := c.Provisional() && c.Jumps[0].Before.IsZero()
			next, event := c.Seen(wall, uptime)
			if known && event != ClockWithdrawn {
				require.False(t, next.Mark.Before(due), "running time counts")
			}
			if known && !unbounded {
				require.False(t, next.Mark.Before(floor), "what was proven stands")
			}
			require.False(t, next.Now(wall).Before(next.Mark))
			require.False(t, next.Now(wall).Before(wall), "a wall clock ahead is believed")
			require.True(t, event != ClockSetBack || due.Sub(wall) > clockSlack, "nothing is reported of what nobody notices")
			for i, j := range next.Jumps {
				require.Less(t, j.Ran, trialRun)
				require.True(t, j.Before.Before(next.Mark))
				require.True(t, i == 0 || next.Jumps[i-1].Before.Before(j.Before), "in order")
			}
			c = next
		}
	})
}

func TestResetLowersTheMarkByWhatTheOrderSays(t *testing.T) {
	at := func(s string) time.Time { return instant(t, s) }
	mark := at("2036-01-01T00:00:00Z")
	c := Clock{Mark: mark, running: true}
	r := ClockReset{Mark: mark, To: at("2026-05-01T00:00:00Z")}
	for why, c := range map[string]struct {
		clock Clock
		wall  string
		code  Code
	}{
		"another clock":              {Clock{Mark: at("2026-06-01T00:00:00Z")}, "2026-05-01T00:00:00Z", CodeRefused},
		"an old reading":             {Clock{Mark: at("2036-03-01T00:00:00Z")}, "2026-05-01T00:00:00Z", CodeRefused},
		"the wall clock still wrong": {c, "2036-01-01T00:00:00Z", CodeConflict},
	} {
		_, err := c.clock.Reset(r, at(c.wall), 0)
		requireAdvice(t, err, c.code)
		_ = why
	}
	// Three days later: the reading was sent away, signed, and came back.
	for wall, want := range map[string]string{
		"2026-05-04T00:00:00Z": "2026-05-04T00:00:00Z",
		"2026-05-01T00:00:00Z": "2026-05-04T00:00:00Z", // it lags: what passed counts
		"2026-05-09T00:00:00Z": "2026-05-09T00:00:00Z", // the gateway was off for some days
	} {
		next, err := c.Reset(r, at(wall), 72*time.Hour)
		require.NoError(t, err)
		require.Equal(t, want, next.Now(at(wall)).UTC().Format(time.RFC3339), wall)
		require.False(t, next.Provisional())
	}
}
