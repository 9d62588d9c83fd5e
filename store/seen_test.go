package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// Sightings that did not fit into memory are found again in the sessions: by the next list,
// or by the next start after a crash.
func TestSightingsBeyondTheLimit(t *testing.T) {
	for name, look := range map[string]func(v *venue, dir string){
		"a list":  func(*venue, string) {},
		"a crash": func(v *venue, dir string) { v.crash(dir) },
	} {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t)
			const guests = 5
			first := v.s.Now()
			for n := range guests {
				v.sight(v.record(n, macwatch.StatusStart))
			}
			require.Equal(t, first.Unix(), v.devices()[guest(0).String()].LastSeen.Unix())
			missed := false
			for round := uint32(1); !missed && round < 100; round++ { // the writer may have folded them by itself
				v.clock.advance(time.Minute)
				for n := range guests {
					v.sight(v.record(n, macwatch.StatusInterim, counters(60*round, 1, 1)))
				}
				var err error
				require.True(t, v.s.onWriter(func() {
					w := v.s.w
					for n := 0; len(w.seen.fresh) < seenLimit; n++ { // of other devices
						w.seen.fresh[macwatch.DeviceKey{Location: v.location.ID, MAC: guest(1_000_000 + n)}] = micros(v.s.Now())
					}
					err = w.foldSome(guests)
					missed = w.seen.missed
				}))
				require.NoError(t, err)
			}
			require.True(t, missed)
			look(v, t.TempDir())
			for n := range guests {
				require.Equal(t, v.s.Now().Unix(), v.devices()[guest(n).String()].LastSeen.Unix(), "guest %d", n)
			}
			require.True(t, v.s.onWriter(func() { missed = v.s.w.seen.missed }))
			require.False(t, missed)
		})
	}
}
