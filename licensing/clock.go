package licensing

import (
	"slices"
	"time"
)

// Clock is what the gateway believes about the time: the wall clock, held against
// the latest time seen (the mark) and the time that the daemon has been running,
// which no one can set. Contracts end by it, so it must not go back, and one slip
// of a clock must not end a contract for good.
//
//   - The mark never falls behind the time that passed while the daemon ran.
//   - A wall clock ahead of the mark is believed at once: the machine may have
//     been off for days. But it stays provisional for 24 hours of running. A clock
//     that is set back within those (say a battery had failed, and the machine
//     woke up in 2036) withdraws the jump: the dates decide again.
//   - A clock set back otherwise revives nothing: the time stays at the mark and
//     goes on with the running time.
//
// The very first time seen is provisional too, with nothing before it to fall
// back to: any time can replace it within the 24 hours.
//
// Clock is a value: Seen returns the next one, to be stored as JSON. A stored one
// belongs to a run that has ended, so that the first Seen after loading knows
// that the machine may have been off meanwhile. The zero value has seen nothing.
type Clock struct {
	Mark  time.Time   `json:"mark"`            // the latest time believed
	Jumps []ClockJump `json:"jumps,omitempty"` // provisional, oldest first

	running bool          // this run has called Seen
	uptime  time.Duration // at the last Seen
	behind  time.Duration // the wall clock lags the mark by this
}

// ClockJump is a jump forward that may still be withdrawn.
type ClockJump struct {
	// Before is what the time would be without this jump and the later ones. It
	// goes on with the running time; zero: nothing was known before.
	Before time.Time `json:"before"`
	// Ran is the running time since the jump, up to 24 hours.
	Ran time.Duration `json:"ran"`
}

// ClockEvent is what Seen found out. All but ClockSteady belong in the audit log.
type ClockEvent uint8

const (
	ClockSteady    ClockEvent = iota // nothing
	ClockJumped                      // jumped forward while the daemon ran; believed, provisionally
	ClockWithdrawn                   // set back after a jump: the dates decide again; see License.Settled
	ClockSetBack                     // set back: the time goes on from the mark
)

func (e ClockEvent) String() string {
	return [...]string{"steady", "jumped forward", "jump withdrawn", "set back"}[e]
}

const (
	// trialRun is how long a jump stays provisional, in running time.
	trialRun = 24 * time.Hour
	// clockSlack is what time servers correct every day without anybody's notice.
	clockSlack = 5 * time.Second
	// maxJumps bounds what is stored. In a restart loop every start may find a
	// jump; one too many joins the latest and is believed with it.
	maxJumps = 32
)

// Now is the time that decides: the wall clock, or the mark where that is later.
// Between two calls of Seen a clock set back makes it stand still, so that Seen
// should come every few seconds.
func (c Clock) Now(wall time.Time) time.Time {
	now := wall.Add(c.behind)
	if now.Before(c.Mark) {
		return c.Mark
	}
	return now
}

// Provisional reports whether the time rests on a jump that may be withdrawn.
func (c Clock) Provisional() bool { return len(c.Jumps) > 0 }

// Seen takes in the wall clock and the daemon's running time, which counts from
// its start on the machine's monotonic clock. It is to be called at the start and
// every few seconds.
func (c Clock) Seen(wall time.Time, uptime time.Duration) (Clock, ClockEvent) {
	wall = wall.Round(0) // without Go's monotonic reading, which would hide every jump
	next := Clock{running: true, uptime: uptime}
	if c.Mark.IsZero() {
		next.Mark, next.Jumps = wall, []ClockJump{{}}
		return next, ClockSteady
	}
	elapsed := max(uptime-c.uptime, 0)
	due := c.Mark.Add(elapsed)
	next.Jumps = aged(c.Jumps, elapsed)

	switch lag := due.Sub(wall); {
	case lag < -clockSlack:
		next.Mark = wall
		if len(next.Jumps) < maxJumps {
			next.Jumps = append(next.Jumps, ClockJump{Before: due})
		}
		if c.running {
			return next, ClockJumped
		}
		return next, ClockSteady // the machine was off
	case lag <= 0:
		next.Mark = wall
		return next, ClockSteady
	case lag <= clockSlack:
		return next.hold(due, wall), ClockSteady
	case next.mayWithdraw(wall):
		return next.withdraw(wall), ClockWithdrawn
	case lag <= c.behind+clockSlack:
		return next.hold(due, wall), ClockSteady // reported before
	default:
		return next.hold(due, wall), ClockSetBack
	}
}

// maxReading is how old the reading of a clock may be that a signed order mends.
const maxReading = 31 * 24 * time.Hour

// Reset is the clock with its mark lowered by a signed order, as far as the order
// lowers the mark that it names; nothing is provisional then. An *Error with
// CodeRefused when the order is not for this reading, with CodeConflict when the wall
// clock still is where the mark was: it would take the mark there again.
func (c Clock) Reset(r ClockReset, wall time.Time, uptime time.Duration) (Clock, error) {
	wall = wall.Round(0)
	mark := c.Mark.Add(max(uptime-c.uptime, 0))
	lowered := mark.Add(-r.Mark.Sub(r.To))
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	switch {
	case mark.Before(r.Mark):
		return c, Errorf(CodeRefused, "the order mends a clock that shows %s, and this gateway has only seen %s", stamp(r.Mark), stamp(mark)).
			WithHint("nothing needs to be mended here; `tallygate gateway clock` shows the latest time seen")
	case mark.Sub(r.Mark) > maxReading:
		return c, Errorf(CodeRefused, "the order mends a clock that showed %s, too long before %s", stamp(r.Mark), stamp(mark)).
			WithHint("ask your distributor for a new one: `tallygate gateway clock` shows the latest time seen")
	case wall.Sub(lowered) > mark.Sub(wall):
		return c, Errorf(CodeConflict, "the machine's own clock still shows %s, and would undo the order", stamp(wall)).
			WithHint("set the machine's clock first, then enter the order")
	}
	next, _ := Clock{Mark: lowered, running: c.running, uptime: uptime}.Seen(wall, uptime)
	next.Jumps = nil
	return next, nil
}

// aged lets the running time go on for each jump, and drops those that have stood
// their trial.
func aged(jumps []ClockJump, elapsed time.Duration) []ClockJump {
	var still []ClockJump
	for _, j := range jumps {
		j.Ran += elapsed
		if !j.Before.IsZero() {
			j.Before = j.Before.Add(elapsed)
		}
		if j.Ran < trialRun {
			still = append(still, j)
		}
	}
	return still
}

// hold keeps the time at due, whatever the wall clock shows.
func (c Clock) hold(due, wall time.Time) Clock {
	c.Mark, c.behind = due, due.Sub(wall)
	return c
}

// mayWithdraw reports whether a wall clock behind the mark shows that a jump was
// wrong. One that lies a day and more before anything provisional (1970, from a
// dead battery) shows nothing but that it is wrong itself.
func (c Clock) mayWithdraw(wall time.Time) bool {
	return c.Provisional() && wall.After(c.Jumps[0].Before.Add(-trialRun))
}

// withdraw falls back to the wall clock, but never behind what stood before the
// jumps. Jumps that began below the new mark stay provisional.
func (c Clock) withdraw(wall time.Time) Clock {
	c = c.hold(wall, wall)
	if floor := c.Jumps[0].Before; wall.Before(floor) {
		c = c.hold(floor, wall)
	}
	c.Jumps = slices.DeleteFunc(c.Jumps, func(j ClockJump) bool { return !j.Before.Before(c.Mark) })
	return c
}
