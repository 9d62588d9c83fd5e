package licensing

import (
	"cmp"
	"slices"
	"time"
)

// Version is a license as one change has left it.
type Version struct {
	At      time.Time
	By      string // who made the change
	License License
}

// Remark is what the log says about a license besides its versions: a signed order
// that was applied, or something that left the license as it was.
type Remark struct {
	At    time.Time
	By    string
	Kind  string
	Text  string // a sentence; empty: the changes of the same instant say it
	Order string // id of the signed order
}

// HistoryEntry is one line of `license history`.
type HistoryEntry struct {
	At    time.Time `json:"at"`
	By    string    `json:"by"` // ByItself for what nobody did
	Kind  string    `json:"kind"`
	Text  string    `json:"text"`            // a sentence
	State State     `json:"state"`           // from then on
	Order string    `json:"order,omitempty"` // id of the signed order that did it
}

// ByItself is who did what the calendar did.
const ByItself = "calendar"

// History tells the life of a license up to now, oldest first: what each change has
// altered, and in between what came by itself, such as the end. Versions and remarks
// come in the order of the log.
func History(versions []Version, remarks []Remark, now time.Time) []HistoryEntry {
	var all []HistoryEntry
	var before *License
	for i, v := range versions {
		until := now
		if i+1 < len(versions) {
			until = versions[i+1].At
		}
		state := v.License.StateAt(v.At)
		orders := ordersAt(remarks, v.At)
		came := before == nil || before.Released(v.At) && !v.License.Released(v.At) // its orders came with it, all at once
		for _, c := range alterations(before, &v.License) {
			e := HistoryEntry{At: v.At, By: v.By, Kind: c.kind, Text: c.text, State: state}
			switch {
			case came:
				e.Order, orders = takeOrder(c.by, orders)
			case len(orders) > 0:
				e.Order = orders[0].Order
			}
			all = append(all, e)
		}
		all = append(all, v.License.passages(v.At, until)...)
		before = &v.License
	}
	for _, r := range remarks {
		if r.Text == "" && slices.ContainsFunc(versions, func(v Version) bool { return v.At.Equal(r.At) }) {
			continue // told by what it has altered
		}
		switch {
		case r.Text != "":
		case r.Order != "":
			r.Text = "The signed order " + r.Kind + " was applied and altered nothing."
		default:
			r.Text = "Noted: " + r.Kind + "."
		}
		all = append(all, HistoryEntry{r.At, r.By, r.Kind, r.Text, stateIn(versions, r.At), r.Order})
	}
	slices.SortStableFunc(all, func(a, b HistoryEntry) int { return a.At.Compare(b.At) })
	return all
}

// VersionAt is the license as it was at an instant: as the latest change up to then
// had left it. It is nil before the first.
func VersionAt(versions []Version, at time.Time) *License {
	i, _ := slices.BinarySearchFunc(versions, at, func(v Version, at time.Time) int {
		return cmp.Or(v.At.Compare(at), -1) // behind all that are not later
	})
	if i == 0 {
		return nil
	}
	return &versions[i-1].License
}

func stateIn(versions []Version, at time.Time) State {
	if l := VersionAt(versions, at); l != nil {
		return l.StateAt(at)
	}
	return PendingProvision
}

func ordersAt(remarks []Remark, at time.Time) (orders []Remark) {
	for _, r := range remarks {
		if r.Order != "" && r.At.Equal(at) {
			orders = append(orders, r)
		}
	}
	return orders
}

// takeOrder finds which of the orders that came together has done what only one of its
// kind does, and what is left of them. Each renewal is told by itself, in the sequence of
// their orders; of several others of one kind nothing says which it was.
func takeOrder(kind OrderKind, orders []Remark) (id string, left []Remark) {
	is := func(r Remark) bool { return r.Kind == string(kind) }
	i := slices.IndexFunc(orders, is)
	switch {
	case i < 0:
		return "", orders
	case kind == OrderRenewal:
		return orders[i].Order, slices.Delete(slices.Clone(orders), i, i+1)
	case slices.ContainsFunc(orders[i+1:], is):
		return "", orders
	}
	return orders[i].Order, orders
}

// passages are the changes of state within (from, to) that the calendar alone brings.
func (l *License) passages(from, to time.Time) (all []HistoryEntry) {
	state := l.StateAt(from)
	for _, at := range l.turns() {
		if !at.After(from) || !at.Before(to) {
			continue
		}
		next := l.StateAt(at)
		if next == state {
			continue
		}
		state = next
		all = append(all, HistoryEntry{At: at, By: ByItself, Kind: passageKind(next), Text: l.passage(next, at), State: next})
	}
	return all
}

// turns are the instants at which the state may change by itself, in order.
func (l *License) turns() (all []time.Time) {
	for _, find := range []func() (time.Time, bool){l.Starts, l.StartDue, l.ConfirmationDue, l.until} {
		if at, ok := find(); ok {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

func passageKind(s State) string {
	switch s {
	case InUse:
		return "started"
	case AccessDenied:
		return "denied"
	case ContractFinalized:
		return "ended"
	case PendingProvision, PendingStart:
	}
	return "state"
}

func (l *License) passage(s State, at time.Time) string {
	switch s {
	case InUse:
		return "The contract period began."
	case AccessDenied:
		denial, _ := l.DenialAt(at)
		return "Access denied: " + denial.Reason + "."
	case ContractFinalized:
		return "The contract ended with its last day, " + lastDayBefore(at, l.location()).String() + ": no guest is served under it any more."
	case PendingProvision, PendingStart:
	}
	return s.String() + "."
}
