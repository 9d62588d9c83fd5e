package licensing

import (
	"fmt"
	"time"
)

// String is the term in words: "1 year", "18 months".
func (t Term) String() string {
	for _, part := range []struct {
		n    int
		unit string
	}{{t.Years, "year"}, {t.Months, "month"}, {t.Days, "day"}} {
		switch {
		case part.n == 1:
			return "1 " + part.unit
		case part.n > 1:
			return fmt.Sprintf("%d %ss", part.n, part.unit)
		}
	}
	return "none"
}

// LastDay is the last day of service of a contract of this length: the same day
// of the month, so that a year from 10 March ends with 10 March.
func (t Term) LastDay(start Date) Date {
	day, _ := t.extend(start, start.Day)
	return day
}

// extend is the last day moved on by t, and the day of the month that the next term
// goes by. Months go by the original one, so that a contract from 29 February ends
// with a 29th again where there is one; after days there is a new original.
func (t Term) extend(day Date, original int) (Date, int) {
	if months := 12*t.Years + t.Months; months != 0 {
		day = Date{day.Year, day.Month, 1}.AddMonths(months).onDay(original)
	}
	if t.Days != 0 {
		day = day.AddDays(t.Days)
		original = day.Day
	}
	return day, original
}

// Starts is the start instant: when the contract period began, or when it will begin
// by itself: on the date that the key fixes, or when the license before it in the
// queue ends. It reports false while no start is known.
func (l *License) Starts() (time.Time, bool) {
	switch {
	case !l.StartedAt.IsZero():
		return l.StartedAt, true
	case l.Terms.Start == StartFixedDate && l.zoneName() != "":
		return l.Terms.StartDate.Start(l.location()), true
	case !l.planned.at.IsZero():
		return l.planned.at, true
	}
	// Not started yet, or a fixed date whose zone will be that of a Location still to come.
	return time.Time{}, false
}

// LastDay is the last day of service, in the license's zone. It reports false while
// no start is known, and while the contract clock is paused.
func (l *License) LastDay() (Date, bool) {
	start, ok := l.Starts()
	if !ok || !l.PausedSince.IsZero() {
		return Date{}, false
	}
	first := DateIn(start, l.location())
	day, original := l.Terms.Term.extend(first, first.Day)
	for _, t := range l.Renewals {
		day, original = t.extend(day, original)
	}
	day = day.AddDays(l.PausedDays)
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
