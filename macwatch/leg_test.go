package macwatch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// onTime gives a record the arrival of its event.
func onTime(r *Record) *Record {
	r.Arrival = time.Unix(int64(r.EventTimestamp), 0).UTC()
	return r
}

func untimed(at time.Duration) func(*Record) {
	return func(r *Record) { r.HasEventTimestamp, r.EventTimestamp, r.Arrival = false, 0, noon.Add(at) }
}

// A session id that is given out again, when neither the Stop nor Accounting-On came.
func TestAnIdThatComesAgainIsAnotherLeg(t *testing.T) {
	const minute = time.Minute
	first := []*Record{rec(StatusStart, 0), rec(StatusInterim, 10*minute, with(600, 50, 70))}
	for name, tt := range map[string]struct {
		next *Record
		legs int
	}{
		"its Start":                          {rec(StatusStart, 15*minute), 2},
		"its Start was lost":                 {rec(StatusInterim, 25*minute, with(500, 5, 7)), 2},
		"only its Stop came":                 {rec(StatusStop, 25*minute, with(500, 5, 7)), 2},
		"a Start on another AP is a hop":     {rec(StatusStart, 15*minute, func(r *Record) { r.AP = []byte("ap-2") }), 1},
		"an earlier report, late":            {rec(StatusInterim, 5*minute, with(300, 5, 7)), 1},
		"a Stop without counters":            {rec(StatusStop, 25*minute), 1},
		"counters that fell within the leg":  {rec(StatusInterim, 25*minute, with(1500, 5, 7)), 1},
		"an untimed repeat, soon":            {rec(StatusInterim, 0, with(60, 5, 7), untimed(12*minute)), 1},
		"untimed, long after":                {rec(StatusInterim, 0, with(60, 5, 7), untimed(14*minute)), 2},
		"an untimed Start, long after":       {rec(StatusStart, 0, untimed(13*minute)), 2},
		"an untimed Start, soon: a repeat":   {rec(StatusStart, 0, untimed(11*minute)), 1},
		"a Start that goes on with counters": {rec(StatusStart, 15*minute, with(900, 60, 80)), 1},
	} {
		legs := fold(append(slices.Clone(first), tt.next)...)
		require.Len(t, legs, tt.legs, name)
		if tt.legs == 2 {
			require.Equal(t, ClosedByGateway, legs[0].Closed(), name)
			require.Equal(t, noon.Add(10*minute), legs[0].EndedAt, "%s: at its last news", name)
			require.Equal(t, uint64(50), legs[0].Input, name)
		}
	}
}

// After Accounting-On, whatever says that it began later is another leg.
func TestAfterAccountingOnALostStartIsMissedNowhere(t *testing.T) {
	on := func(next *Record) []*Session {
		legs := fold(rec(StatusStart, 0), rec(StatusInterim, 10*time.Minute, with(600, 5, 5)))
		require.True(t, legs[0].CloseByNAS(StatusOn, noon.Add(20*time.Minute)))
		return apply(legs, next)
	}
	legs := on(rec(StatusInterim, 40*time.Minute, with(1190, 9, 9)))
	require.Len(t, legs, 2, "more seconds and octets than before, and yet another one")
	require.Equal(t, noon.Add(20*time.Minute), legs[0].EndedAt)
	require.Equal(t, noon.Add(20*time.Minute+10*time.Second), legs[1].StartedAt)

	legs = on(rec(StatusInterim, 40*time.Minute, with(2400, 9, 9)))
	require.Len(t, legs, 1, "it has lived through the restart of its controller")
	require.Zero(t, legs[0].EndedAt)
	require.Zero(t, legs[0].TerminateCause)

	legs = on(rec(StatusInterim, 15*time.Minute, with(900, 9, 9)))
	require.Equal(t, ClosedByNAS, legs[0].Closed(), "news of before the restart reopens nothing")
	require.Equal(t, uint64(9), legs[0].Input)
}

// Stop-start mode: one id, a Stop and a Start each minute. Each minute is a leg, one of them
// open, and no octet is lost or counted twice, with or without Event-Timestamp.
func TestStopStartMode(t *testing.T) {
	for _, stamped := range []bool{true, false} {
		var all []*Record
		for m := range 30 {
			for i, r := range []*Record{rec(StatusStart, time.Duration(m)*time.Minute), rec(StatusStop, time.Duration(m+1)*time.Minute, with(60, 100, 200))} {
				if !stamped {
					untimed(time.Duration(m+i) * time.Minute)(r)
				}
				all = append(all, r)
			}
		}
		all = append(all, rec(StatusStart, 30*time.Minute))
		if !stamped {
			untimed(30 * time.Minute)(all[len(all)-1])
		}
		legs := fold(all...)
		require.Len(t, legs, 31)
		var in, open int
		for _, s := range legs {
			in += int(s.Input)
			if s.EndedAt.IsZero() {
				open++
			}
		}
		require.Equal(t, []int{3000, 1}, []int{in, open})
	}
}

// In stop-start mode the Start of a minute may be lost: its Stop is another leg's, and its
// octets are not lost in the one before.
func TestASecondStopIsOfASecondLeg(t *testing.T) {
	legs := fold(rec(StatusStart, 0, untimed(0)), rec(StatusStop, 0, with(60, 100, 0), untimed(time.Minute)), rec(StatusStop, 0, with(60, 70, 0), untimed(10*time.Minute)))
	require.Len(t, legs, 2)
	require.Equal(t, []uint64{100, 70}, []uint64{legs[0].Input, legs[1].Input})
	require.Equal(t, ClosedByStop, legs[1].Closed())
	require.Len(t, fold(rec(StatusStop, time.Minute, with(60, 1, 1)), rec(StatusStop, 2*time.Minute, with(120, 2, 2))), 1, "the same session, once more")
}

// What only the gateway has ended goes on with the next report, as if it had never been.
func TestALapsedSessionGoesOn(t *testing.T) {
	records := []*Record{rec(StatusStart, 0), rec(StatusInterim, 10*time.Minute, with(600, 5, 5))}
	later := rec(StatusInterim, 50*time.Minute, with(3000, 9, 9))
	want := fold(append(slices.Clone(records), later)...)

	legs := fold(records...)
	require.True(t, legs[0].Lapse())
	require.False(t, legs[0].Lapse(), "once")
	require.Equal(t, noon.Add(10*time.Minute), legs[0].EndedAt)
	require.EqualValues(t, CauseLostCarrier, legs[0].TerminateCause)
	require.Equal(t, ClosedByGateway, legs[0].Closed())
	require.Equal(t, Duplicate, legs[0].Apply(records[1], records[1].Event()), "a repeat is no news")
	legs = apply(legs, rec(StatusInterim, 5*time.Minute, with(300, 4, 4)))
	require.NotZero(t, legs[0].EndedAt, "nor is what lies before its end")

	legs = apply(legs, later)
	require.Len(t, legs, 1)
	require.Zero(t, legs[0].EndedAt)
	require.Equal(t, want[0].Input, legs[0].Input)

	require.True(t, legs[0].Lapse())
	legs = apply(legs, rec(StatusStop, time.Hour, with(3600, 11, 11)))
	require.Equal(t, ClosedByStop, legs[0].Closed(), "its own Stop, late, knows better")
	require.Equal(t, noon.Add(time.Hour), legs[0].EndedAt)

	// A Start was all that was heard of it: its repeat, which tells no time, is no other.
	start := rec(StatusStart, 0, untimed(0))
	legs = fold(start)
	legs[0].Lapse()
	require.Len(t, apply(legs, rec(StatusStart, 0, untimed(5*time.Second), func(r *Record) { r.Delay = 5 })), 1)
	require.Len(t, apply(legs, rec(StatusStart, 0, untimed(time.Hour))), 2)

	// But what began after its end is another one.
	legs = fold(records...)
	legs[0].Lapse()
	require.Len(t, apply(legs, onTime(rec(StatusInterim, 10*time.Hour, with(3600, 90, 90)))), 2)
}

func TestSilence(t *testing.T) {
	s := fold(rec(StatusStart, 0))[0]
	require.Equal(t, LongestSilence, s.Silence(true, 0, 0), "nothing is known")
	require.Equal(t, 2*time.Hour, s.Silence(true, 0, 7200), "the longest session")
	require.Equal(t, 30*time.Minute, s.Silence(true, 600, 7200), "three intervals")
	s.Take(rec(StatusInterim, 20*time.Minute, with(1200, 1, 1)), noon.Add(20*time.Minute))
	require.Equal(t, time.Hour, s.Silence(true, 600, 0), "the NAS has an interval of its own")
	require.Equal(t, ShortestSilence, fold(rec(StatusStart, 0))[0].Silence(true, 60, 0))
	require.Equal(t, LongestSilence, s.Silence(false, 600, 0), "nothing but a Stop is to be expected")
	require.Equal(t, 2*time.Hour, s.Silence(false, 600, 7200))
}

func TestReports(t *testing.T) {
	s := fold(rec(StatusStart, 0))[0]
	for _, tt := range []struct {
		r    *Record
		want bool
	}{
		{rec(StatusInterim, 5*time.Second), false}, {rec(StatusInterim, time.Minute), true},
		{rec(StatusStop, time.Hour), false}, {rec(StatusStart, 0), false},
	} {
		require.Equal(t, tt.want, s.Reports(tt.r, tt.r.Event(), nil))
	}
	for gap, want := range map[time.Duration]bool{0: true, 2 * time.Second: true, 3 * time.Second: false} {
		next := rec(StatusStart, time.Minute+gap)
		legs := fold(rec(StatusStart, 0), rec(StatusStop, time.Minute), next)
		require.Len(t, legs, 2)
		require.Equal(t, want, legs[1].Reports(next, next.Event(), legs[0]), gap)
	}
}

// usage is one use of a session id, as the NAS knows it.
type usage struct {
	begin, end int // seconds
	reports    []int
	start      bool // its Start arrives
	stop       bool
}

// A NAS gives the same id out again and again, loses Starts and Stops, and repeats what
// was not answered. Each use has its own leg, with what the NAS counted at its last report.
func TestUsesOfOneIdAreLegs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := 0
		var uses []usage
		for range rapid.IntRange(1, 4).Draw(rt, "uses") {
			u := usage{begin: at + rapid.IntRange(300, 2000).Draw(rt, "pause")}
			u.end = u.begin
			for range rapid.IntRange(1, 4).Draw(rt, "reports") {
				u.end += rapid.IntRange(120, 900).Draw(rt, "interval")
				u.reports = append(u.reports, u.end)
			}
			u.start, u.stop = rapid.Bool().Draw(rt, "start"), rapid.Bool().Draw(rt, "stop")
			if len(uses) > 0 && !u.start {
				// Then only counters that fell tell them apart.
				before := uses[len(uses)-1]
				u.end = u.begin + min(before.end-before.begin, u.end-u.begin) - 1
				u.reports = []int{u.end}
			}
			at = u.end
			uses = append(uses, u)
		}
		var all []*Record
		for _, u := range uses {
			mine := []*Record{}
			if u.start {
				mine = append(mine, onTime(rec(StatusStart, time.Duration(u.begin)*time.Second)))
			}
			for i, second := range u.reports {
				n := uint64(second - u.begin)
				status := StatusInterim
				if u.stop && i == len(u.reports)-1 {
					status = StatusStop
				}
				mine = append(mine, onTime(rec(status, time.Duration(second)*time.Second, with(uint32(n), 3*n, 5*n))))
			}
			// The network reorders what belongs to one use, and repeats anything. Only the
			// Start of a later use comes first: unless counters fell, nothing else tells.
			first := min(len(all), 1)
			for i := len(mine) - 1; i > first; i-- {
				j := rapid.IntRange(first, i).Draw(rt, "order")
				mine[i], mine[j] = mine[j], mine[i]
			}
			all = append(all, mine...)
			for range rapid.IntRange(0, 3).Draw(rt, "repeats") {
				repeat := *rapid.SampledFrom(all).Draw(rt, "repeat")
				repeat.Delay += 7
				all = append(all, &repeat)
			}
		}
		legs := fold(all...)
		require.Len(rt, legs, len(uses))
		open := 0
		for i, u := range uses {
			n := uint64(u.end - u.begin)
			require.Equal(rt, []uint64{n, 3 * n, 5 * n}, []uint64{uint64(legs[i].SessionTime), legs[i].Input, legs[i].Output}, "leg %d", i)
			require.Equal(rt, noon.Add(time.Duration(u.begin)*time.Second), legs[i].StartedAt)
			if legs[i].EndedAt.IsZero() {
				open++
			} else {
				require.Equal(rt, noon.Add(time.Duration(u.end)*time.Second), legs[i].EndedAt)
			}
		}
		require.LessOrEqual(rt, open, 1, "one leg at most is open")
		require.Equal(rt, open == 1, !uses[len(uses)-1].stop)
	})
}

func TestCountersOfThirtyTwoBits(t *testing.T) {
	const giga = 1 << 30
	report := func(second int, in uint64, wide bool) *Record {
		return rec(StatusInterim, time.Duration(second)*time.Second, with(uint32(second), in, 0), func(r *Record) { r.Gigawords = wide })
	}
	for name, tt := range map[string]struct {
		records []*Record
		want    uint64
	}{
		"it wraps":                   {[]*Record{report(600, 4*giga-1, false), report(1200, giga, false), report(1800, 2*giga, false)}, 6 * giga},
		"twice":                      {[]*Record{report(600, 4*giga-1, false), report(1200, giga, false), report(1800, 4*giga-1, false), report(2400, 5, false)}, 8*giga + 5},
		"the order does not matter":  {[]*Record{report(1800, giga, false), report(600, 4*giga-1, false), report(1200, giga/2, false)}, 5 * giga},
		"fell too little":            {[]*Record{report(600, 2*giga, false), report(1200, giga, false)}, 2 * giga},
		"its NAS sends gigawords":    {[]*Record{report(600, 4*giga-1, true), report(1200, giga, false)}, 4*giga - 1},
		"gigawords of a later one":   {[]*Record{report(600, 4*giga-1, false), report(1200, 5*giga, true)}, 5 * giga},
		"none at all is no wrap":     {[]*Record{report(600, 4*giga-1, false), report(1200, 0, false)}, 4*giga - 1},
		"an earlier one, late":       {[]*Record{report(1200, 4*giga-1, false), report(600, giga, false)}, 4*giga - 1},
		"of before the wrap, late":   {[]*Record{report(600, 4*giga-2, false), report(1200, 7, false), report(610, 4*giga-1, false)}, 4*giga + 7},
		"not without Session-Time":   {[]*Record{rec(StatusInterim, time.Minute, with(0, 4*giga-1, 0)), rec(StatusInterim, time.Hour, with(0, 5, 0))}, 4*giga - 1},
		"a session without a report": {[]*Record{rec(StatusStart, 0)}, 0},
	} {
		require.Equal(t, tt.want, fold(tt.records...)[0].Input, name)
	}
}

// Never more than the NAS has counted, in whatever order its reports come, whatever is lost.
func TestNeverMoreOctetsThanTheNASCounted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		wide := rapid.Bool().Draw(rt, "gigawords")
		var counted uint64
		var all []*Record
		inOrder := true
		for i := range rapid.IntRange(1, 12).Draw(rt, "reports") {
			counted += rapid.Uint64Range(1, 1<<33).Draw(rt, "octets")
			in := counted
			if !wide {
				in &= 1<<32 - 1
			}
			all = append(all, rec(StatusInterim, time.Duration(i+1)*time.Minute, with(uint32(60*(i+1)), in, 0), func(r *Record) { r.Gigawords = wide }))
		}
		for i := len(all) - 1; i > 0; i-- {
			if j := rapid.IntRange(0, i).Draw(rt, "order"); j != i {
				inOrder = false
				all[i], all[j] = all[j], all[i]
			}
		}
		got := fold(all...)
		require.Len(rt, got, 1)
		require.LessOrEqual(rt, got[0].Input, counted)
		if wide {
			require.Equal(rt, counted, got[0].Input, fmt.Sprint(inOrder))
		}
	})
}
