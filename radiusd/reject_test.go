package radiusd

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRejectorDeliversWhenDueAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type delivery struct {
			place int32
			at    time.Duration
		}
		clock := stopwatch{time.Now()}
		var got []delivery
		q := newRejector(100, clock, func(due []lateReject) {
			for _, r := range due {
				got = append(got, delivery{r.ticket.place, time.Duration(clock.now())})
			}
		})
		stop, done := make(chan struct{}), make(chan struct{})
		go func() { defer close(done); q.run(stop) }()
		for i := range int32(3) {
			require.True(t, q.push(lateReject{ticket: ticket{place: i}, due: clock.now() + instant(time.Second)}))
			time.Sleep(100 * time.Millisecond) // of the bubble's clock
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, []delivery{{0, time.Second}, {1, 1100 * time.Millisecond}, {2, 1200 * time.Millisecond}}, got)

		require.True(t, q.push(lateReject{ticket: ticket{place: 3}, due: clock.now() + instant(time.Hour)}))
		close(stop)
		<-done
		require.Equal(t, delivery{3, 2300 * time.Millisecond}, got[3], "what waits at the end is sent at once")
	})
}

func TestRejectorDeliversMoreThanABatch(t *testing.T) {
	const n = 3*batchSize + 1
	synctest.Test(t, func(t *testing.T) {
		clock := stopwatch{time.Now()}
		var next int32
		q := newRejector(n, clock, func(due []lateReject) {
			for _, r := range due {
				require.Equal(t, next, r.ticket.place)
				next++
			}
		})
		for i := range int32(n) {
			require.True(t, q.push(lateReject{ticket: ticket{place: i}, due: 1}))
		}
		require.False(t, q.push(lateReject{}), "full")
		stop, done := make(chan struct{}), make(chan struct{})
		go func() { defer close(done); q.run(stop) }()
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, int32(n), next)
		require.True(t, q.push(lateReject{ticket: ticket{place: n}}), "there is room again")
		synctest.Wait()
		require.Equal(t, int32(n+1), next)
		close(stop)
		<-done
	})
}
