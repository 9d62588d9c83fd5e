package macwatch

import "time"

// How far apart reports must lie before a session id is taken for one that was given
// out again. Smaller differences are retransmissions and rounded clocks.
const (
	startGuard = 30 * time.Second // two Starts with Event-Timestamp of their own
	lateGuard  = 2 * time.Minute  // records without Event-Timestamp, which may be repeats of any age
	clockSlack = time.Minute      // Acct-Session-Time against the times of events
)

// begunAnew reports whether the record opens another leg: the NAS has given the id out
// again, after a Stop (as gateways in stop-start mode do each minute) or after a reboot,
// of which sometimes neither Accounting-On nor the Start arrives.
func (s *Session) begunAnew(r *Record, event time.Time, known bool) bool {
	switch {
	case r.Status != StatusStart:
		return !known && s.startLost(r, event)
	case s.Closed() == ClosedByGateway && known && event.Sub(s.StartedAt) <= lateGuard:
		return false // its Start was all that was heard of it, and is repeated
	case !s.EndedAt.IsZero():
		// Without Event-Timestamp, the Starts of two legs look the same: then the
		// time decides alone.
		return !event.Before(s.EndedAt) && (!known || !r.HasEventTimestamp)
	case r.SessionTime > 0 || r.Input > 0 || r.Output > 0 || string(r.AP) != s.AP || !event.After(s.UpdatedAt):
		return false // it goes on: some controllers tell of a hop by another Start
	case r.HasEventTimestamp:
		return !known && event.Sub(s.StartedAt) > startGuard
	}
	return s.SessionTime > 0 && event.Sub(s.UpdatedAt) > lateGuard
}

// startLost reports whether an Interim-Update or Stop belongs to a leg whose Start was
// lost: it says itself that it began after everything that is known of this one.
func (s *Session) startLost(r *Record, event time.Time) bool {
	if r.SessionTime == 0 {
		return false // many send none, and then it says nothing
	}
	guard := time.Duration(0)
	if !r.HasEventTimestamp {
		guard = lateGuard
	}
	start := startOf(r, event)
	if fallen := r.SessionTime < s.SessionTime && r.Input <= s.Input && r.Output <= s.Output; fallen {
		return start.After(s.UpdatedAt.Add(guard))
	}
	switch closed := s.Closed(); {
	case closed == ClosedByNAS:
		return start.After(s.UpdatedAt) && !start.Before(s.EndedAt.Add(guard))
	case closed == ClosedByGateway, closed == ClosedByStop && r.Status == StatusStop: // a second Stop is of a second leg
		return start.After(s.EndedAt.Add(max(guard, clockSlack)))
	default: // open, or a Stop: an Interim-Update after it does not reopen
		return false
	}
}

// precedes reports whether an event lies before this leg. Where the leg's Start did not
// come its beginning is only computed.
func (s *Session) precedes(event time.Time) bool {
	if s.Begun {
		return event.Before(s.StartedAt)
	}
	return s.StartedAt.Sub(event) > clockSlack
}
