package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestQuantilesOfAKnownDistribution(t *testing.T) {
	var h Histogram
	for _, i := range rand.Perm(10_000) { // 1 us, 2 us … 10 ms, in any order
		h.Add(time.Duration(i+1) * time.Microsecond)
	}
	require.EqualValues(t, 10_000, h.Count())
	require.Equal(t, 10*time.Millisecond, h.Longest())
	require.Equal(t, 5_000_500*time.Nanosecond, h.Mean())
	for q, exact := range map[float64]time.Duration{0.5: 5000, 0.9: 9000, 0.99: 9900, 0.999: 9990, 1: 10_000} {
		exact *= time.Microsecond
		require.GreaterOrEqual(t, h.Quantile(q), exact, "%g", q)
		require.LessOrEqual(t, h.Quantile(q), exact+exact/60, "%g", q)
	}
	var none Histogram
	require.Zero(t, none.Quantile(0.99))
	require.Zero(t, none.Mean())
}

// Any duration counts in a bucket whose upper end is at most 1/64 away, and a quantile is
// never below the exact one.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Min(0).Draw(t, "duration"))
		i := bucket(d)
		if i < 0 || i >= buckets || upper(i) < d || upper(i)-d > d>>precision {
			t.Fatalf("%d counts in bucket %d, which ends at %d", d, i, upper(i))
		}
		if i > 0 && upper(i-1) >= d {
			t.Fatalf("%d fits in the bucket before %d", d, i)
		}
	})
}

func TestQuantileIsNeverTooShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 200).Draw(t, "durations")
		var h Histogram
		for _, d := range all {
			h.Add(time.Duration(d))
		}
		slices.Sort(all)
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		exact := time.Duration(all[max(int(q*float64(len(all))+0.5), 1)-1])
		if got := h.Quantile(q); got < exact || got > exact+exact>>precision {
			t.Fatalf("quantile %g is %d, exactly %d", q, got, exact)
		}
	})
}
