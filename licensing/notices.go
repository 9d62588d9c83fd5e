package licensing

import (
	"strconv"
	"time"
)

// noticeTime is the local time at which notices go out; that of the end goes out at
// the end.
const noticeTime = 9 * time.Hour

// Ladder is the six notices of one end of a license: one calendar month, 15, 7 and 1
// days before the last day, at the cut-off itself, and on the day after the last day. A
// renewal or a pause, which moves the last day, makes another ladder with other ids.
type Ladder struct {
	License string    // number
	Turn    int       // which of the license's ends this is: 1, 2, 3 …
	LastDay Date      // zero: no end is known, and there are no notices
	End     time.Time // the cut-off
	Zone    *time.Location
	// ArmedAt is when this end became known. What was due before is never sent: a
	// contract of ten days does not begin with "one month left".
	ArmedAt time.Time
}

// Notice is a step of a ladder.
type Notice struct {
	ID   string // of its Event
	Kind string
	Due  time.Time
}

// NoticePlan is what a Ladder asks for at a time.
type NoticePlan struct {
	Send       []Notice  // one or none: never two of a ladder at once
	Superseded []Notice  // were due as well, while nobody could send them
	Next       time.Time // when the next one is due; zero: none is left
}

// Ladder is the license's ladder for the end that its facts give now, as the turn-th
// of its ends; without notices where no end is known, or nobody is served by it here, not yet
// or not any more.
func (l *License) Ladder(turn int, armedAt time.Time) Ladder {
	ladder := Ladder{License: l.Number, Turn: turn, Zone: l.location(), ArmedAt: armedAt}
	if l.ProvisionedAt.IsZero() || l.Released(armedAt) {
		return ladder
	}
	if end, ok := l.until(); ok {
		ladder.LastDay, ladder.End = lastDayBefore(end, ladder.Zone), end
	}
	return ladder
}

// lastDayBefore is the last day of service of a contract that is cut off at end.
func lastDayBefore(end time.Time, zone *time.Location) Date {
	return DateIn(end.Add(-1), zone)
}

// SameEnd reports whether two ladders of a license are about the same end.
func (l Ladder) SameEnd(m Ladder) bool { return l.LastDay == m.LastDay && l.End.Equal(m.End) }

// Notices are the six, in order of time.
func (l Ladder) Notices() []Notice {
	if l.LastDay.IsZero() {
		return nil
	}
	at := func(d Date) time.Time { return d.At(noticeTime, l.Zone) }
	notices := []Notice{
		{Kind: EventMonth, Due: at(l.LastDay.AddMonths(-1))},
		{Kind: Event15Days, Due: at(l.LastDay.AddDays(-15))},
		{Kind: Event7Days, Due: at(l.LastDay.AddDays(-7))},
		{Kind: Event1Day, Due: at(l.LastDay.AddDays(-1))},
		{Kind: EventEnd, Due: l.End},
		// The day that the calendar shows after the cut-off: where a zone moved across
		// the date line it is not the last day plus one.
		{Kind: EventReminder, Due: at(DateIn(l.End, l.Zone))},
	}
	for i := range notices {
		n := &notices[i]
		n.ID = EventID(Event{Kind: n.Kind, License: l.License, At: n.Due}, strconv.Itoa(l.Turn))
	}
	return notices
}

// Plan says what to do at now, where recorded tells which notices the ledger holds
// already. After downtime several are due: only the latest is sent.
func (l Ladder) Plan(recorded func(id string) bool, now time.Time) NoticePlan {
	var plan NoticePlan
	var latest bool
	notices := l.Notices()
	for i := len(notices) - 1; i >= 0; i-- {
		n := notices[i]
		switch {
		case n.Due.After(now):
			plan.Next = n.Due
			continue
		case n.Due.Before(l.ArmedAt):
			continue
		case !recorded(n.ID) && !latest:
			plan.Send = []Notice{n}
		case !recorded(n.ID):
			plan.Superseded = append([]Notice{n}, plan.Superseded...)
		}
		latest = true
	}
	return plan
}

// Withdrawn reports whether the time has gone back since the ladder was armed or one
// of its notices was recorded, as when the Clock withdraws a jump: then what was sent
// was sent in error, and the license's ladder begins anew.
func (l Ladder) Withdrawn(recorded func(id string) bool, now time.Time) bool {
	if l.ArmedAt.After(now) {
		return true
	}
	for _, n := range l.Notices() {
		if n.Due.After(now) && recorded(n.ID) {
			return true
		}
	}
	return false
}
