package licensing

import (
	"strings"
	"time"
)

// Deny is the license with the operator's denial put on it at now: an *Error with
// CodeInvalid without a reason, with CodeConflict when it is denied by the operator
// already or its contract is over.
func (l *License) Deny(reason string, now time.Time) (*License, error) {
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
	switch {
	case l.StateAt(now) == ContractFinalized:
		return nil, Errorf(CodeConflict, "the contract of %s is over; no restoration revives it", l.Number).
			WithHint("ask your distributor for a new key")
	case l.Operator.At.IsZero() && !l.Distributor.At.IsZero():
		return nil, Errorf(CodeRefused, "%s is denied by the distributor: %s", l.Number, l.Distributor.Reason).
			WithHint("ask your distributor for an order that lifts it, and enter that with `tallygate license activate`")
	case l.Operator.At.IsZero():
		return nil, Errorf(CodeConflict, "%s is not denied", l.Number).
			WithHint("`tallygate license show %s` shows its state", l.Number)
	}
	c := *l
	c.Operator = Denial{}
	return &c, nil
}

// Unassign is the license taken back from its Locations, as if its key had not been
// entered there: an *Error with CodeConflict when it is not assigned, has started,
// or devices have been counted.
func (l *License) Unassign(counted int, now time.Time) (*License, error) {
	_, started := l.Starts()
	started = started && l.Terms.Start != StartFixedDate
	switch state := l.StateAt(now); {
	case len(l.Allotments) == 0:
		return nil, Errorf(CodeConflict, "%s is not assigned to any Location", l.Number).
			WithHint("`tallygate license activate` with --location assigns it")
	case state == ContractFinalized || state == InUse || started:
		return nil, Errorf(CodeConflict, "%s has started and cannot be taken back: %s", l.Number, state).
			WithHint("ask your distributor for an order that undoes the start")
	case counted > 0:
		return nil, Errorf(CodeConflict, "%s cannot be taken back: %d devices have been counted", l.Number, counted).
			WithHint("`tallygate license explain %s` shows them; ask your distributor for an undo order", l.Number)
	}
	c := *l
	c.ProvisionedAt, c.Zone, c.Allotments = time.Time{}, "", nil
	return &c, nil
}
