package store

import (
	"context"
	"fmt"

	"tallygate/licensing"
)

// applyOrder carries out a signed order for a license, with all that follows from it.
func (s *Store) applyOrder(ctx context.Context, ch licensing.Change, text string) (a licensing.Activation, err error) {
	o, err := licensing.VerifyOrder(text, *s.issuers.Load())
	if err != nil {
		return a, err
	}
	if _, err := s.flushSessions(); err != nil { // who is cut off is read from their rows
		return a, unavailable(err)
	}
	a.Kind, a.License, a.DryRun = o.Kind, o.License, ch.DryRun
	err = s.change(ctx, ch, func(t *tx) error {
		old, err := t.state.license(o.License)
		if err != nil {
			return licensing.Errorf(licensing.CodeRefused, "the order is for license %s, which this gateway does not hold", o.License).
				WithHint("enter it on the gateway that holds the license; `tallygate license list` shows those here")
		}
		l, err := t.apply(old, o)
		if err != nil {
			return err
		}
		if err := t.keepOrder(o.ID, keptOrder{string(o.Kind), o.License, o.Sequence, text}); err != nil {
			return err
		}
		a.Summary = []string{fmt.Sprintf("Order %d of license %s was applied: %s.", o.Sequence, o.License, o.Kind)}
		t.report = func(next *state) error { return t.reportActivation(&a, next, []*licensing.License{l}) }
		return t.log("license.order", o.License, map[string]any{"id": o.ID, "kind": o.Kind, "sequence": o.Sequence, "issuer": o.Issuer})
	})
	return a, err
}

// apply makes the license what the order makes of it, and the rest of the store fit it.
func (t *tx) apply(old *licensing.License, o licensing.Order) (*licensing.License, error) {
	target := licensing.OrderTarget{Gateway: t.w.s.keys.public, Now: t.now}
	receipt, err := readReceipt(t.ctx, t.conn, old.ID)
	if err != nil {
		return nil, err
	}
	if receipt != nil {
		if target.Receipt, err = receipt.Hash(); err != nil {
			return nil, faultf("%w", err)
		}
	}
	l, err := old.Apply(o, target)
	if err != nil {
		return nil, err
	}
	if err := t.saveLicense(l); err != nil {
		return nil, err
	}
	if err := t.saveAllotments(l); err != nil {
		return nil, err
	}
	return l, t.follow(l, o)
}

// follow does what an order means for the rest of the store, and for people who want
// to be told.
func (t *tx) follow(l *licensing.License, o licensing.Order) error {
	event := licensing.Event{At: t.now, License: l.Number, Data: map[string]any{"order": o.ID, "sequence": o.Sequence}}
	switch o.Kind {
	case licensing.OrderUndoStart:
		if err := t.voidReceipt(l, "undone"); err != nil {
			return err
		}
		return t.recount(l)
	case licensing.OrderDeny:
		for _, a := range l.Allotments {
			if err := t.endLab(t.state.locations[a.LocationID]); err != nil {
				return err
			}
		}
		event.Kind = licensing.EventDeny
		event.Data["reason"], event.Data["by"] = o.Deny.Reason, "distributor"
	case licensing.OrderRestore:
		event.Kind = licensing.EventRestore
		event.Data["by"] = "distributor"
	case licensing.OrderUpgrade:
		event.Kind = licensing.EventUpgrade
		event.Data["aps"], event.Data["rooms"], event.Data["modules"] = l.Terms.APs, l.Terms.Rooms, l.Terms.Modules
	case licensing.OrderRenewal:
		event.Kind = licensing.EventRenew
		if day, ok := l.LastDay(); ok {
			event.Data["last_day"] = day
		}
	case licensing.OrderGrant, licensing.OrderConfirmation, licensing.OrderTransfer, licensing.OrderClockReset:
		return nil
	}
	return t.emit(event)
}

// voidReceipt marks the start receipt as that of a start which was taken back.
func (t *tx) voidReceipt(l *licensing.License, why string) error {
	_, err := t.exec(nil, `UPDATE receipts SET void = ? WHERE license_id = ? AND void = ''`, why, l.ID)
	return err
}
