package licensing

import (
	"slices"
	"time"
)

// OrderTarget is what an order for a license is held against.
type OrderTarget struct {
	Gateway string // this gateway's key
	Receipt string // Receipt.Hash of the start receipt in force; "" without one
	Now     time.Time
}

// Apply is the license as an order makes it: an *Error with CodeRefused when the order
// is for another gateway or license or comes too early in its sequence, with
// CodeConflict when it was applied already or the license's state does not allow it.
// Nothing revives a license whose contract is over.
func (l *License) Apply(o Order, target OrderTarget) (*License, error) {
	if err := l.checkOrder(o, target); err != nil {
		return nil, err
	}
	c := *l
	c.Sequence = o.Sequence
	var err error
	switch o.Kind {
	case OrderUpgrade:
		c.upgrade(*o.Upgrade)
	case OrderRenewal:
		err = c.renew(o.Renewal.Term)
	case OrderUndoStart:
		err = c.undoStart(*o.UndoStart, target)
	case OrderDeny:
		c.denyByOrder(o, target.Now)
	case OrderRestore:
		err = c.restoreByOrder(*o.Restore, target.Now)
	case OrderConfirmation:
		if o.Confirmation.Until.After(c.ConfirmedUntil) {
			c.ConfirmedUntil = o.Confirmation.Until
		}
	case OrderTransfer:
		err = c.transferByOrder(*o.Transfer, target)
	case OrderGrant, OrderClockReset:
		err = Errorf(CodeInvalid, "an order of the kind %s does not change license %s", o.Kind, l.Number).
			WithHint("ask your distributor what it is for")
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// checkOrder says whether the order is for this license, here, and the next one.
func (l *License) checkOrder(o Order, target OrderTarget) error {
	if err := l.Here(target.Now); err != nil {
		return err
	}
	switch {
	case l.Released(target.Now):
		return l.gone()
	case o.License != l.Number:
		return Errorf(CodeRefused, "the order is for license %s, not %s", o.License, l.Number).
			WithHint("`tallygate license list` shows the numbers")
	case o.Gateway != "" && o.Gateway != target.Gateway:
		return Errorf(CodeRefused, "the order is for another gateway: %s", o.Gateway).
			WithHint("enter it there, or send your distributor this gateway's key: %s", target.Gateway)
	case o.Sequence <= l.Sequence:
		return Errorf(CodeConflict, "%s has had its order %d already; the next one is %d", l.Number, o.Sequence, l.Sequence+1).
			WithHint("an order works once; if this one never came here, ask your distributor to issue it as number %d", l.Sequence+1)
	case o.Sequence != l.Sequence+1:
		return Errorf(CodeRefused, "order %d of %s is out of sequence: the next one is %d", o.Sequence, l.Number, l.Sequence+1).
			WithHint("enter order %d first; ask your distributor for it", l.Sequence+1)
	case l.StateAt(target.Now) == ContractFinalized && o.Kind == OrderRenewal:
		return Errorf(CodeConflict, "the contract of %s is over, too late for this renewal", l.Number).
			WithHint("a late renewal is a new license: ask your distributor for a key that renews %s", l.Number)
	case l.StateAt(target.Now) == ContractFinalized:
		return Errorf(CodeConflict, "the contract of %s is over; no order revives it", l.Number).
			WithHint("ask your distributor for a new key")
	}
	return nil
}

func (l *License) upgrade(u Upgrade) {
	old := l.Terms
	if u.APs != nil {
		l.Terms.APs = *u.APs
	}
	if u.Rooms != nil {
		l.Terms.Rooms = *u.Rooms
	}
	l.Terms.Modules = slices.DeleteFunc(slices.Clone(l.Terms.Modules), func(m string) bool { return slices.Contains(u.RemoveModules, m) })
	for _, m := range u.AddModules {
		if !slices.Contains(l.Terms.Modules, m) {
			l.Terms.Modules = append(l.Terms.Modules, m)
		}
	}
	l.refit(old)
}

func (l *License) renew(t Term) error {
	if l.Terms.Trial {
		return Errorf(CodeRefused, "%s is a trial, which is not renewed", l.Number).
			WithHint("ask your distributor for a license; it takes over when the trial ends")
	}
	before, known := l.LastDay()
	l.Renewals = append(slices.Clone(l.Renewals), t)
	if after, _ := l.LastDay(); known && !after.After(before) {
		return Errorf(CodeRefused, "the key of %s says that it never runs past %s, so that this renewal adds nothing", l.Number, l.Terms.LatestEnd).
			WithHint("ask your distributor for a new key")
	}
	return nil
}

// undoStart takes back a start, once. From then on devices decide, whatever began it
// the first time.
func (l *License) undoStart(u UndoStart, target OrderTarget) error {
	switch {
	case l.StartedAt.IsZero() || target.Receipt == "":
		return Errorf(CodeConflict, "%s has not started: there is nothing to undo", l.Number).
			WithHint("`tallygate license show %s` shows its state", l.Number)
	case l.Terms.Start == StartFixedDate:
		return Errorf(CodeRefused, "%s started on the date in its key, which is no accident", l.Number).
			WithHint("ask your distributor for a new key")
	case !l.UndoneAt.IsZero():
		return Errorf(CodeRefused, "a start of %s was undone already, on %s", l.Number, l.UndoneAt.Format(time.RFC3339)).
			WithHint("a start can be undone once")
	case u.Receipt != target.Receipt:
		return Errorf(CodeRefused, "the order undoes another start of %s: its receipt is %s, the one here %s", l.Number, u.Receipt, target.Receipt).
			WithHint("send your distributor the start receipt of this gateway: `tallygate license explain %s`", l.Number)
	}
	l.StartedAt, l.StartedBy, l.Proposal = time.Time{}, "", Proposal{}
	l.UndoneAt, l.PausedDays, l.ConfirmedUntil = target.Now, 0, Date{}
	if !l.PausedSince.IsZero() {
		l.PausedSince = target.Now
	}
	return nil
}

// denyByOrder puts the distributor's denial on the license. A later one takes the place
// of the one before; a pause that runs already goes on if it says so, too.
func (l *License) denyByOrder(o Order, now time.Time) {
	if !o.Deny.PauseClock {
		l.resume(now)
	} else if l.PausedSince.IsZero() {
		l.PausedSince = now
	}
	l.Distributor = Denial{At: now, Reason: o.Deny.Reason, Order: o.ID}
}

func (l *License) restoreByOrder(r RestoreOrder, now time.Time) error {
	switch {
	case l.Distributor.At.IsZero():
		return Errorf(CodeConflict, "%s is not denied by the distributor", l.Number).
			WithHint("`tallygate license show %s` shows its state", l.Number)
	case l.Distributor.Order != r.Denial:
		return Errorf(CodeRefused, "the order lifts another denial, %s; the one in force is %s", r.Denial, l.Distributor.Order).
			WithHint("ask your distributor for an order that names the denial in force")
	}
	l.resume(now)
	l.Distributor = Denial{}
	l.hold(now)
	return nil
}

// resume ends a pause of the contract clock. The paused time counts in days of the
// license's zone, the last one whole.
func (l *License) resume(now time.Time) {
	if l.PausedSince.IsZero() {
		return
	}
	if _, started := l.Starts(); started && happened(l.startOrZero(), l.PausedSince) {
		l.PausedDays += localDays(l.PausedSince, now, l.location())
	}
	l.PausedSince = time.Time{}
}

func (l *License) startOrZero() time.Time {
	start, _ := l.Starts()
	return start
}

// localDays is how many calendar days of a zone it takes from a to reach b, rounded up.
func localDays(a, b time.Time, zone *time.Location) int {
	days := 0
	for a = a.In(zone); a.AddDate(0, 0, days).Before(b); {
		days++
	}
	return days
}

// Rebuild is what the signed texts alone say of a license: the terms of its grant as
// the upgrades among its orders have left them, its renewals, and the sequence of the
// latest order. orders come in their sequence.
func Rebuild(granted *License, orders []Order) *License {
	c := *granted
	for _, o := range orders {
		c.Sequence = o.Sequence
		switch o.Kind {
		case OrderUpgrade:
			c.upgrade(*o.Upgrade)
		case OrderRenewal:
			c.Renewals = append(slices.Clone(c.Renewals), o.Renewal.Term)
		case OrderGrant, OrderUndoStart, OrderDeny, OrderRestore, OrderTransfer, OrderConfirmation, OrderClockReset:
		}
	}
	return &c
}
