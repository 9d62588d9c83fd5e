package load

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets that grow with the duration, as HDR histograms
// do: whatever the length, a percentile is at most 1.6 % too long. Constant memory. The
// zero value is empty.
type Histogram struct {
	buckets [buckets]uint64
	count   uint64
	sum     time.Duration
	longest time.Duration
}

const (
	precision = 6 // bits of a duration that are kept
	buckets   = (64 - precision) << precision
)

// bucket is where a duration counts. Below 64 ns each has a bucket of its own; from there
// each doubling has 64.
func bucket(d time.Duration) int {
	n := uint64(max(d, 0))
	shift := max(bits.Len64(n)-precision-1, 0)
	return shift<<precision + int(n>>shift)
}

// upper is the longest duration that counts in bucket i.
func upper(i int) time.Duration {
	shift := max(i>>precision-1, 0)
	return time.Duration(uint64(i-shift<<precision+1)<<shift - 1)
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	h.buckets[bucket(d)]++
	h.count++
	h.sum += d
	h.longest = max(h.longest, d)
}

// Count is how many durations were counted.
func (h *Histogram) Count() uint64 { return h.count }

// Longest is the longest of them, exactly.
func (h *Histogram) Longest() time.Duration { return h.longest }

// Mean is their average, exactly; 0 when there are none.
func (h *Histogram) Mean() time.Duration {
	if h.count == 0 {
		return 0
	}
	return h.sum / time.Duration(h.count)
}

// Quantile is the duration that a share q (0 to 1) of all stay below or reach; 0 when
// there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(uint64(q*float64(h.count)+0.5), 1)
	var seen uint64
	for i, n := range &h.buckets {
		if seen += n; seen >= rank {
			return min(upper(i), h.longest)
		}
	}
	return 0
}
