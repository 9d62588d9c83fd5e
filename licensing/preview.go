package licensing

import "time"

// Queue lists those of a Location's licenses that wait behind the one that governs
// there, in the order in which they will take over.
func Queue(ls []*License, now time.Time) []*License {
	governing := Governing(ls, now)
	var waiting []*License
	for _, l := range ls {
		if l != governing && l.StateAt(now) == PendingStart {
			waiting = append(waiting, l)
		}
	}
	return waiting
}

// DaysLeft is how many days of its own calendar a license still has, 0 on its last
// one. It reports false while no end is known, and after it.
func (l *License) DaysLeft(now time.Time) (int, bool) {
	last, ok := l.LastDay()
	today := DateIn(now, l.location())
	if !ok || today.After(last) {
		return 0, false
	}
	return int(last.utc().Sub(today.utc()) / (24 * time.Hour)), true
}
