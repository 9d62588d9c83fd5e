package licensing

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func sightings(seconds ...[2]int64) []WindowSighting {
	s := make([]WindowSighting, len(seconds))
	for i, v := range seconds {
		s[i] = WindowSighting{Device: uint64(v[0]), At: time.Unix(v[1], 0)}
	}
	return s
}

func TestWindowStart(t *testing.T) {
	const window = 10 * time.Second
	for _, c := range []struct {
		why       string
		sightings []WindowSighting
		at        int64
		five      []WindowSighting
	}{
		{"three devices in time", sightings([2]int64{1, 0}, [2]int64{2, 4}, [2]int64{3, 9}), 9, sightings([2]int64{1, 0}, [2]int64{2, 4}, [2]int64{3, 9})},
		{"the window is open at its beginning", sightings([2]int64{1, 0}, [2]int64{2, 4}, [2]int64{3, 10}), -1, nil},
		{"seen again, in time", sightings([2]int64{1, 0}, [2]int64{2, 4}, [2]int64{1, 6}, [2]int64{3, 12}), 12, sightings([2]int64{2, 4}, [2]int64{1, 6}, [2]int64{3, 12})},
		{"each one's first in the window", sightings([2]int64{1, 0}, [2]int64{1, 1}, [2]int64{2, 2}, [2]int64{3, 3}), 3, sightings([2]int64{1, 0}, [2]int64{2, 2}, [2]int64{3, 3})},
		{"all at once, one too many", sightings([2]int64{4, 5}, [2]int64{3, 5}, [2]int64{2, 5}, [2]int64{1, 5}), 5, sightings([2]int64{1, 5}, [2]int64{2, 5}, [2]int64{3, 5})},
		{"too few", sightings([2]int64{1, 0}, [2]int64{2, 1}, [2]int64{1, 2}), -1, nil},
		{"none", nil, -1, nil},
	} {
		t.Run(c.why, func(t *testing.T) {
			at, five, ok := WindowStart(c.sightings, window, 3)
			require.Equal(t, c.at >= 0, ok)
			require.Equal(t, c.five, five)
			if ok {
				require.Equal(t, time.Unix(c.at, 0), at)
			}
		})
	}
}

// bruteWindow is the definition, word by word: every instant at which something
// was seen, in order; for each, the devices in the window that ends with it.
func bruteWindow(s []WindowSighting, window time.Duration, threshold int) (time.Time, []WindowSighting, bool) {
	instants := make([]time.Time, len(s))
	for i := range s {
		instants[i] = s[i].At
	}
	slices.SortFunc(instants, time.Time.Compare)
	for _, at := range instants {
		first := make(map[uint64]time.Time)
		for _, x := range s {
			if x.At.After(at) || window > 0 && !x.At.After(at.Add(-window)) {
				continue
			}
			if f, known := first[x.Device]; !known || x.At.Before(f) {
				first[x.Device] = x.At
			}
		}
		if len(first) < threshold {
			continue
		}
		var five []WindowSighting
		for device, f := range first {
			five = append(five, WindowSighting{device, f})
		}
		slices.SortFunc(five, func(a, b WindowSighting) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Device, b.Device)) })
		return at, five[:threshold], true
	}
	return time.Time{}, nil, false
}

func TestWindowAgainstItsDefinition(t *testing.T) {
	sighting := rapid.Custom(func(t *rapid.T) WindowSighting {
		return WindowSighting{rapid.Uint64Range(1, 6).Draw(t, "device"), time.Unix(rapid.Int64Range(0, 40).Draw(t, "at"), 0)}
	})
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SliceOfN(sighting, 0, 30).Draw(t, "sightings")
		window := time.Duration(rapid.Int64Range(0, 15).Draw(t, "window")) * time.Second
		threshold := rapid.IntRange(1, 5).Draw(t, "threshold")
		before := slices.Clone(s)
		at, five, ok := WindowStart(s, window, threshold)
		wantAt, wantFive, wantOK := bruteWindow(s, window, threshold)
		require.Equal(t, wantOK, ok)
		require.Equal(t, wantAt, at)
		require.Equal(t, wantFive, five)
		require.Equal(t, before, s, "the argument is left as it was")
		if !ok {
			return
		}
		require.GreaterOrEqual(t, WindowCount(s, window, at), threshold)
		require.Less(t, WindowCount(s, window, at.Add(-1)), threshold)
		if window == 0 {
			firsts := make(map[uint64]time.Time)
			for _, x := range s {
				if f, known := firsts[x.Device]; !known || x.At.Before(f) {
					firsts[x.Device] = x.At
				}
			}
			var times []time.Time
			for _, f := range firsts {
				times = append(times, f)
			}
			plain, _ := StartInstant(times, threshold)
			require.Equal(t, plain, at)
		}
	})
}
