package macwatch

import "time"

// Terminate causes that the gateway sets itself (RFC 2866 section 5.10).
const (
	CauseLostCarrier = 2
	CauseNASReboot   = 11
)

// Closing is who ended a session.
type Closing string

const (
	NotClosed       Closing = ""
	ClosedByStop    Closing = "stop"    // its own Stop: final
	ClosedByNAS     Closing = "nas"     // an Accounting-On or Accounting-Off
	ClosedByGateway Closing = "gateway" // nothing more was heard of it
)

// Closed says who ended the session.
func (s *Session) Closed() Closing {
	switch {
	case s.EndedAt.IsZero():
		return NotClosed
	case s.Stopped:
		return ClosedByStop
	case s.TerminateCause == CauseNASReboot:
		return ClosedByNAS
	}
	return ClosedByGateway
}

// CloseByNAS ends an open session that an Accounting-On or Accounting-Off names; it
// reports whether it did. In the very second of an Off a session had begun before
// it; in that of an On, after it.
func (s *Session) CloseByNAS(status Status, event time.Time) bool {
	if !s.EndedAt.IsZero() || s.StartedAt.After(event) || status == StatusOn && s.StartedAt.Equal(event) {
		return false
	}
	s.EndedAt, s.TerminateCause = event, CauseNASReboot
	return true
}

// Lapse ends an open session of which nothing more is heard, at its last news; it
// reports whether it did.
func (s *Session) Lapse() bool {
	if !s.EndedAt.IsZero() {
		return false
	}
	s.EndedAt, s.TerminateCause = s.UpdatedAt, CauseLostCarrier
	return true
}

// hear notes that there is news of the session. What only the gateway or an
// Accounting-On has ended goes on with a later Interim-Update: no Stop was seen, and
// there it is.
func (s *Session) hear(r *Record, event time.Time) {
	if r.Arrival.After(s.HeardAt) {
		s.HeardAt = r.Arrival
	}
	if r.Status == StatusInterim && r.SessionTime > s.SessionTime && (s.Begun || s.SessionTime > 0) {
		s.Gap = max(s.Gap, r.SessionTime-s.SessionTime)
	}
	guard := time.Duration(0)
	if !r.HasEventTimestamp {
		guard = lateGuard
	}
	switch s.Closed() {
	case ClosedByNAS:
		guard = max(guard, time.Second) // the one of the reboot itself is no later news
	case ClosedByGateway:
		guard = 0 // it ended at its last news
	default:
		return
	}
	if r.Status == StatusInterim && event.Sub(s.EndedAt) > guard {
		s.EndedAt, s.TerminateCause = time.Time{}, 0
	}
}

// Longest and shortest time without news after which a session is taken for over, where
// the Location does not say.
const (
	LongestSilence  = 24 * time.Hour
	ShortestSilence = 5 * time.Minute
	missedReports   = 3
)

// Silence is how long the session may be silent before it is taken for over. Where its NAS
// reports while sessions last, three times the longer of the interval that it was asked for
// (interim, seconds; 0: it was not asked) and the longest that the session has shown. Where
// there is neither, or nothing but a Start and a Stop is to be expected, the longest
// session (timeout, seconds; 0: not limited); else a day.
func (s *Session) Silence(reports bool, interim, timeout int) time.Duration {
	interval := max(time.Duration(interim), time.Duration(s.Gap)) * time.Second
	switch {
	case reports && interval > 0:
		return max(missedReports*interval, ShortestSilence)
	case timeout > 0:
		return max(time.Duration(timeout)*time.Second, ShortestSilence)
	}
	return LongestSilence
}

// What tells a NAS that reports while a session lasts from one that does not.
const (
	shortestInterval = time.Minute     // RFC 2869 section 5.16: no Acct-Interim-Interval is shorter
	restartSlack     = 2 * time.Second // between the Stop and the Start of a gateway in stop-start mode
)

// Reports says whether a record of the session, which followed prior (nil: none) under the
// same id, shows that its NAS reports regularly: by an Interim-Update, or by a Stop and a
// Start at once, as gateways in stop-start mode send each minute. Many controllers send a
// single Interim-Update soon after the Start, when they have learned the address of the
// device, and none after that.
func (s *Session) Reports(r *Record, event time.Time, prior *Session) bool {
	switch r.Status {
	case StatusInterim:
		return event.Sub(s.StartedAt) >= shortestInterval
	case StatusStart:
		return prior != nil && prior.Closed() == ClosedByStop && s.StartedAt.Sub(prior.EndedAt) <= restartSlack
	default:
		return false
	}
}

// SilentSince is when the session was heard of last.
func (s *Session) SilentSince() time.Time {
	if s.HeardAt.IsZero() { // a row of before that was kept
		return s.UpdatedAt
	}
	return s.HeardAt
}
