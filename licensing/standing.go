package licensing

import "time"

// Standing is which license governs a Location at an instant and how it stands, together
// with the time for which that holds. To work it out takes calendars and time zones; a
// gateway that is asked a hundred thousand times a second asks once and keeps the answer
// until something changes by itself.
type Standing struct {
	License *License  // the governing one; nil: there is none
	State   State     // of License; PendingProvision without one
	Until   time.Time // when service ends at the latest; zero: not known yet

	from, to time.Time // [from, to); zero to: for ever
}

// StandingAt works it out for the licenses of a Location. Whoever keeps the answer asks
// Holds before each use, and drops it when the licenses change.
func StandingAt(licenses []*License, now time.Time) Standing {
	s := standingOf(Governing(licenses, now), now)
	for _, l := range licenses {
		s.bound(l)
		if l.Proposal.At.IsZero() {
			continue
		}
		lapsed := *l // see StateAt
		lapsed.StartedAt = l.Proposal.Start
		s.bound(&lapsed)
	}
	return s
}

// standingOf is that of one license, at this instant only.
func standingOf(l *License, now time.Time) Standing {
	s := Standing{License: l, from: now}
	if l != nil {
		s.State = l.StateAt(now)
		s.Until, _ = l.until()
	}
	return s
}

// bound ends s at the first instant after its beginning at which l may change.
func (s *Standing) bound(l *License) {
	for _, at := range l.turns() {
		s.boundAt(at)
	}
	for _, at := range []time.Time{l.ProvisionedAt, l.Operator.At, l.Distributor.At, l.ReleasedAt} {
		s.boundAt(at)
	}
}

func (s *Standing) boundAt(at time.Time) {
	if at.After(s.from) && (s.to.IsZero() || at.Before(s.to)) {
		s.to = at
	}
}

// Holds reports whether s is still true at now. Before its beginning, where a clock was
// set back, it is not.
func (s *Standing) Holds(now time.Time) bool {
	return !now.Before(s.from) && (s.to.IsZero() || now.Before(s.to))
}
