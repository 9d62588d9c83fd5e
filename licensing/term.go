package licensing

import "time"

// LastDay is the last day of service of a contract of this length: the same day
// of the month, so that a year from 10 March ends with 10 March.
func (t Term) LastDay(start Date) Date {
	return start.AddMonths(12*t.Years + t.Months).AddDays(t.Days)
}

// Starts is the start instant: when the contract period began, or, where the key
// fixes a date, when it will begin. It reports false while no start is known.
func (l *License) Starts() (time.Time, bool) {
	switch {
	case !l.StartedAt.IsZero():
		return l.StartedAt, true
	case l.Terms.Start == StartOnProvision:
		return l.ProvisionedAt, !l.ProvisionedAt.IsZero()
	case l.Terms.Start == StartFixedDate && l.zoneName() != "":
		return l.Terms.StartDate.Start(l.location()), true
	}
	// Not started yet, or a fixed date whose zone will be that of a Location still to come.
	return time.Time{}, false
}

// LastDay is the last day of service, in the license's zone. It reports false
// while no start is known.
func (l *License) LastDay() (Date, bool) {
	start, ok := l.Starts()
	if !ok {
		return Date{}, false
	}
	day := l.Terms.Term.LastDay(DateIn(start, l.location())).AddDays(l.PausedDays)
	if latest := l.Terms.LatestEnd; !latest.IsZero() && day.After(latest) {
		day = latest
	}
	return day, true
}

// End is the cut-off: the first instant from which on the local date is later
// than LastDay. It reports false while no start is known.
func (l *License) End() (time.Time, bool) {
	day, ok := l.LastDay()
	if !ok {
		return time.Time{}, false
	}
	return day.end(l.location()), true
}

// until is when service ends whatever happens: End, or before a start is known
// the end of Terms.LatestEnd. Without the latter, a venue that never shows a
// fifth device would be served past the day that bounds its key.
func (l *License) until() (time.Time, bool) {
	if end, ok := l.End(); ok {
		return end, true
	}
	if l.Terms.LatestEnd.IsZero() || l.zoneName() == "" {
		return time.Time{}, false
	}
	return l.Terms.LatestEnd.end(l.location()), true
}
