package distributor

import (
	"slices"

	"tallygate/licensing"
)

// License is a license as the register knows it: what was granted, and every order
// since. Whether its gateway has been given them, only the gateway knows.
type License struct {
	Number string
	Grant  Entry
	Orders []Entry // in their sequence
}

// License finds a license in the register, by its number as people write it. What can
// be wrong: CodeInvalid for a mistyped number, CodeNotFound for one of somebody else.
func (r Register) License(number string) (License, error) {
	issued, err := r.Read()
	if err != nil {
		return License{}, err
	}
	return r.find(issued, number)
}

func (r Register) find(issued []Entry, number string) (License, error) {
	exact, err := licensing.ParseNumber(number)
	if err != nil {
		return License{}, err
	}
	l := License{Number: exact}
	for _, e := range issued {
		if !slices.Contains(e.Numbers, exact) {
			continue
		}
		if e.Kind == KindGrant {
			l.Grant = e
		} else {
			l.Orders = append(l.Orders, e)
		}
	}
	if l.Grant.Terms == nil {
		return License{}, licensing.Errorf(licensing.CodeNotFound, "license %s was not issued from %s", exact, r.dir).
			WithHint("`tallygate issuer list --dir %s` shows what was", r.dir)
	}
	return l, nil
}

// NextSequence is the sequence of the license's next order, from 1.
func (l License) NextSequence() int {
	last := 0
	for _, e := range l.Orders {
		last = max(last, e.Sequence)
	}
	return last + 1
}

// Terms is what the license gives, and where, once all its orders are applied. Renewals
// do not change it: they move the last day, which only the gateway knows.
func (l License) Terms() licensing.Terms {
	t := *l.Grant.Terms
	t.Index = slices.Index(l.Grant.Numbers, l.Number)
	t.Modules = slices.Clone(t.Modules)
	for _, e := range l.Orders {
		switch o := e.Order; {
		case o == nil:
		case o.Upgrade != nil:
			upgrade(&t, *o.Upgrade)
		case o.Transfer != nil && o.Transfer.ToGateway != "":
			t.Gateway = o.Transfer.ToGateway
		}
	}
	return t
}

func upgrade(t *licensing.Terms, u licensing.Upgrade) {
	if u.APs != nil {
		t.APs = *u.APs
	}
	if u.Rooms != nil {
		t.Rooms = *u.Rooms
	}
	for _, m := range u.AddModules {
		if !slices.Contains(t.Modules, m) {
			t.Modules = append(t.Modules, m)
		}
	}
	t.Modules = slices.DeleteFunc(t.Modules, func(m string) bool { return slices.Contains(u.RemoveModules, m) })
}

// Last finds the latest order of a kind.
func (l License) Last(kind licensing.OrderKind) (Entry, bool) {
	for _, e := range slices.Backward(l.Orders) {
		if e.Kind == string(kind) {
			return e, true
		}
	}
	return Entry{}, false
}

// Denied finds the denial that no order has lifted yet.
func (l License) Denied() (Entry, bool) {
	deny, denied := l.Last(licensing.OrderDeny)
	restore, restored := l.Last(licensing.OrderRestore)
	return deny, denied && (!restored || restore.Sequence < deny.Sequence)
}
