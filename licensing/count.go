package licensing

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// CountFacts is what decides whether a sighting counts towards the start of a
// license.
type CountFacts struct {
	Private  bool      // a randomised (locally administered) address
	Exempt   bool      // on the Location's exempt list
	Lab      bool      // its session began in lab mode
	SlotOK   bool      // its AP holds a slot, or one is free
	Accepted bool      // this gateway accepted the device
	Event    time.Time // when it happened, as far as that can be believed
	Arrival  time.Time // when the gateway learned of it
}

// Counts is ReasonNone when a sighting counts, else the first reason why it does
// not. It counts in Pending Start and In Use alike: the count goes on after the
// start. allotted is when the license came to the Location of the sighting.
//
// The state is taken at the arrival, not at the event: while access was denied
// nothing counted, and a record that was held back until after the denial must
// not make up for it, nor one held back until the denial be lost.
func (l *License) Counts(f CountFacts, policy Count, allotted time.Time) Reason {
	if l == nil {
		return ReasonNoLicense
	}
	state := l.StateAt(f.Arrival).refusal()
	switch {
	case state != ReasonNone:
		return state
	case f.Event.Before(allotted):
		return ReasonBeforeProvisioning
	case !f.Event.After(l.CountsAfter()):
		return ReasonBeforeRecount
	case f.Lab:
		return ReasonLabMode
	case f.Exempt:
		return ReasonExemptDevice
	case f.Private && l.Terms.IgnorePriv:
		return ReasonPrivateAddress
	case !f.SlotOK:
		return ReasonAPWithoutSlot
	case policy == CountAccepted && !f.Accepted:
		return ReasonNotAccepted
	}
	return ReasonNone
}

// StartInstant is when the threshold-th device came, given each device's earliest
// counted sighting in any order. It reports false while there are too few. Being
// a function of the set, it gives the same instant in whatever order the
// sightings were learned.
func StartInstant(firsts []time.Time, threshold int) (time.Time, bool) {
	if threshold < 1 || len(firsts) < threshold {
		return time.Time{}, false
	}
	sorted := slices.SortedFunc(slices.Values(firsts), time.Time.Compare)
	return sorted[threshold-1], true
}

// Rule is the rule that starts this contract, in one sentence.
func (l *License) Rule() string {
	t := l.Terms
	switch t.Start {
	case StartOnProvision:
		return "The contract starts when the license is assigned to a Location."
	case StartFixedDate:
		return fmt.Sprintf("The contract starts on %s, local time.", t.StartDate)
	case StartFifthDevice:
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The contract starts with the %s distinct device sighted after the license was assigned", ordinal(t.Threshold))
	if t.CountWindow > 0 {
		fmt.Fprintf(&b, ", all of them within %s", plainDuration(t.CountWindow))
	}
	if t.PrivateByUser {
		b.WriteString("; the private (randomised) addresses of one user name count as one device")
	}
	if t.IgnorePriv {
		b.WriteString("; private (randomised) addresses do not count")
	}
	b.WriteByte('.')
	return b.String()
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// plainDuration writes whole hours as such ("24 hours"), anything else as Go does.
func plainDuration(d time.Duration) string {
	if d%time.Hour == 0 {
		if d == time.Hour {
			return "1 hour"
		}
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return strings.TrimSuffix(d.String(), "0s")
}
