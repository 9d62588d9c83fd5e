package licensing

import (
	"cmp"
	"slices"
	"time"
)

// Transfer is the distributor's word that a license goes to another partner, to
// another gateway, or both. It needs nobody's consent.
//
// To another gateway there are two ways. With Release the order permits one release
// that the old gateway has signed, wherever that was addressed to: everything goes on
// as it stood. Without it the old gateway is taken for dead, and the order itself
// carries what a gateway must know to take the license up.
type Transfer struct {
	ToPartner string `json:"to_partner,omitempty"` // id
	ToGateway string `json:"to_gateway,omitempty"` // gateway key
	Release   string `json:"release,omitempty"`    // Release.Hash of the one it permits

	// For a gateway that does not know the license, without Release.
	Grant      string    `json:"grant,omitempty"`       // the signed grant
	Orders     []string  `json:"orders,omitempty"`      // every order before this one, in sequence
	StartedAt  time.Time `json:"started_at,omitzero"`   // zero: it counts anew
	Zone       string    `json:"time_zone,omitempty"`   // IANA; that of the contract which has started
	PausedDays int       `json:"paused_days,omitempty"` // days by which denials have moved the last day
	Receipt    *Receipt  `json:"receipt,omitempty"`     // the start receipt, where the venue had exported it
}

// check reports, with CodeInvalid, what cannot be right in t.
func (t Transfer) check() error {
	switch {
	case t.ToPartner == "" && t.ToGateway == "":
		return Errorf(CodeInvalid, "the transfer goes to nobody").WithHint("give --to-gateway, --to-partner, or both")
	case t.ToGateway == "" && (t.Release != "" || t.Grant != "" || len(t.Orders) > 0):
		return Errorf(CodeInvalid, "a transfer to a partner carries no license").WithHint("give --to-gateway as well")
	case t.ToGateway == "":
		return checkPartnerID(t.ToPartner)
	case (t.Release == "") == (t.Grant == ""):
		return Errorf(CodeInvalid, "a transfer to a gateway names a release, or carries the grant").
			WithHint("issue it with `tallygate issuer transfer`")
	case t.Release != "" && (t.saysStart() || len(t.Orders) > 0):
		return Errorf(CodeInvalid, "a transfer that permits a release adds nothing to it").
			WithHint("leave out --release where the old gateway is dead")
	case t.PausedDays < 0 || t.StartedAt.IsZero() && t.saysStart():
		return Errorf(CodeInvalid, "a zone, paused days or a receipt mean nothing without a start").
			WithHint("give --started-at as well, or --receipt alone")
	case !t.StartedAt.IsZero() && t.Zone == "":
		return Errorf(CodeInvalid, "a start needs the zone of its contract").WithHint("give --time-zone")
	case t.Receipt != nil && !t.Receipt.StartsAt.Equal(t.StartedAt):
		return Errorf(CodeInvalid, "the transfer starts at %s, its receipt at %s", t.StartedAt, t.Receipt.StartsAt).
			WithHint("give --receipt alone")
	}
	if err := CheckGateway(t.ToGateway); err != nil {
		return err
	}
	if t.Zone != "" {
		if _, err := LoadZone(t.Zone); err != nil {
			return err
		}
	}
	if t.Release != "" {
		if err := checkHash("release", t.Release, 32); err != nil {
			return err
		}
	}
	if t.ToPartner != "" {
		return checkPartnerID(t.ToPartner)
	}
	return nil
}

// saysStart reports whether t says anything that only a start gives a meaning.
func (t Transfer) saysStart() bool { return t.Zone != "" || t.PausedDays != 0 || t.Receipt != nil }

// transferByOrder gives the license to another partner, to another gateway, or both.
// Where it is to go to this gateway, and is here, there is nothing to move.
func (l *License) transferByOrder(t Transfer, target OrderTarget) error {
	if t.ToPartner != "" {
		l.Partner = t.ToPartner
	}
	switch {
	case t.ToGateway == "":
		return nil
	case t.ToGateway != target.Gateway:
		l.Hop++
		l.ReleasedAt, l.ReleasedTo = target.Now, t.ToGateway
		return nil
	case t.ToPartner == "":
		return Errorf(CodeConflict, "%s is on this gateway already", l.Number).
			WithHint("`tallygate license show %s` shows it", l.Number)
	}
	return nil
}

// TakeUp is the license as a gateway takes it up from an order alone, the old gateway
// being dead: what was signed for it, and the start that the order gives. Without a
// start it counts anew. An *Error with CodeRefused when the order is for another
// gateway, or what it carries does not belong together.
func TakeUp(o Order, a Arrival) (*License, error) {
	t := o.Transfer
	switch {
	case t.ToGateway == "":
		return nil, Errorf(CodeRefused, "the order is for license %s, which this gateway does not hold", o.License).
			WithHint("enter it on the gateway that holds the license; `tallygate license list` shows those here")
	case t.ToGateway != a.Gateway || o.Gateway != "" && o.Gateway != a.Gateway:
		return nil, Errorf(CodeRefused, "the order takes %s to another gateway: %s", o.License, t.ToGateway).
			WithHint("enter it there; this gateway does not know the license")
	case t.Grant == "":
		return nil, Errorf(CodeRefused, "the order permits a release of %s, which must be entered with it", o.License).
			WithHint("enter the whole file that `tallygate issuer transfer` wrote, or order and release one after the other in one file")
	}
	terms, err := VerifyGrant(t.Grant, a.Trusted)
	if err != nil {
		return nil, err
	}
	pool := terms.Licenses(a.Now)
	i := slices.IndexFunc(pool, func(l *License) bool { return l.Number == o.License })
	if i < 0 {
		return nil, Errorf(CodeRefused, "the order does not carry the grant of %s", o.License).WithHint("ask the distributor for a new one")
	}
	orders, err := verifyOrders(o.License, t.Orders, a.Trusted)
	if err != nil {
		return nil, err
	}
	if o.Sequence != len(orders)+1 {
		return nil, Errorf(CodeRefused, "order %d of %s carries %d earlier ones", o.Sequence, o.License, len(orders)).
			WithHint("ask the distributor for a new one")
	}
	l := Rebuild(pool[i], orders)
	l.replay(orders)
	l.Sequence, l.Partner, l.Hop = o.Sequence, cmp.Or(t.ToPartner, l.Partner), 1
	if !t.StartedAt.IsZero() {
		l.ProvisionedAt, l.StartedAt, l.StartedBy, l.Zone, l.PausedDays = t.StartedAt, t.StartedAt, l.cause(), t.Zone, t.PausedDays
	}
	return l, nil
}

// replay notes the denial, the confirmation and the partner that orders have left, as
// far as the orders themselves say: their time is that of their issue.
func (l *License) replay(orders []Order) {
	for _, o := range orders {
		switch o.Kind {
		case OrderDeny:
			if l.PausedSince = (time.Time{}); o.Deny.PauseClock {
				l.PausedSince = o.IssuedAt
			}
			l.Distributor = Denial{At: o.IssuedAt, Reason: o.Deny.Reason, Order: o.ID}
		case OrderRestore:
			l.Distributor, l.PausedSince = Denial{}, time.Time{}
		case OrderConfirmation:
			if o.Confirmation.Until.After(l.ConfirmedUntil) {
				l.ConfirmedUntil = o.Confirmation.Until
			}
		case OrderUndoStart:
			l.UndoneAt, l.ConfirmedUntil = o.IssuedAt, Date{}
		case OrderTransfer:
			l.Partner = cmp.Or(o.Transfer.ToPartner, l.Partner)
		case OrderGrant, OrderUpgrade, OrderRenewal, OrderClockReset:
		}
	}
}

// cause is what starts such a license where nothing else is known.
func (l *License) cause() StartCause {
	switch l.Terms.Start {
	case StartOnProvision:
		return StartedByProvision
	case StartFixedDate:
		return StartedByDate
	case StartFifthDevice:
	}
	return StartedByCount
}

// verifyOrders reads the orders of a license, which must be all of them up to some
// point, in their sequence.
func verifyOrders(number string, texts, trusted []string) ([]Order, error) {
	var orders []Order
	for i, text := range texts {
		o, err := VerifyOrder(text, trusted)
		if err != nil {
			return nil, err
		}
		if o.License != number || o.Sequence != i+1 {
			return nil, Errorf(CodeRefused, "the orders that come with %s are not all of its own, from 1 up", number).
				WithHint("ask the distributor for a new transfer order")
		}
		orders = append(orders, o)
	}
	return orders, nil
}
