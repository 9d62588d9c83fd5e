package licensing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CalendarMonths is how far `license calendar` looks ahead: the longest notice before
// a contract of a year that begins today.
const CalendarMonths = 13

// CalendarEntry is something that will happen by itself, or that is due by then.
type CalendarEntry struct {
	At        time.Time `json:"at"`
	Day       Date      `json:"day"` // of At, in the zone
	TimeZone  string    `json:"time_zone"`
	Kind      string    `json:"kind"`
	License   string    `json:"license,omitempty"`
	Locations []string  `json:"locations"`
	Text      string    `json:"text"` // a sentence
}

// The kinds of a CalendarEntry, besides those of the notices (see Ladder).
const (
	CalendarStart        = "start"            // a contract period begins by itself
	CalendarTakeover     = "takeover"         // the next in the queue takes over
	CalendarAutoRenewal  = "auto-renewal"     // one from the pool does
	CalendarProposal     = "proposed-start"   // the proposed start happens unless it is declined
	CalendarConfirmation = "confirmation-due" // without one, access is denied
	CalendarEnd          = "end"              // with cut-off, or with a takeover
	CalendarActivateBy   = "activate-by"      // last day to assign it by its key
	CalendarLabEnd       = "lab-end"          // lab mode ends by itself
)

// Calendar is what will happen in [now, until), in order of time, as far as the facts
// say: if nobody comes, pays, renews, denies or confirms. The Locations are planned
// (see Plan), so that queues and the pool have been played through. licenses are all
// of them; those that stand at a Location by its plan only are taken from there.
func Calendar(locations []*Location, licenses []*License, now, until time.Time) []CalendarEntry {
	c := calendar{now: now, until: until, at: map[string][]*Location{}}
	planned := map[string]*License{}
	for _, at := range locations {
		for _, l := range at.Licenses {
			c.at[l.Number] = append(c.at[l.Number], at)
			planned[l.Number] = l
		}
		c.lab(at)
	}
	for _, l := range licenses {
		c.license(cmp.Or(planned[l.Number], l))
	}
	slices.SortStableFunc(c.entries, func(a, b CalendarEntry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.License, b.License))
	})
	return c.entries
}

type calendar struct {
	now, until time.Time
	at         map[string][]*Location // by license number
	entries    []CalendarEntry
}

func (c *calendar) add(l *License, at time.Time, kind, format string, args ...any) {
	if at.Before(c.now) || !at.Before(c.until) {
		return
	}
	e := CalendarEntry{
		At: at, Day: DateIn(at, l.location()), TimeZone: cmp.Or(l.zoneName(), "UTC"), Kind: kind, License: l.Number,
		Locations: []string{}, Text: fmt.Sprintf(format, args...),
	}
	for _, location := range c.at[l.Number] {
		e.Locations = append(e.Locations, location.Code)
	}
	c.entries = append(c.entries, e)
}

func (c *calendar) license(l *License) {
	if l.Released(c.now) || l.StateAt(c.now) == ContractFinalized {
		// What is left of it is the notice on the day after.
		c.notices(l)
		return
	}
	c.start(l)
	if due, ok := l.ConfirmationDue(); ok && !c.over(l, due) {
		c.add(l, due, CalendarConfirmation, "Without a signed confirmation access is denied from here on: %s.", ConfirmationOverdue)
	}
	if end, ok := l.until(); ok {
		c.add(l, end, CalendarEnd, "The contract ends; its last day was %s. %s", lastDayBefore(end, l.location()), c.afterwards(l, end))
	}
	if by := l.Terms.ActivateBy; !by.IsZero() && len(l.Allotments) == 0 {
		c.add(l, by.Start(l.location()), CalendarActivateBy, "Last day on which its key assigns it to a Location.")
	}
	c.notices(l)
}

// over reports whether the contract has ended by an instant.
func (c *calendar) over(l *License, at time.Time) bool {
	end, ok := l.until()
	return ok && !at.Before(end)
}

func (c *calendar) start(l *License) {
	if due, ok := l.StartDue(); ok {
		c.add(l, due, CalendarProposal, "The proposed start, %s, happens by itself unless it is declined.", l.local(l.Proposal.Start))
	}
	at, ok := l.Starts()
	if !ok || !l.StartedAt.IsZero() {
		return
	}
	where := strings.Join(c.codes(l), ", ")
	switch _, by, _ := l.Planned(c.now); {
	case l.AutoRenewal():
		c.add(l, at, CalendarAutoRenewal, "Auto-renewal: it is taken from the pool for %s and takes over, without a count.%s", where, lastDayInWords(l))
	case by == StartedByQueue:
		c.add(l, at, CalendarTakeover, "It takes over at %s from the license before it, without a count.%s", where, lastDayInWords(l))
	default:
		c.add(l, at, CalendarStart, "The contract period begins.%s", lastDayInWords(l))
	}
}

func (c *calendar) codes(l *License) (codes []string) {
	for _, at := range c.at[l.Number] {
		codes = append(codes, at.Code)
	}
	return codes
}

// afterwards says who serves the guests of each Location from the end on.
func (c *calendar) afterwards(l *License, end time.Time) string {
	var parts []string
	for _, at := range c.at[l.Number] {
		next := Governing(at.Licenses, end)
		switch {
		case next == nil || next.StateAt(end) == ContractFinalized:
			parts = append(parts, fmt.Sprintf("Guests at %s are cut off.", at.Code))
		case next.StateAt(end).serves():
			parts = append(parts, fmt.Sprintf("At %s %s goes on.", at.Code, next.Number))
		default:
			parts = append(parts, fmt.Sprintf("At %s %s is next, and access is denied.", at.Code, next.Number))
		}
	}
	if len(parts) == 0 {
		return "Nobody is served under it."
	}
	return strings.Join(parts, " ")
}

// serves reports whether guests are let in.
func (s State) serves() bool { return s == PendingStart || s == InUse }

func (c *calendar) notices(l *License) {
	if l.Released(c.now) {
		return
	}
	for _, n := range l.Ladder(0, c.now).Notices() {
		c.add(l, n.Due, n.Kind, "Notice: %s.", noticeWords(n.Kind))
	}
}

func noticeWords(kind string) string {
	switch kind {
	case EventMonth:
		return "one month left"
	case Event15Days:
		return "15 days left"
	case Event7Days:
		return "7 days left"
	case Event1Day:
		return "one day left"
	case EventReminder:
		return "the contract is over, a renewal is possible"
	}
	return "the contract has ended"
}

func (c *calendar) lab(at *Location) {
	lab, on := at.LabAt(c.now)
	if !on || !lab.End.Before(c.until) {
		return
	}
	zone, err := LoadZone(at.Settings.Timezone)
	if err != nil {
		zone = time.UTC
	}
	c.entries = append(c.entries, CalendarEntry{
		At: lab.End, Day: DateIn(lab.End, zone), TimeZone: zone.String(), Kind: CalendarLabEnd, Locations: []string{at.Code},
		Text: "Lab mode ends by itself: only who is licensed is served again.",
	})
}
