package licensing

import (
	"slices"
	"strings"
	"time"
)

// ParseState reads one of the five names, without regard to case; "in-use" and
// "in_use" are read as "In Use". Anything else is CodeInvalid.
func ParseState(name string) (State, error) {
	plain := strings.NewReplacer("-", " ", "_", " ").Replace(strings.TrimSpace(name))
	for _, s := range States() {
		if strings.EqualFold(plain, s.String()) {
			return s, nil
		}
	}
	return 0, Errorf(CodeInvalid, "%.40q is not a license state", name).
		WithHint("the states are: %s", strings.Join(stateNames[:], ", "))
}

// StateAt derives the state at an instant, now, past or to come. What lies later
// than the instant has not happened yet, so that the same facts also answer for
// the past. Contract finalized goes before Access denied, which goes before what
// the dates say.
//
// Of a license that was released to another gateway it is the state in which it left:
// what becomes of it there is not known here.
func (l *License) StateAt(now time.Time) State {
	if l.Released(now) {
		now = l.ReleasedAt
	}
	if l.lapsed(now) {
		c := *l
		c.StartedAt = l.Proposal.Start
		l = &c
	}
	if end, ok := l.until(); ok && !now.Before(end) {
		return ContractFinalized
	}
	if _, denied := l.DenialAt(now); denied {
		return AccessDenied
	}
	if !happened(l.ProvisionedAt, now) {
		return PendingProvision
	}
	if start, ok := l.Starts(); ok && !now.Before(start) {
		return InUse
	}
	return PendingStart
}

// Settled is a copy of l in which nothing lies later than now. It is for the
// moment when the clock goes back (ClockWithdrawn, or a signed order): what was
// entered before carries times that have not come yet, and without settling it an
// operator's denial would lift itself. A start that only a date had brought is taken
// back: the dates decide again.
func (l *License) Settled(now time.Time) *License {
	c := *l
	if l.startedTooSoon(now) {
		c.StartedAt, c.StartedBy = time.Time{}, ""
	}
	c.Allotments = slices.Clone(l.Allotments)
	times := []*time.Time{
		&c.ActivatedAt, &c.ProvisionedAt, &c.StartedAt, &c.Operator.At, &c.Distributor.At, &c.PausedSince,
		&c.Proposal.At, &c.Proposal.Start, &c.UndoneAt, &c.DeclinedAt, &c.HeldUntil, &c.ReleasedAt,
	}
	for i := range c.Allotments {
		times = append(times, &c.Allotments[i].At)
	}
	for _, t := range times {
		if t.After(now) {
			*t = now
		}
	}
	return &c
}

// startedTooSoon reports whether the start was recorded for a time that now, after
// the clock went back, has not come.
func (l *License) startedTooSoon(now time.Time) bool {
	switch l.StartedBy {
	case StartedByDate, StartedByQueue:
		return l.StartedAt.After(now)
	case StartedByLapse:
		return l.Proposal.At.Add(l.Terms.ConfirmStart).After(now)
	case StartedByCount, StartedByProvision, StartedByOperator:
	}
	return false
}

// happened reports whether t is set and has come by now.
func happened(t, now time.Time) bool { return !t.IsZero() && !t.After(now) }
