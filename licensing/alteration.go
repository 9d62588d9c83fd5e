package licensing

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// alteration is one thing that a change did to a license.
type alteration struct {
	kind, text string
	by         OrderKind // of the signed order that does such a thing; empty: none does
}

// alterations lists what has become different from one version to the next; before is
// nil for the first. Whatever else differs is told as well, by its name: nothing that
// somebody did is left out.
func alterations(before, after *License) []alteration {
	if before == nil {
		first := []alteration{{kind: "activated", text: "The key was entered: " + after.Terms.inWords() + "."}}
		return append(first, alterations(&License{Number: after.Number, Terms: after.Terms, ActivatedAt: after.ActivatedAt, Hop: after.Hop}, after)...)
	}
	d := &differ{before, after, nil}
	d.allotments()
	d.start()
	d.denials()
	d.period()
	d.terms()
	d.owner()
	d.rest()
	return d.found
}

type differ struct {
	before, after *License
	found         []alteration
}

func (d *differ) tell(kind, format string, args ...any) {
	d.ordered("", kind, format, args...)
}

// ordered tells what an order of that kind does.
func (d *differ) ordered(by OrderKind, kind, format string, args ...any) {
	d.found = append(d.found, alteration{kind, fmt.Sprintf(format, args...), by})
}

func (d *differ) allotments() {
	for _, a := range d.after.Allotments {
		old, had := d.before.at(a.Location)
		switch {
		case !had:
			d.tell("assigned", "Assigned to %s: %s.", a.Location, limitsInWords(a.APs, a.Rooms))
		case old.APs != a.APs || old.Rooms != a.Rooms:
			d.tell("allotted", "The allotment of %s became %s; it was %s.", a.Location, limitsInWords(a.APs, a.Rooms), limitsInWords(old.APs, old.Rooms))
		}
	}
	for _, a := range d.before.Allotments {
		if _, has := d.after.at(a.Location); !has {
			d.tell("unassigned", "Taken back from %s.", a.Location)
		}
	}
}

// at is the allotment of a Location by its id.
func (l *License) at(location string) (Allotment, bool) {
	i := slices.IndexFunc(l.Allotments, func(a Allotment) bool { return a.Location == location })
	if i < 0 {
		return Allotment{}, false
	}
	return l.Allotments[i], true
}

func (d *differ) start() {
	b, a := d.before, d.after
	switch {
	case b.StartedAt.IsZero() && !a.StartedAt.IsZero():
		d.tell("started", "The contract period began on %s. %s%s", a.local(a.StartedAt), a.StartRule(), lastDayInWords(a))
	case !b.StartedAt.IsZero() && a.StartedAt.IsZero():
		d.ordered(OrderUndoStart, "start-undone", "The start of %s was taken back: only what is sighted from now on counts.", b.local(b.StartedAt))
	case !b.StartedAt.Equal(a.StartedAt):
		d.tell("started", "The start became %s; it was %s.", a.local(a.StartedAt), b.local(b.StartedAt))
	}
	switch due, _ := a.StartDue(); {
	case !a.DeclinedAt.Equal(b.DeclinedAt):
		d.tell("start-declined", "The proposed start was declined: only what is sighted from now on counts.")
	case b.Proposal.At.IsZero() && !a.Proposal.At.IsZero():
		d.tell("start-proposed", "Its devices have made a start, %s. It is proposed, and happens by itself on %s unless it is declined.",
			a.local(a.Proposal.Start), a.local(due))
	}
}

func (d *differ) denials() {
	who := []struct {
		by            string
		before, after Denial
		deny, restore OrderKind
	}{
		{by: "operator", before: d.before.Operator, after: d.after.Operator},
		{"distributor", d.before.Distributor, d.after.Distributor, OrderDeny, OrderRestore},
	}
	for _, w := range who {
		switch {
		case w.before.At.IsZero() && !w.after.At.IsZero():
			pause := ""
			if w.by == "distributor" && !d.after.PausedSince.IsZero() {
				pause = " The contract clock stands still meanwhile."
			}
			d.ordered(w.deny, "denied", "Access denied by the %s: %s.%s", w.by, strings.TrimSuffix(w.after.Reason, "."), pause)
		case !w.before.At.IsZero() && w.after.At.IsZero():
			d.ordered(w.restore, "restored", "The denial by the %s was lifted.", w.by)
		}
	}
}

func (d *differ) period() {
	b, a := d.before, d.after
	switch n := a.PausedDays - b.PausedDays; {
	case n > 0:
		d.tell("paused", "The pause of the contract clock moved the last day by %s.%s", counted(Limit(n), "day"), lastDayInWords(a))
	case n < 0:
		d.tell("paused", "What pauses of the contract clock had added to the term, %s, was taken back.%s", counted(Limit(b.PausedDays-a.PausedDays), "day"), lastDayInWords(a))
	}
	for _, t := range a.Renewals[min(len(b.Renewals), len(a.Renewals)):] {
		d.ordered(OrderRenewal, "renewed", "Renewed by %s.%s", t, lastDayInWords(a))
	}
	if a.ConfirmedUntil != b.ConfirmedUntil {
		d.ordered(OrderConfirmation, "confirmed", "Confirmed by the distributor up to and with %s.", a.ConfirmedUntil)
	}
}

func (d *differ) terms() {
	b, a := d.before.Terms, d.after.Terms
	if b.APs != a.APs {
		d.ordered(OrderUpgrade, "upgraded", "The AP limit became %s; it was %s.", a.APs, b.APs)
	}
	if b.Rooms != a.Rooms {
		d.ordered(OrderUpgrade, "upgraded", "The room limit became %s; it was %s.", a.Rooms, b.Rooms)
	}
	if !slices.Equal(b.Modules, a.Modules) {
		d.ordered(OrderUpgrade, "upgraded", "The modules became %s; they were %s.", listInWords(a.Modules), listInWords(b.Modules))
	}
	b.APs, b.Rooms, b.Modules = a.APs, a.Rooms, a.Modules
	if !reflect.DeepEqual(b, a) {
		d.tell("terms", "Other terms of the key changed.")
	}
}

func (d *differ) owner() {
	b, a := d.before, d.after
	if b.Partner != a.Partner {
		d.ordered(OrderTransfer, "transferred", "It belongs to partner %s now.", a.Holder())
	}
	switch {
	case b.ReleasedAt.IsZero() && !a.ReleasedAt.IsZero():
		d.tell("released", "Released to gateway %s: nobody is served under it here any more.", a.ReleasedTo)
	case !b.ReleasedAt.IsZero() && a.ReleasedAt.IsZero():
		d.tell("returned", "Come back from gateway %s.", b.ReleasedTo)
	}
}

// rest tells what none of the others has told.
func (d *differ) rest() {
	if len(d.found) == 0 && !reflect.DeepEqual(d.before, d.after) {
		d.tell("noted", "The gateway noted something that changed neither state nor limits.")
	}
}

func (t Terms) inWords() string {
	what := "license"
	if t.Trial {
		what = "trial license"
	}
	text := fmt.Sprintf("a %s of %s for %s, with %s", what, t.Organization, t.Term, limitsInWords(t.APs, t.Rooms))
	if len(t.Modules) > 0 {
		text += ", modules " + listInWords(t.Modules)
	}
	if t.Quantity > 1 {
		text += fmt.Sprintf(", number %d of a pool of %d", t.Index+1, t.Quantity)
	}
	return text
}

func limitsInWords(aps, rooms Limit) string {
	return counted(aps, "AP") + ", " + counted(rooms, "room")
}

func counted(l Limit, noun string) string {
	switch l {
	case Unlimited:
		return noun + "s not limited"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", l, noun)
}

func listInWords(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func lastDayInWords(l *License) string {
	if day, ok := l.LastDay(); ok {
		return fmt.Sprintf(" Its last day is %s.", day)
	}
	return ""
}

// local is an instant as a calendar of the license shows it.
func (l *License) local(t time.Time) string {
	return t.In(l.location()).Format("2006-01-02 15:04:05 MST")
}
