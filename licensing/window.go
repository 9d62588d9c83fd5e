package licensing

import (
	"cmp"
	"slices"
	"time"
)

// WindowSighting is one counted sighting of a device; Device is any number that
// tells devices apart.
type WindowSighting struct {
	Device uint64
	At     time.Time // event time
}

// WindowStart finds the earliest instant at at which the window (at-window, at]
// holds sightings of threshold distinct devices, and the first one in it of each,
// by time. The sightings may come in any order and are left as they are. It
// reports false while there is no such instant. A window of 0 reaches back
// without end: then at is StartInstant's.
func WindowStart(s []WindowSighting, window time.Duration, threshold int) (at time.Time, five []WindowSighting, ok bool) {
	if threshold < 1 {
		return time.Time{}, nil, false
	}
	sorted := slices.SortedFunc(slices.Values(s), func(a, b WindowSighting) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Device, b.Device))
	})
	inside := make(map[uint64]int) // sightings in the window, by device
	oldest := 0
	for i, seen := range sorted {
		inside[seen.Device]++
		for ; !within(sorted[oldest].At, seen.At, window); oldest++ {
			device := sorted[oldest].Device
			if inside[device]--; inside[device] == 0 {
				delete(inside, device)
			}
		}
		if len(inside) == threshold {
			return seen.At, firstOfEach(sorted[oldest : i+1]), true
		}
	}
	return time.Time{}, nil, false
}

// WindowCount is how many distinct devices the window (now-window, now] holds; a
// window of 0 reaches back without end.
func WindowCount(s []WindowSighting, window time.Duration, now time.Time) int {
	devices := make(map[uint64]struct{})
	for _, seen := range s {
		if within(seen.At, now, window) {
			devices[seen.Device] = struct{}{}
		}
	}
	return len(devices)
}

// within reports whether t lies in (end-window, end].
func within(t, end time.Time, window time.Duration) bool {
	return !t.After(end) && (window <= 0 || t.After(end.Add(-window)))
}

// firstOfEach keeps each device's first sighting of those in time order.
func firstOfEach(sorted []WindowSighting) []WindowSighting {
	var firsts []WindowSighting
	for _, seen := range sorted {
		if !slices.ContainsFunc(firsts, func(f WindowSighting) bool { return f.Device == seen.Device }) {
			firsts = append(firsts, seen)
		}
	}
	return firsts
}
