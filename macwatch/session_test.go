package macwatch

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func rec(status Status, at time.Duration, change ...func(*Record)) *Record {
	r := &Record{
		Client: 1, Status: status, MAC: 0x001122000001, NAS: []byte("nas"), SessionID: []byte("1"), AP: []byte("ap"),
		Arrival: noon.Add(time.Hour), HasEventTimestamp: true, EventTimestamp: uint32(noon.Add(at).Unix()),
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func with(seconds uint32, in, out uint64) func(*Record) {
	return func(r *Record) { r.SessionTime, r.Input, r.Output = seconds, in, out }
}

// fold applies records as the store does, and returns the legs.
func fold(records ...*Record) (legs []*Session) {
	for _, r := range records {
		legs = apply(legs, r)
	}
	return legs
}

func apply(legs []*Session, r *Record) []*Session {
	if len(legs) == 0 {
		return append(legs, OpenSession(r, r.Ident(), r.Event(), nil))
	}
	last := len(legs) - 1
	switch legs[last].Apply(r, r.Event()) {
	case NextLeg:
		legs[last].Lapse()
		return append(legs, OpenSession(r, r.Ident(), r.Event(), legs[last]))
	case PriorLeg:
		for i := last - 1; i >= 0; i-- {
			switch legs[i].Apply(r, r.Event()) {
			case PriorLeg:
				continue
			case NextLeg:
				legs[i+1].Take(r, r.Event())
			case Applied:
				legs[i].Lapse()
			}
			break
		}
	}
	return legs
}

// A session's records in any order, any of them any number of times, make the same.
func TestTheOrderOfRecordsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		length := rapid.IntRange(1, 3000).Draw(rt, "seconds")
		var all []*Record
		add := func(status Status, second int) {
			r := rec(status, time.Duration(second)*time.Second)
			if status != StatusStart {
				n := uint64(second)
				with(uint32(second), 3*n, 5*n)(r)
				r.InputPackets, r.OutputPackets = uint32(7*n), uint32(11*n)
			}
			if status == StatusStop {
				r.TerminateCause = 1
			}
			r.HasEventTimestamp = r.HasEventTimestamp && rapid.Bool().Draw(rt, "stamped")
			if !r.HasEventTimestamp {
				r.Arrival = noon.Add(time.Duration(second) * time.Second)
			}
			all = append(all, r)
		}
		if rapid.Bool().Draw(rt, "start") {
			add(StatusStart, 0)
		}
		for _, second := range rapid.SliceOfNDistinct(rapid.IntRange(1, length), 0, 8, rapid.ID[int]).Draw(rt, "interims") {
			add(StatusInterim, second)
		}
		if rapid.Bool().Draw(rt, "stop") || len(all) == 0 {
			add(StatusStop, length+1)
		}
		want := fold(all...)
		require.Len(rt, want, 1)
		require.Equal(rt, len(all), want[0].Records)
		require.Equal(rt, noon, want[0].StartedAt)

		mixed := slices.Clone(all)
		for range rapid.IntRange(0, 5).Draw(rt, "repeats") {
			repeat := *rapid.SampledFrom(all).Draw(rt, "repeat")
			if repeat.HasEventTimestamp {
				repeat.Delay += 5
			}
			mixed = append(mixed, &repeat)
		}
		for i := len(mixed) - 1; i > 0; i-- {
			j := rapid.IntRange(0, i).Draw(rt, "order")
			mixed[i], mixed[j] = mixed[j], mixed[i]
		}
		got := fold(mixed...)
		require.Len(rt, got, 1)
		facts := func(s *Session) []any {
			return []any{
				s.StartedAt, s.EndedAt, s.UpdatedAt, s.Begun, s.Stopped, s.TerminateCause, s.Records, s.SessionTime,
				s.Input, s.Output, s.InputPackets, s.OutputPackets,
			}
		}
		require.Equal(rt, facts(want[0]), facts(got[0]))
	})
}

func TestRFC2866Section5_5ASessionIdComesAgain(t *testing.T) {
	minute := time.Minute
	first := []*Record{rec(StatusStart, 0), rec(StatusStop, 5*minute, with(300, 9, 9))}
	second := []*Record{rec(StatusStart, 10*minute), rec(StatusInterim, 15*minute, with(300, 1, 1))}
	legs := fold(append(slices.Clone(first), second...)...)
	require.Len(t, legs, 2)
	require.Equal(t, []int{0, 1}, []int{legs[0].Leg, legs[1].Leg})
	require.Equal(t, uint64(1), legs[1].Input)
	require.Equal(t, noon.Add(10*minute), legs[1].StartedAt)
	// What comes late for the first leg goes to it, and what is repeated nowhere.
	legs = fold(append(append(slices.Clone(first), second...), append(first, rec(StatusInterim, 3*minute, with(180, 4, 4)))...)...)
	require.Len(t, legs, 2)
	require.Equal(t, []int{3, 2}, []int{legs[0].Records, legs[1].Records})
	require.Zero(t, legs[1].EndedAt)
	// A Start of before the Stop is the first one, late.
	legs = fold(first[1], first[0])
	require.Len(t, legs, 1)
	require.True(t, legs[0].Begun)
	// A Start in the very second of the Stop is another leg.
	require.Len(t, fold(first[0], first[1], rec(StatusStart, 5*minute)), 2)
}

func TestAnInterimAfterTheStopDoesNotReopen(t *testing.T) {
	legs := fold(rec(StatusStart, 0), rec(StatusStop, time.Minute, with(60, 5, 5)), rec(StatusInterim, 2*time.Minute, with(61, 6, 6)))
	require.Len(t, legs, 1)
	require.Equal(t, noon.Add(time.Minute), legs[0].EndedAt)
	require.Equal(t, uint64(6), legs[0].Input, "counters are cumulative")
}

// RFC 2866 section 5.1: Accounting-On and Accounting-Off.
func TestCloseByNAS(t *testing.T) {
	for name, tt := range map[string]struct {
		status Status
		at     time.Duration
		closed bool
	}{
		"after its start":                {StatusOn, time.Minute, true},
		"before its start":               {StatusOn, -time.Minute, false},
		"On in the second of its start":  {StatusOn, 0, false},
		"Off in the second of its start": {StatusOff, 0, true},
	} {
		s := fold(rec(StatusStart, 0))[0]
		require.Equal(t, tt.closed, s.CloseByNAS(tt.status, noon.Add(tt.at)), name)
		require.Equal(t, tt.closed, !s.EndedAt.IsZero(), name)
		require.False(t, s.Stopped)
		if !tt.closed {
			continue
		}
		require.EqualValues(t, CauseNASReboot, s.TerminateCause)
		require.False(t, s.CloseByNAS(tt.status, noon.Add(tt.at+time.Hour)), "once")
		// Its own Stop, late, knows better.
		s.Apply(rec(StatusStop, 30*time.Second, with(30, 1, 1)), noon.Add(30*time.Second))
		require.True(t, s.Stopped)
		require.Equal(t, noon.Add(30*time.Second), s.EndedAt)
	}
}

func TestIdentsDiffer(t *testing.T) {
	base := rec(StatusStart, 0)
	seen := map[Ident]string{base.Ident(): "base"}
	for name, change := range map[string]func(*Record){
		"client":  func(r *Record) { r.Client = 2 },
		"MAC":     func(r *Record) { r.MAC++ },
		"NAS":     func(r *Record) { r.NAS = []byte("nas2") },
		"session": func(r *Record) { r.SessionID = []byte("2") },
		"border":  func(r *Record) { r.NAS, r.SessionID = []byte("nas1"), nil },
		"border2": func(r *Record) { r.NAS, r.SessionID = []byte("na"), []byte("s1") },
		"long":    func(r *Record) { r.SessionID = make([]byte, 253) },
	} {
		id := rec(StatusStart, 0, change).Ident()
		require.Empty(t, seen[id], name)
		seen[id] = name
	}
	for name, change := range map[string]func(*Record){
		"status": func(r *Record) { r.Status = StatusStop }, "time": func(r *Record) { r.EventTimestamp++ }, "AP": func(r *Record) { r.AP = []byte("other") },
		"SSID": func(r *Record) { r.SSID = []byte("other") }, "delay": func(r *Record) { r.Delay = 9 },
	} {
		require.Equal(t, base.Ident(), rec(StatusStart, 0, change).Ident(), name)
	}
	long := rec(StatusStart, 0, func(r *Record) { r.NAS, r.SessionID = make([]byte, 253), make([]byte, 253) })
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = long.Ident(); _ = long.Key() }))
}

// DESIGN 2.5, "Idempotency in the store": without Acct-Delay-Time, arrival or computed times.
func TestKeysOfRepeatsAreEqual(t *testing.T) {
	base := rec(StatusInterim, 0, with(60, 1, 2))
	for name, change := range map[string]func(*Record){
		"delay": func(r *Record) { r.Delay = 9 }, "arrival": func(r *Record) { r.Arrival = noon.Add(9 * time.Hour) },
		"AP": func(r *Record) { r.AP = []byte("other") },
	} {
		require.Equal(t, base.Key(), rec(StatusInterim, 0, with(60, 1, 2), change).Key(), name)
	}
	for name, change := range map[string]func(*Record){
		"status": func(r *Record) { r.Status = StatusStop }, "time": func(r *Record) { r.EventTimestamp++ },
		"no time": func(r *Record) { r.HasEventTimestamp = false }, "seconds": func(r *Record) { r.SessionTime++ },
		"input": func(r *Record) { r.Input++ }, "output": func(r *Record) { r.Output++ },
		"swapped":  func(r *Record) { r.Input, r.Output = r.Output, r.Input },
		"gigaword": func(r *Record) { r.Input += 1 << 32 }, "packets": func(r *Record) { r.OutputPackets++ },
	} {
		require.NotEqual(t, base.Key(), rec(StatusInterim, 0, with(60, 1, 2), change).Key(), name)
	}
}

func TestACloneIsAnother(t *testing.T) {
	s := fold(rec(StatusStart, 0))[0]
	c := s.Clone()
	c.Apply(rec(StatusStop, time.Minute, with(60, 1, 1)), noon.Add(time.Minute))
	require.Equal(t, []int{1, 2}, []int{s.Records, c.Records})
	require.Len(t, s.Keys, 1)
	require.Zero(t, s.EndedAt)
}

func TestASessionKeepsABoundedNumberOfKeys(t *testing.T) {
	var records []*Record
	for n := range 100 {
		records = append(records, rec(StatusInterim, time.Duration(n)*time.Second, with(uint32(n), uint64(n), 0)))
	}
	s := fold(records...)[0]
	require.Equal(t, 100, s.Records)
	require.LessOrEqual(t, len(s.Keys), MaxKeys)
}
