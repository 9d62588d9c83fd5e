package store

import (
	"context"
	"fmt"

	"tallygate/licensing"
)

// applyTransfer carries out the distributor's transfer order.
func (s *Store) applyTransfer(ctx context.Context, ch licensing.Change, text, location string) (a licensing.Activation, err error) {
	o, err := licensing.VerifyOrder(text, *s.issuers.Load())
	if err != nil {
		return a, err
	}
	if _, err := s.flushSessions(); err != nil { // who is cut off is read from their rows
		return a, unavailable(err)
	}
	a.Kind, a.License, a.DryRun = o.Kind, o.License, ch.DryRun
	err = s.change(ctx, ch, func(t *tx) error {
		l, done, err := t.transfer(o, text, location)
		if err != nil {
			return err
		}
		a.Summary = done
		t.report = func(next *state) error { return t.reportActivation(&a, next, []*licensing.License{l}) }
		return t.log("license.transfer", l.Number, o.Transfer)
	})
	return a, err
}

// transfer does what the order says, and tells it in sentences. Where the license is,
// it goes to the other partner, leaves for the other gateway, or both; on the gateway
// that it goes to, which does not know it or has let it go before, it is taken up from
// the order.
func (t *tx) transfer(o licensing.Order, text, location string) (*licensing.License, []string, error) {
	own := t.w.s.keys.public
	known, _ := t.state.license(o.License) // an error: it is not known
	if known == nil || known.Released(t.now) && o.Transfer.ToGateway == own {
		return t.takeUp(o, known, text, location)
	}
	l, err := known.Apply(o, licensing.OrderTarget{Gateway: own, Now: t.now})
	if err != nil {
		return nil, nil, err
	}
	kept := keptOrder{string(o.Kind), o.License, o.Sequence, text}
	if err := t.keepOrder(o.ID, kept); err != nil {
		return nil, nil, err
	}
	changes, err := t.changePartner(o, known)
	if err != nil {
		return nil, nil, err
	}
	if l.Released(t.now) {
		changes = append(changes, fmt.Sprintf("License %s leaves this gateway for gateway %s: nobody is served under it here any more.", l.Number, l.ReleasedTo))
		if err := t.leave(known, l, move{hop: l.Hop, to: l.ReleasedTo, text: text}); err != nil {
			return nil, nil, err
		}
	} else if err := t.saveLicense(l); err != nil {
		return nil, nil, err
	}
	return l, changes, nil
}

// changePartner notes, in the history of the license's partners, what the order says.
func (t *tx) changePartner(o licensing.Order, l *licensing.License) ([]string, error) {
	to := o.Transfer.ToPartner
	if to == "" {
		return nil, nil
	}
	if err := t.supersedeTransfer(l); err != nil {
		return nil, err
	}
	r := licensing.TransferRequest{
		ID: o.ID, License: l.Number, From: l.Holder(), To: to, State: licensing.TransferOrdered,
		RequestedAt: t.now, ExpiresAt: t.now, DecidedAt: t.now,
	}
	change := fmt.Sprintf("License %s goes from partner %s to partner %s.", l.Number, orNone(l.Holder()), to)
	if _, err := t.state.partner(to); err != nil {
		change += " This gateway does not know that partner yet: `tallygate partner add` adds it."
	}
	return []string{change}, t.addTransfer(l, r, "transfer.order")
}

func orNone(partner string) string {
	if partner == "" {
		return "none"
	}
	return partner
}

// takeUp takes a license from an order alone: its old gateway is dead.
func (t *tx) takeUp(o licensing.Order, known *licensing.License, text, location string) (*licensing.License, []string, error) {
	own := t.w.s.keys.public
	l, err := licensing.TakeUp(o, licensing.Arrival{Gateway: own, Trusted: *t.w.s.issuers.Load(), Now: t.now})
	if err != nil {
		return nil, nil, err
	}
	terms := l.Terms
	// The order moves the key to this gateway, whatever gateway and day stand in it.
	if location == "" {
		location = terms.Location
	}
	free := terms
	free.Gateway, free.ActivateBy = "", licensing.Date{}
	_, target, err := t.target(free, location)
	if err != nil {
		return nil, nil, err
	}
	if err := licensing.CheckActivation(free, target); err != nil {
		return nil, nil, err
	}
	if terms.Trial {
		if err := t.checkTrial(terms); err != nil {
			return nil, nil, err
		}
	}
	f := licensing.ReleaseFacts{License: *l, Grant: o.Transfer.Grant}
	for _, earlier := range o.Transfer.Orders {
		f.Orders = append(f.Orders, licensing.AppliedOrder{Text: earlier, At: t.now})
	}
	if r := o.Transfer.Receipt; r != nil {
		f.Receipts = append(f.Receipts, licensing.CarriedStart{Receipt: *r})
	}
	if known != nil {
		l.Hop = known.Hop + 1
	}
	arrived, err := t.settleIn(l, terms)
	if err != nil {
		return nil, nil, err
	}
	if err := t.carryOrders(terms, f, &o, text); err != nil {
		return nil, nil, err
	}
	if err := t.carryCount(arrived, f); err != nil {
		return nil, nil, err
	}
	if err := t.addMove(arrived.ID, move{hop: l.Hop, to: own, text: text}); err != nil {
		return nil, nil, err
	}
	changes := []string{fmt.Sprintf("License %s was taken up by an order of the distributor, its old gateway being dead.", l.Number)}
	if start, ok := arrived.Starts(); ok {
		changes = append(changes, fmt.Sprintf("Its contract goes on from %s.", start.UTC().Format("2006-01-02 15:04 MST")))
	} else {
		changes = append(changes, "Nothing is known of a start: it counts anew.")
	}
	if target.Location != nil {
		if err := t.assign(arrived, target.Location); err != nil {
			return nil, nil, err
		}
		changes = append(changes, fmt.Sprintf("License %s was assigned to %s (%s).", l.Number, target.Location.Code, target.Location.Name))
	}
	return arrived, changes, nil
}
