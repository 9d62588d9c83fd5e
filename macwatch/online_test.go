package macwatch

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func sessionOf(n int, mac MAC) *Session {
	return &Session{Ident: Ident{byte(n + 1)}, MAC: mac, StartedAt: noon}
}

func TestAnAccountHasSoManyDevicesOnline(t *testing.T) {
	var o Online
	const room = "room412"
	admit := func(mac MAC, at time.Duration) bool { return o.Admit(1, room, mac, 2, noon.Add(at)) }
	require.True(t, admit(1, 0))
	require.True(t, admit(2, 0))
	require.False(t, admit(3, 0), "two others are online, though no Start has come yet")
	require.True(t, admit(1, time.Second), "a device does not count against itself")
	require.True(t, o.Admit(2, room, 3, 2, noon), "at another Location")
	require.True(t, o.Admit(1, "room413", 3, 2, noon), "another account")
	require.True(t, admit(3, AcceptHold+time.Second), "no Start followed")
	require.Equal(t, []OnlineDevice{{3, noon.Add(AcceptHold + time.Second)}}, o.Devices(1, room, noon.Add(AcceptHold+2*time.Second)))

	until := noon.Add(time.Hour)
	o.Seen(1, room, sessionOf(1, 1), until)
	o.Seen(1, room, sessionOf(2, 1), until) // roaming: the next AP reports before the last one
	o.Gone(1, room, sessionOf(1, 1).Ident)
	o.Seen(1, room, sessionOf(3, 2), until)
	require.False(t, admit(3, 10*time.Minute))
	require.True(t, admit(2, 10*time.Minute))
	require.Len(t, o.Devices(1, room, noon.Add(10*time.Minute)), 2)
	o.Gone(1, room, sessionOf(2, 1).Ident)
	require.True(t, admit(3, 10*time.Minute))
	require.True(t, admit(4, 2*time.Hour), "what is silent blocks nobody")
	require.Empty(t, o.Devices(1, "nobody", noon))
}

func TestNothingIsKeptOfAccountsThatAreOffline(t *testing.T) {
	var o Online
	o.Seen(1, "a", sessionOf(1, 1), noon.Add(time.Hour))
	o.Gone(1, "a", sessionOf(1, 1).Ident)
	o.Gone(1, "b", sessionOf(1, 1).Ident)
	require.False(t, o.Admit(1, "c", 1, 0, noon))
	o.accounts.Range(func(any, any) bool { t.Error("something is kept"); return false })
}

// Of many that ask for the last place at once, one gets it.
func TestTheLastPlaceIsGivenOnce(t *testing.T) {
	for range 50 {
		var o Online
		var admitted atomic.Int32
		var all sync.WaitGroup
		for mac := range MAC(16) {
			all.Go(func() {
				if o.Admit(1, "a", mac+1, 3, noon) {
					admitted.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 3, admitted.Load())
	}
}

// However devices come and go, never more than the limit are let in, and never is one
// refused while there is room.
func TestTheLimitHoldsWhateverComesAndGoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var o Online
		limit := rapid.IntRange(1, 3).Draw(rt, "limit")
		now := noon
		held, open := map[MAC]time.Time{}, map[MAC]time.Time{} // until when
		online := func(mac MAC) bool { return held[mac].After(now) || open[mac].After(now) }
		for range rapid.IntRange(1, 40).Draw(rt, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 50).Draw(rt, "seconds")) * time.Second)
			mac := MAC(rapid.IntRange(1, 5).Draw(rt, "device"))
			switch rapid.SampledFrom([]string{"login", "login", "news", "stop"}).Draw(rt, "event") {
			case "login":
				n := 0
				for other := range MAC(6) {
					if other != mac && online(other) {
						n++
					}
				}
				got := o.Admit(1, "a", mac, limit, now)
				require.Equal(rt, n < limit, got)
				if delete(held, mac); got {
					held[mac] = now.Add(AcceptHold)
				}
			case "news":
				if !online(mac) {
					continue // it was not let in
				}
				delete(held, mac)
				open[mac] = now.Add(10 * time.Minute)
				o.Seen(1, "a", sessionOf(int(mac), mac), open[mac])
			case "stop":
				delete(open, mac)
				o.Gone(1, "a", sessionOf(int(mac), mac).Ident)
			}
		}
	})
}
