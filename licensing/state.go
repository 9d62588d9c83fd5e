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
func (l *License) StateAt(now time.Time) State {
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

// DenialAt is the denial in force at an instant. Either authority denies; where
// both do, the distributor's is shown, which the operator cannot lift.
func (l *License) DenialAt(now time.Time) (Denial, bool) {
	for _, d := range []Denial{l.Distributor, l.Operator} {
		if happened(d.At, now) {
			return d, true
		}
	}
	return Denial{}, false
}

// Settled is a copy of l in which nothing lies later than now. It is for the
// moment when the Clock withdraws a jump (ClockWithdrawn): what was entered during
// the jump carries times that have not come yet, and without settling it an
// operator's denial would lift itself.
func (l *License) Settled(now time.Time) *License {
	c := *l
	c.Allotments = slices.Clone(l.Allotments)
	times := []*time.Time{&c.ActivatedAt, &c.ProvisionedAt, &c.StartedAt, &c.Operator.At, &c.Distributor.At}
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

// happened reports whether t is set and has come by now.
func happened(t, now time.Time) bool { return !t.IsZero() && !t.After(now) }
