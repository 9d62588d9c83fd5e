package licensing

import (
	"cmp"
	"fmt"
	"time"
)

// Date is a civil day, in no particular zone. The zero value is no date at all.
// As text, and so in JSON, it is "2006-01-02"; no date is "".
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads "2006-01-02"; anything else, such as 30 February, is CodeInvalid.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() == 0 {
		return Date{}, Errorf(CodeInvalid, "%.40q is not a date", s).
			WithHint("write year-month-day, for example 2026-09-30")
	}
	return dateOf(t), nil
}

// DateIn is the date that a calendar in zone shows at t.
func DateIn(t time.Time, zone *time.Location) Date { return dateOf(t.In(zone)) }

func dateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// IsZero reports whether d is no date.
func (d Date) IsZero() bool { return d == Date{} }

// Before reports whether d is an earlier day than e.
func (d Date) Before(e Date) bool { return d.compare(e) < 0 }

// After reports whether d is a later day than e.
func (d Date) After(e Date) bool { return d.compare(e) > 0 }

func (d Date) compare(e Date) int {
	return cmp.Or(cmp.Compare(d.Year, e.Year), cmp.Compare(d.Month, e.Month), cmp.Compare(d.Day, e.Day))
}

// AddDays is n days later.
func (d Date) AddDays(n int) Date { return dateOf(d.utc().AddDate(0, 0, n)) }

// AddMonths is the same day n months later, or the last day of that month when
// it is shorter. [time.Time.AddDate] would run over into the next month instead,
// and a contract from 31 January for one month would last until 3 March.
func (d Date) AddMonths(n int) Date {
	first := Date{d.Year, d.Month, 1}.utc().AddDate(0, n, 0)
	return dateOf(first).onDay(d.Day)
}

// onDay is that day of d's month, or its last one.
func (d Date) onDay(day int) Date {
	last := Date{d.Year, d.Month, 1}.utc().AddDate(0, 1, -1).Day()
	return Date{d.Year, d.Month, min(day, last)}
}

// AddYears is the same day n years later; 29 February becomes 28 February where
// the year has none.
func (d Date) AddYears(n int) Date { return d.AddMonths(12 * n) }

// Start is the first instant whose date in zone is d or later. It is not always
// midnight: clocks may go forward over midnight (Santiago, Havana, Asunción,
// Cairo), and a zone that moved across the date line skipped d (Apia, 2011-12-30).
func (d Date) Start(zone *time.Location) time.Time {
	// No zone was ever a whole day ahead of UTC, so that d has not begun yet.
	return d.startFrom(d.utc().AddDate(0, 0, -1), zone)
}

// end is the first instant from which on the date in zone stays later than d.
// Where clocks went back from just after midnight to before it (St John's until
// 2011, 00:01 to 23:01), d ends twice. It is the second end that counts: nobody
// is cut off at a moment that the calendar calls the last day.
func (d Date) end(zone *time.Location) time.Time {
	next := d.AddDays(1)
	end := next.Start(zone)
	for {
		_, change := end.ZoneBounds()
		if change.IsZero() || !DateIn(change, zone).Before(next) {
			return end
		}
		end = next.startFrom(change, zone)
	}
}

// startFrom is the first instant, from or later, whose date in zone is d or later.
func (d Date) startFrom(from time.Time, zone *time.Location) time.Time {
	return reached(d.utc(), from, zone)
}

// At is the first instant at which a clock in zone shows d and the time since midnight
// on a plain day, or later: where the clocks skip that time, when they do; where they
// show it twice, the first time.
func (d Date) At(sinceMidnight time.Duration, zone *time.Location) time.Time {
	wall := d.utc().Add(sinceMidnight)
	return reached(wall, wall.AddDate(0, 0, -1), zone) // see Start
}

// reached is the first instant, from or later, at which a clock in zone shows wall
// (given as if in UTC) or later. It walks the stretches between the zone's changes;
// within one, the offset from UTC is constant and the sum is plain.
func reached(wall, from time.Time, zone *time.Location) time.Time {
	for t := from.In(zone); ; {
		_, offset := t.Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if at.Before(t) {
			at = t // the change itself led to it, or over it
		}
		_, change := t.ZoneBounds()
		if change.IsZero() || at.Before(change) {
			return at.In(zone)
		}
		t = change
	}
}

// utc is d's midnight in UTC: a carrier for arithmetic, not an instant of d.
func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// MarshalText writes "2006-01-02", or nothing for no date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
