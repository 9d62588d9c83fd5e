package licensing

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// OrderKind says what a signed text does. It stands in the footer, and each kind is
// signed with an assertion of its own: a text never verifies as another kind.
type OrderKind string

const (
	OrderGrant        OrderKind = "grant" // Terms; not an Order
	OrderUpgrade      OrderKind = "upgrade"
	OrderRenewal      OrderKind = "renewal"
	OrderUndoStart    OrderKind = "undo-start"
	OrderDeny         OrderKind = "deny"
	OrderRestore      OrderKind = "restore"
	OrderTransfer     OrderKind = "transfer"
	OrderConfirmation OrderKind = "confirmation"
	OrderClockReset   OrderKind = "clock-reset"
)

// OrderKinds lists the kinds of Order; a grant is none of them.
func OrderKinds() []OrderKind {
	return []OrderKind{
		OrderUpgrade, OrderRenewal, OrderUndoStart, OrderDeny, OrderRestore,
		OrderTransfer, OrderConfirmation, OrderClockReset,
	}
}

// Order changes a license that a grant has given, or the gateway's clock. Exactly one
// of the parts is set: that of its Kind.
type Order struct {
	Kind     OrderKind `json:"kind"`
	ID       string    `json:"id"`     // 16 random octets, hex
	Issuer   string    `json:"issuer"` // public key, k4.public.…
	IssuedAt time.Time `json:"issued_at"`
	License  string    `json:"license,omitempty"` // number; empty for clock-reset
	// Sequence counts the orders of a license from 1. Exactly the next one is applied, so
	// that a denial cannot be withheld while later orders are used. 0 for clock-reset,
	// which the clock reading that it mends binds instead.
	Sequence int    `json:"sequence,omitempty"`
	Gateway  string `json:"gateway,omitempty"` // gateway key; empty: whichever holds the license

	Upgrade      *Upgrade      `json:"upgrade,omitempty"`
	Renewal      *Renewal      `json:"renewal,omitempty"`
	UndoStart    *UndoStart    `json:"undo_start,omitempty"`
	Deny         *DenyOrder    `json:"deny,omitempty"`
	Restore      *RestoreOrder `json:"restore,omitempty"`
	Transfer     *Transfer     `json:"transfer,omitempty"`
	Confirmation *Confirmation `json:"confirmation,omitempty"`
	ClockReset   *ClockReset   `json:"clock_reset,omitempty"`
}

// Upgrade sets new limits and modules in mid-term. The limits are absolute, and may
// be lower than before.
type Upgrade struct {
	APs, Rooms    *Limit // nil: as it is
	AddModules    []string
	RemoveModules []string
}

// Renewal extends a contract before it is over.
type Renewal struct {
	Term Term `json:"term"`
}

// UndoStart takes back a start that happened by accident; once per license.
type UndoStart struct {
	Receipt string `json:"receipt"` // Receipt.Hash of the start receipt
}

// DenyOrder is the distributor's denial. Only its own RestoreOrder lifts it.
type DenyOrder struct {
	Reason     string `json:"reason"`
	PauseClock bool   `json:"pause_clock,omitempty"` // the time until it is lifted moves the last day
}

// RestoreOrder lifts the distributor's denial.
type RestoreOrder struct {
	Denial string `json:"denial"` // ID of the deny order
}

// Confirmation confirms a license that asks for it (Terms.ConfirmEvery).
type Confirmation struct {
	Until Date `json:"until"` // up to and with this day
}

// ClockReset lowers the latest time that a gateway has seen, after its clock was
// wrong for longer than it could mend by itself.
type ClockReset struct {
	Mark time.Time `json:"mark"` // what the gateway shows
	To   time.Time `json:"to"`   // what it becomes; what passed since the reading is added
}

// Validate reports, with CodeInvalid, what cannot be right in o.
func (o Order) Validate() error {
	if !slices.Contains(OrderKinds(), o.Kind) {
		return Errorf(CodeInvalid, "the order is of no known kind: %.40q", o.Kind).
			WithHint("update this gateway, or ask the distributor")
	}
	if id, err := hex.DecodeString(o.ID); err != nil || len(id) != 16 {
		return Errorf(CodeInvalid, "the order id %.80q is not 16 octets in hexadecimal", o.ID).
			WithHint("the issuer draws a new one for every order")
	}
	if parts := o.parts(); len(parts) != 1 || parts[0] != o.Kind {
		return Errorf(CodeInvalid, "an order of the kind %s holds exactly that part, not %v", o.Kind, parts).
			WithHint("issue it with `tallygate issuer`")
	}
	return cmp.Or(o.checkAim(), o.checkPart())
}

// parts lists the kinds of the parts that are set.
func (o Order) parts() (set []OrderKind) {
	for _, p := range []struct {
		kind OrderKind
		set  bool
	}{
		{OrderUpgrade, o.Upgrade != nil},
		{OrderRenewal, o.Renewal != nil},
		{OrderUndoStart, o.UndoStart != nil},
		{OrderDeny, o.Deny != nil},
		{OrderRestore, o.Restore != nil},
		{OrderTransfer, o.Transfer != nil},
		{OrderConfirmation, o.Confirmation != nil},
		{OrderClockReset, o.ClockReset != nil},
	} {
		if p.set {
			set = append(set, p.kind)
		}
	}
	return set
}

// checkAim checks what the order is for: a license and its place in the sequence, or
// a gateway's clock.
func (o Order) checkAim() error {
	if o.Kind == OrderClockReset {
		if o.License != "" || o.Sequence != 0 || o.Gateway == "" {
			return Errorf(CodeInvalid, "a clock-reset is for one gateway, and for no license").
				WithHint("give --gateway with what `tallygate gateway id` prints there")
		}
		return nil
	}
	number, err := ParseNumber(o.License)
	if err != nil {
		return err
	}
	if number != o.License || o.Sequence < 1 {
		return Errorf(CodeInvalid, "an order needs a license number and a sequence from 1 up; it has %q and %d", o.License, o.Sequence).
			WithHint("`tallygate license show` tells both")
	}
	return nil
}

func (o Order) checkPart() error {
	switch o.Kind {
	case OrderUpgrade:
		return o.Upgrade.check()
	case OrderRenewal:
		return o.Renewal.Term.check()
	case OrderUndoStart:
		return checkHash("start receipt", o.UndoStart.Receipt, 32)
	case OrderDeny:
		if strings.TrimSpace(o.Deny.Reason) == "" {
			return Errorf(CodeInvalid, "a denial needs a reason").WithHint("say why with --reason: the venue is shown it")
		}
	case OrderRestore:
		return checkHash("denial", o.Restore.Denial, 16)
	case OrderConfirmation:
		if d := o.Confirmation.Until; d.IsZero() || dateOf(d.utc()) != d {
			return Errorf(CodeInvalid, "a confirmation needs the day up to which it holds").WithHint("write --until 2026-09-30")
		}
	case OrderClockReset:
		if r := o.ClockReset; r.Mark.IsZero() || r.To.IsZero() || !r.To.Before(r.Mark) {
			return Errorf(CodeInvalid, "a clock-reset lowers the latest time seen: %s is not before %s", r.To, r.Mark).
				WithHint("the venue reads the latest time seen with `tallygate gateway clock`")
		}
	case OrderTransfer:
		return o.Transfer.check()
	case OrderGrant:
	}
	return nil
}

func (u Upgrade) check() error {
	if u.APs == nil && u.Rooms == nil && len(u.AddModules)+len(u.RemoveModules) == 0 {
		return Errorf(CodeInvalid, "the upgrade changes nothing").WithHint("give --aps, --rooms, --add-modules or --remove-modules")
	}
	for _, l := range []*Limit{u.APs, u.Rooms} {
		if l != nil && *l < Unlimited {
			return Errorf(CodeInvalid, "a limit of %d is not possible", *l).WithHint("a limit is a number from 0 up")
		}
	}
	for _, list := range [][]string{u.AddModules, u.RemoveModules} {
		if err := checkModules(list); err != nil {
			return err
		}
	}
	if i := slices.IndexFunc(u.AddModules, func(m string) bool { return slices.Contains(u.RemoveModules, m) }); i >= 0 {
		return Errorf(CodeInvalid, "module %q is to be added and removed", u.AddModules[i]).WithHint("name it once")
	}
	return nil
}

// checkHash checks an identity of so many octets in hexadecimal, lower case.
func checkHash(what, text string, octets int) error {
	if raw, err := hex.DecodeString(text); err != nil || len(raw) != octets || strings.ToLower(text) != text {
		return Errorf(CodeInvalid, "the order names no %s: %.80q is not %d octets in hexadecimal", what, text, octets).
			WithHint("`tallygate license show NUMBER --json` shows it on the gateway")
	}
	return nil
}
