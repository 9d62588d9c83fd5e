package licensing

import (
	"fmt"
	"strings"
	"time"
)

// Counting reports whether devices may start the contract: their number decides, and
// nothing else will by itself.
func (l *License) Counting() bool {
	if !l.StartedAt.IsZero() || !l.planned.at.IsZero() {
		return false
	}
	// After an order has undone its start, a license that started when it was assigned
	// waits for devices, as any other.
	return l.Terms.Start == StartFifthDevice || !l.UndoneAt.IsZero()
}

// CountsAfter is the instant up to which sightings do not count, though they came
// after the license: its start was undone, or the proposed one declined. It is zero
// when neither happened.
func (l *License) CountsAfter() time.Time {
	if l.DeclinedAt.After(l.UndoneAt) {
		return l.DeclinedAt
	}
	return l.UndoneAt
}

// Start is the license with its start recorded: an *Error with CodeConflict when it
// has one already.
func (l *License) Start(at time.Time, by StartCause) (*License, error) {
	if !l.StartedAt.IsZero() {
		return nil, Errorf(CodeConflict, "%s started already, on %s", l.Number, l.StartedAt.Format(time.RFC3339)).
			WithHint("`tallygate license show %s` shows the receipt", l.Number)
	}
	c := *l
	c.StartedAt, c.StartedBy, c.planned = at, by, planned{}
	return &c, nil
}

// Propose is the license with the start that its devices have made put to an operator.
// A sighting that arrives late may move the instant, never the time to decide in.
func (l *License) Propose(start, now time.Time) *License {
	c := *l
	c.Proposal.Start = start
	if c.Proposal.At.IsZero() {
		c.Proposal.At = now
	}
	return &c
}

// StartDue is when the proposed start happens by itself. It reports false while none
// is proposed, or access is denied: then nothing starts.
func (l *License) StartDue() (time.Time, bool) {
	if l.Proposal.At.IsZero() || !l.StartedAt.IsZero() || !l.Operator.At.IsZero() || !l.Distributor.At.IsZero() {
		return time.Time{}, false
	}
	due := l.Proposal.At.Add(l.Terms.ConfirmStart)
	if l.HeldUntil.After(due) {
		due = l.HeldUntil
	}
	return due, true
}

// lapsed reports whether the proposed start has happened by itself at now.
func (l *License) lapsed(now time.Time) bool {
	if l.Proposal.At.IsZero() {
		return false
	}
	due, ok := l.StartDue()
	return ok && !now.Before(due)
}

// ConfirmStart is the license started as proposed: an *Error with CodeConflict when no
// start is proposed, or access is denied.
func (l *License) ConfirmStart(now time.Time) (*License, error) {
	if err := l.checkProposed(now); err != nil {
		return nil, err
	}
	return l.Start(l.Proposal.Start, StartedByOperator)
}

// DeclineStart is the license with its proposed start declined: what was sighted so
// far does not count. Once only: who could decline again and again would use the
// license without end. An *Error with CodeConflict when no start is proposed, with
// CodeInvalid without a reason, with CodeRefused the second time.
func (l *License) DeclineStart(reason string, now time.Time) (*License, error) {
	if err := l.checkProposed(now); err != nil {
		return nil, err
	}
	if strings.TrimSpace(reason) == "" {
		return nil, Errorf(CodeInvalid, "to decline a start needs a reason").
			WithHint("say why with --reason: it stands in the audit log")
	}
	if !l.DeclinedAt.IsZero() {
		return nil, Errorf(CodeRefused, "a start of %s was declined already, on %s", l.Number, l.DeclinedAt.Format(time.RFC3339)).
			WithHint("a start can be declined once; confirm this one, or let it happen")
	}
	c := *l
	c.Proposal, c.DeclinedAt = Proposal{}, now
	return &c, nil
}

func (l *License) checkProposed(now time.Time) error {
	if err := l.Here(now); err != nil {
		return err
	}
	_, denied := l.DenialAt(now)
	switch {
	case !l.StartedAt.IsZero() || l.StateAt(now) == ContractFinalized:
		return Errorf(CodeConflict, "%s has no start to decide on: %s", l.Number, l.StateAt(now)).
			WithHint("`tallygate license show %s` shows its start", l.Number)
	case l.Proposal.At.IsZero():
		return Errorf(CodeConflict, "no start of %s is proposed", l.Number).
			WithHint("`tallygate license explain %s` shows how many devices count so far", l.Number)
	case denied:
		return Errorf(CodeConflict, "access under %s is denied, and nothing starts meanwhile", l.Number).
			WithHint("the denial is lifted first; `tallygate license show %s` shows it", l.Number)
	}
	return nil
}

// StartRule is the rule by which the contract began, in one sentence.
func (l *License) StartRule() string {
	switch l.StartedBy {
	case StartedByQueue:
		return "The contract took over, without a count, at the exact end of the license before it."
	case StartedByOperator:
		return l.Rule() + " An operator confirmed the start."
	case StartedByLapse:
		return fmt.Sprintf("%s The start was proposed, and nobody declined it within %s.", l.Rule(), plainDuration(l.Terms.ConfirmStart))
	case StartedByCount, StartedByProvision, StartedByDate:
	}
	return l.Rule()
}
