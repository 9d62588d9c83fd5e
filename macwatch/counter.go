package macwatch

import "cmp"

// count takes in cumulative counters: each is the largest that was reported
// (RFC 2869 section 2.1), so that no order of arrival and no Stop without counters
// takes anything back.
func (s *Session) count(r *Record) {
	s.Gigawords = s.Gigawords || r.Gigawords
	order := cmp.Compare(r.SessionTime, s.SessionTime)
	s.Input = s.counter(s.Input, r.Input, order)
	s.Output = s.counter(s.Output, r.Output, order)
	s.SessionTime = max(s.SessionTime, r.SessionTime)
}

// halfWord is half of what 32 bits count to.
const halfWord = 1 << 31

// counter is a counter of the session after a report of it; order says whether that is
// an earlier one (-1), or a later one (1), than is stored. Old firmware sends no
// gigawords, and its counters begin again at 0 after 4 GiB. That is believed only
// where it cannot be anything else: the session has gone on, and the counter has
// fallen by more than half its range (RFC 1982 compares serial numbers likewise). So
// never more is counted than the NAS has, though sometimes less.
func (s *Session) counter(stored, report uint64, order int) uint64 {
	const low = 1<<32 - 1
	if s.Gigawords || report > low || report == 0 {
		return max(stored, report)
	}
	word := stored & low
	full := stored&^low | report
	switch {
	case order > 0 && word > report && word-report > halfWord:
		full += 1 << 32
	case order < 0 && stored <= low && report > word && report-word > halfWord:
		// An earlier report, late: what is stored had wrapped since.
		full = stored + 1<<32
	case order <= 0 && stored > low:
		return stored // of before the wrap, or of after it: nobody can tell
	}
	return max(stored, full)
}
