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
		for _, c := range alterations(before, &v.License) {
			all = append(all, HistoryEntry{v.At, v.By, c.kind, c.text, state, orderAt(remarks, v.At)})
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

func orderAt(remarks []Remark, at time.Time) string {
	for _, r := range remarks {
		if r.Order != "" && r.At.Equal(at) {
			return r.Order
		}
	}
	return ""
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
