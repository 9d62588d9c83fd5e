package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// A session that waits in memory for its next record is all there when that comes.
func TestAPackedSessionIsTheSame(t *testing.T) {
	names := &macwatch.Names{}
	for _, s := range []*macwatch.Session{fullSession(), {
		ID: 1, Class: []byte{}, Keys: []uint64{}, Origin: macwatch.Origin{MultiID: []byte{}, AuditID: []byte{}},
	}} {
		s.Address = 0x0211_2233_4455
		p, scratch := pack([]byte("what was there"), s)
		require.Equal(t, s.ID, p.row())
		used := &macwatch.Session{SSID: "of another", Keys: []uint64{1, 2, 3}, Lab: true, Class: []byte("x")}
		got, err := p.session(used, names)
		require.NoError(t, err)
		require.Same(t, used, got)
		clear(scratch) // it is used again
		require.Equal(t, s, got)
		_, err = p[:len(p)-1].session(&macwatch.Session{}, names)
		require.Error(t, err)
	}
}

// Folded sessions are packed, whatever comes next finds them, and one that is over is not kept.
func TestFoldedSessionsArePacked(t *testing.T) {
	v := openVenue(t)
	v.sight(v.record(1, macwatch.StatusStart), v.record(2, macwatch.StatusStart), v.record(2, macwatch.StatusStop, counters(1, 1, 1)))
	kept := func() (packed, whole int) {
		require.True(t, v.s.onWriter(func() {
			for _, h := range v.s.w.sessions.all {
				if h.session == nil {
					packed++
				} else {
					whole++
				}
			}
		}))
		return packed, whole
	}
	packed, whole := kept()
	require.Equal(t, []int{0, 2}, []int{packed, whole})
	require.Len(t, v.sessions(), 2) // folds
	packed, whole = kept()
	require.Equal(t, []int{1, 0}, []int{packed, whole})
	v.sight(v.record(1, macwatch.StatusInterim, counters(600, 7, 7)))
	packed, whole = kept()
	require.Equal(t, []int{0, 1}, []int{packed, whole})
	require.EqualValues(t, 7, v.sessions()[0].InputOctets)
	v.sight(v.record(1, macwatch.StatusStop, counters(700, 9, 9)))
	records := map[string]int{}
	for _, s := range v.sessions() {
		require.NotNil(t, s.EndedAt)
		records[s.SessionID] = s.Records
	}
	require.Equal(t, map[string]int{"s-1": 3, "s-2": 2}, records)
}
