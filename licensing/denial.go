package licensing

import (
	"strings"
	"time"
)

// ConfirmationOverdue is the reason of a denial for want of a signed confirmation.
const ConfirmationOverdue = "confirmation-overdue"

// DenialAt is the denial in force at an instant. Any authority denies; where several
// do, the distributor's is shown, then the missing confirmation: neither can the
// operator lift.
func (l *License) DenialAt(now time.Time) (Denial, bool) {
	if happened(l.Distributor.At, now) {
		return l.Distributor, true
	}
	if due, ok := l.ConfirmationDue(); ok && !now.Before(due) {
		return Denial{At: due, Reason: ConfirmationOverdue}, true
	}
	return l.Operator, happened(l.Operator.At, now)
}

// ConfirmationDue is the instant from which access is denied unless the distributor
// confirms: the end of the last day confirmed, or of Terms.ConfirmEvery days after the
// start. It reports false where no confirmation is needed, or before a start is known.
func (l *License) ConfirmationDue() (time.Time, bool) {
	if l.Terms.ConfirmEvery == 0 {
		return time.Time{}, false
	}
	start, ok := l.Starts()
	if !ok {
		return time.Time{}, false
	}
	day := DateIn(start, l.location()).AddDays(l.Terms.ConfirmEvery)
	if l.ConfirmedUntil.After(day) {
		day = l.ConfirmedUntil
	}
	return day.end(l.location()), true
}

// Deny is the license with the operator's denial put on it at now: an *Error with
// CodeInvalid without a reason, with CodeConflict when it is denied by the operator
// already or its contract is over.
func (l *License) Deny(reason string, now time.Time) (*License, error) {
	if err := l.Here(now); err != nil {
		return nil, err
	}
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return nil, Errorf(CodeInvalid, "a denial needs a reason").
			WithHint("say why with --reason, as the guests' host will ask")
	case l.StateAt(now) == ContractFinalized:
		return nil, Errorf(CodeConflict, "the contract of %s is over: there is nothing to deny", l.Number).
			WithHint("guests are refused already; `tallygate license show %s` shows since when", l.Number)
	case !l.Operator.At.IsZero():
		return nil, Errorf(CodeConflict, "%s is denied already: %s", l.Number, l.Operator.Reason).
			WithHint("`tallygate license restore %s` lifts it", l.Number)
	}
	c := *l
	c.Operator = Denial{At: now, Reason: reason}
	return &c, nil
}

// Restore is the license with the operator's denial lifted: an *Error with
// CodeConflict when there is none, with CodeRefused when only the distributor's
// stands, which a signed order alone lifts.
func (l *License) Restore(now time.Time) (*License, error) {
	if err := l.Here(now); err != nil {
		return nil, err
	}
	denial, denied := l.DenialAt(now)
	switch {
	case l.StateAt(now) == ContractFinalized:
		return nil, Errorf(CodeConflict, "the contract of %s is over; no restoration revives it", l.Number).
			WithHint("ask your distributor for a new key")
	case !l.Operator.At.IsZero():
	case denied && denial.Reason == ConfirmationOverdue && denial.Order == "":
		return nil, Errorf(CodeRefused, "%s waits for a confirmation by the distributor since %s", l.Number, denial.At.Format(time.RFC3339)).
			WithHint("ask your distributor for it, and enter it with `tallygate license activate`")
	case denied:
		return nil, Errorf(CodeRefused, "%s is denied by the distributor: %s", l.Number, l.Distributor.Reason).
			WithHint("ask your distributor for an order that lifts it, and enter that with `tallygate license activate`")
	default:
		return nil, Errorf(CodeConflict, "%s is not denied", l.Number).
			WithHint("`tallygate license show %s` shows its state", l.Number)
	}
	c := *l
	c.Operator = Denial{}
	c.hold(now)
	return &c, nil
}

// hold: what would have started by itself while access was denied starts now at the
// earliest.
func (l *License) hold(now time.Time) {
	if l.StartedAt.IsZero() {
		l.HeldUntil = now
	}
}
