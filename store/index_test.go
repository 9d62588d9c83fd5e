package store

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

func TestAFilterForgetsNothing(t *testing.T) {
	const n = 100_000
	f := newFilter(n)
	r := rand.New(rand.NewPCG(1, 2))
	added := make([]uint64, n)
	for i := range added {
		added[i] = r.Uint64()
		f.add(added[i])
	}
	for _, key := range added {
		require.True(t, f.may(key))
	}
	passed := 0
	for range n {
		if f.may(r.Uint64()) {
			passed++
		}
	}
	require.Less(t, passed, n/4000, "of keys that were never added")
}

// seal lets the writer fold everything, and seal every generation that is full.
func (v *venue) seal() {
	v.t.Helper()
	require.True(v.t, v.s.onWriter(func() {
		w := v.s.w
		require.NoError(v.t, w.foldSome(len(w.backlog.order)))
		for w.index.due() {
			require.NoError(v.t, w.sealSome())
		}
		w.sessions.purge()
	}))
}

// Rows on both sides of the end of a generation: memory holds none of the sessions, and
// each record still finds its own, before and after a restart.
func TestASessionIsFoundInWhateverGeneration(t *testing.T) {
	v := openVenue(t)
	const first = generationRows - 2
	require.True(t, v.s.onWriter(func() { v.s.w.index.next = first }))
	at := func(m int) func(*macwatch.Record) {
		return stamped(time.Date(2026, 11, 22, 10, m, 0, 0, time.UTC))
	}
	v.clock.advance(time.Hour)
	for n := range 6 {
		v.sight(v.record(n, macwatch.StatusStart, at(1)))
		v.seal()
	}
	require.Equal(t, generationRows, v.count(`SELECT id FROM sessions WHERE session_id = 's-2'`), "the last of its generation")
	require.Equal(t, indexSlices, v.count(`SELECT count(*) FROM session_index`))
	for n := range 6 {
		v.sight(v.record(n, macwatch.StatusInterim, at(5), counters(240, 1, 1)))
	}
	v.seal()
	v.restart()
	for n := range 6 {
		v.sight(v.record(n, macwatch.StatusStart, at(1)), v.record(n, macwatch.StatusStop, at(9), counters(480, 2, 2)))
	}
	v.seal()
	list := v.sessions()
	require.Len(t, list, 6)
	for _, s := range list {
		require.Equal(t, []any{3, uint64(2)}, []any{s.Records, s.InputOctets}, s.SessionID)
	}

	// The second leg of a sealed session, and a late record of its first.
	v.sight(v.record(0, macwatch.StatusStart, at(20)))
	v.seal()
	v.sight(v.record(0, macwatch.StatusInterim, at(7), counters(360, 9, 9)), v.record(0, macwatch.StatusInterim, at(25), counters(300, 3, 3)))
	v.seal()
	v.restart()
	v.sight(v.record(0, macwatch.StatusStop, at(30), counters(600, 4, 4)))
	legs := map[int]uint64{}
	for _, s := range v.sessions() {
		if s.SessionID == "s-0" {
			legs[s.Records] = s.InputOctets
		}
	}
	require.Equal(t, map[int]uint64{4: 9, 3: 4}, legs)
}

// A crash between two slices: the generation is sealed again from its beginning.
func TestAGenerationIsSealedAgainAfterACrash(t *testing.T) {
	v := openVenue(t)
	require.True(t, v.s.onWriter(func() { v.s.w.index.next = generationRows - 2 }))
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	require.True(t, v.s.onWriter(func() {
		require.NoError(t, v.s.w.foldSome(4))
		require.NoError(t, v.s.w.sealSome())
	}))
	written := v.count(`SELECT count(*) FROM session_index`)
	require.True(t, written > 0 && written < indexSlices, "%d slices of it", written)
	v.crash(t.TempDir())
	v.seal()
	require.Equal(t, indexSlices, v.count(`SELECT count(*) FROM session_index`))
	v.clock.advance(time.Minute)
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusStop, counters(60, 7, 7)))
	}
	require.Len(t, v.sessions(), 4)
}
