package bench

import (
	"runtime"
	"slices"
	"time"
)

// Standstill is how the machine itself stands still, as a virtual one does whose host gives it
// no more time: while it does, no server answers and no generator asks.
type Standstill struct {
	Watched, Total, Longest time.Duration
}

// noticed is the shortest gap that counts: less is interrupts, which belong to the work.
const noticed = time.Millisecond

// span is a time in which a processor did nothing of what it was given.
type span struct{ from, until time.Duration }

// probeStandstill keeps all processors busy for so long, and the disk, and finds when none of
// them got on. A single one that stands still may just have other work of this machine's own.
func probeStandstill(dir string, watch time.Duration) (Standstill, error) {
	begun := time.Now()
	gaps := make(chan []span)
	watchers := runtime.NumCPU()
	for range watchers {
		go func() { gaps <- spin(begun, watch) }()
	}
	var err error
	for looked := false; err == nil && (!looked || time.Since(begun) < watch); looked = true {
		_, err = probeDisk(dir, 64)
	}
	common := <-gaps
	for range watchers - 1 {
		common = overlap(common, <-gaps)
	}
	s := Standstill{Watched: watch}
	for _, g := range common {
		s.Total += g.until - g.from
		s.Longest = max(s.Longest, g.until-g.from)
	}
	return s, err
}

// spin looks at the clock all the time, and returns when it could not.
func spin(begun time.Time, watch time.Duration) (gaps []span) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for last := time.Since(begun); last < watch; {
		now := time.Since(begun)
		if now-last >= noticed {
			gaps = append(gaps, span{last, now})
		}
		last = now
	}
	return gaps
}

// overlap is what two lists of spans, each in order, have in common, if it is to be noticed.
func overlap(a, b []span) (common []span) {
	for _, x := range a {
		for _, y := range b {
			if s := (span{max(x.from, y.from), min(x.until, y.until)}); s.until-s.from >= noticed {
				common = append(common, s)
			}
		}
	}
	slices.SortFunc(common, func(x, y span) int { return int(x.from - y.from) })
	return common
}
