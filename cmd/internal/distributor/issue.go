package distributor

import (
	"time"

	"tallygate/licensing"
)

// Issue is what every signed text needs besides its content.
type Issue struct {
	Now     time.Time
	By      string             // who signs, for the register
	Request *licensing.Request // what was asked for, if anything; kept in the register
	DryRun  bool               // sign, but register nothing

	// Check, unless nil, sees the signed entry before it is registered, and can refuse it.
	Check func(Entry) error
}

func (i Issue) at() time.Time { return i.Now.UTC().Truncate(time.Second) }

func (i Issue) checked(e Entry) (Entry, error) {
	if i.Check == nil {
		return e, nil
	}
	return e, i.Check(e)
}

// Grant signs a license, or a pool of them, and enters it in the register. It draws the
// grant's id and fills in issuer and time. What no gateway would take is CodeInvalid.
func (d *Dir) Grant(t licensing.Terms, i Issue) (Entry, error) {
	t.GrantID, t.Issuer, t.IssuedAt = licensing.NewGrantID(), d.Public(), i.at()
	if t.Quantity < 1 {
		return Entry{}, licensing.Errorf(licensing.CodeInvalid, "a quantity of %d licenses is not possible", t.Quantity).
			WithHint("it is 1 or more")
	}
	if t.Gateway != "" {
		if err := d.checkGateway(t.Gateway); err != nil {
			return Entry{}, err
		}
	}
	text, err := d.key.SignGrant(t)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{IssuedAt: t.IssuedAt, Kind: KindGrant, ID: t.GrantID, By: i.By, Request: i.Request, Terms: &t, Key: text}
	for n := range t.Quantity {
		e.Numbers = append(e.Numbers, licensing.LicenseNumber(t.GrantID, n))
	}
	return d.Register().change(i.DryRun, func([]Entry) (Entry, error) { return i.checked(e) })
}

// Order signs the next order for a license, and enters it in the register. fill sets
// the order's kind, its part and, if it is bound, the gateway, from what the register
// knows of the license; it may refuse. Meanwhile the register is locked: fill must not
// read it again.
func (d *Dir) Order(number string, i Issue, fill func(License, *licensing.Order) error) (Entry, error) {
	r := d.Register()
	return r.change(i.DryRun, func(issued []Entry) (Entry, error) {
		l, err := r.find(issued, number)
		if err != nil {
			return Entry{}, err
		}
		o := licensing.Order{License: l.Number, Sequence: l.NextSequence()}
		if err := fill(l, &o); err != nil {
			return Entry{}, err
		}
		return d.sign(o, i)
	})
}

// ClockReset signs a clock-reset for a gateway, and enters it in the register.
func (d *Dir) ClockReset(gateway string, reset licensing.ClockReset, i Issue) (Entry, error) {
	return d.Register().change(i.DryRun, func([]Entry) (Entry, error) {
		return d.sign(licensing.Order{Kind: licensing.OrderClockReset, Gateway: gateway, ClockReset: &reset}, i)
	})
}

func (d *Dir) sign(o licensing.Order, i Issue) (Entry, error) {
	o.ID, o.Issuer, o.IssuedAt = licensing.NewGrantID(), d.Public(), i.at()
	if o.Gateway != "" {
		if err := d.checkGateway(o.Gateway); err != nil {
			return Entry{}, err
		}
	}
	text, err := d.key.SignOrder(o)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{IssuedAt: o.IssuedAt, Kind: string(o.Kind), ID: o.ID, Sequence: o.Sequence, By: i.By, Order: &o, Key: text}
	if o.License != "" {
		e.Numbers = []string{o.License}
	}
	return i.checked(e)
}

// checkGateway refuses what cannot be a gateway's key. An issuer's key looks the same;
// our own, at least, is known.
func (d *Dir) checkGateway(key string) error {
	if key == d.Public() {
		return licensing.Errorf(licensing.CodeInvalid, "this is the distributor's own public key, not a gateway's: %s", key).
			WithHint("`tallygate gateway id`, on the gateway, prints its key")
	}
	return licensing.CheckGateway(key)
}
