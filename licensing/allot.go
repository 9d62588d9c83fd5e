package licensing

import (
	"slices"
	"strings"
	"time"
)

// Allot is the license with a part of it given to a Location, or the part that it has
// there changed: so many APs and rooms. nil means all that no other Location has; of a
// part that is there already, as much as before. An *Error with CodeRefused when the
// license is not for that Location, with CodeConflict when it holds no more than is
// allotted, or its contract is over.
func (l *License) Allot(at *Location, aps, rooms *Limit, now time.Time) (*License, error) {
	if err := l.Here(now); err != nil {
		return nil, err
	}
	if l.StateAt(now) == ContractFinalized {
		return nil, Errorf(CodeConflict, "the contract of %s is over", l.Number).
			WithHint("ask your distributor for a new key")
	}
	if !sameName(l.Terms.Realm, at.Realm) {
		return nil, Errorf(CodeRefused, "%s is for Organization %q (realm %s), and %s belongs to %q (realm %s)",
			l.Number, l.Terms.Organization, l.Terms.Realm, at.Code, at.Organization, at.Realm).
			WithHint("choose one of its Locations; `tallygate location list` shows them")
	}
	if l.Terms.Location != "" && l.Terms.Location != at.Code {
		return nil, Errorf(CodeRefused, "%s is for Location %s, not %s", l.Number, l.Terms.Location, at.Code).
			WithHint("assign it with --location %s", l.Terms.Location)
	}
	c := l.allottedTo(at, now)
	i := slices.IndexFunc(c.Allotments, func(a Allotment) bool { return a.LocationID == at.ID })
	part, others := &c.Allotments[i], slices.Delete(slices.Clone(c.Allotments), i, i+1)
	before, had := l.AllotmentAt(at.ID)
	for _, kind := range []struct {
		what          string
		total, before Limit
		asked, part   *Limit
		of            func(Allotment) Limit
	}{
		{"APs", l.Terms.APs, before.APs, aps, &part.APs, func(a Allotment) Limit { return a.APs }},
		{"rooms", l.Terms.Rooms, before.Rooms, rooms, &part.Rooms, func(a Allotment) Limit { return a.Rooms }},
	} {
		left := remaining(kind.total, others, kind.of)
		want := left
		switch {
		case kind.asked != nil:
			want = *kind.asked
		case had:
			want = kind.before
		}
		if left != Unlimited && (want == Unlimited || want > left) {
			return nil, Errorf(CodeConflict, "%s has %s %s, and %s of them are left for %s; %s are asked for", l.Number, kind.total, kind.what, left, at.Code, want).
				WithHint("give another Location less first: `tallygate license assign %s --location ID --aps N --rooms N`; `tallygate license show %s` shows the parts", l.Number, l.Number)
		}
		if want == 0 && kind.total != 0 && kind.asked == nil {
			return nil, Errorf(CodeConflict, "all %s %s of %s are allotted to other Locations", kind.total, kind.what, l.Number).
				WithHint("give another Location less first, or say --aps 0 or --rooms 0 if that is meant")
		}
		*kind.part = want
	}
	return c, nil
}

// allottedTo is a copy with a part, of everything, for a Location that has none yet. The
// first Location freezes the license's zone.
func (l *License) allottedTo(at *Location, now time.Time) *License {
	c := *l
	c.Allotments = slices.Clone(l.Allotments)
	if c.ProvisionedAt.IsZero() {
		c.ProvisionedAt, c.Zone = now, l.Terms.Zone
		if c.Zone == "" {
			c.Zone = at.Settings.Timezone
		}
	}
	if _, had := c.AllotmentAt(at.ID); !had {
		c.Allotments = append(c.Allotments, Allotment{LocationID: at.ID, Location: at.Code, At: now, APs: l.Terms.APs, Rooms: l.Terms.Rooms})
	}
	return &c
}

// remaining is what others leave of a limit.
func remaining(total Limit, others []Allotment, of func(Allotment) Limit) Limit {
	if total == Unlimited {
		return Unlimited
	}
	left := total
	for _, a := range others {
		left -= of(a)
	}
	return max(left, 0)
}

// Unallot is the license taken away from one of several Locations: an *Error with
// CodeNotFound when it is not there, with CodeConflict when it is its last one and
// Unassign refuses, or devices have been counted there before the start.
func (l *License) Unallot(location string, countedThere, counted int, now time.Time) (*License, error) {
	if err := l.Here(now); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(l.Allotments, func(a Allotment) bool { return strings.EqualFold(a.Location, location) })
	switch {
	case i < 0:
		return nil, Errorf(CodeNotFound, "%s is not assigned to Location %s", l.Number, location).
			WithHint("`tallygate license show %s` shows where it is", l.Number)
	case len(l.Allotments) == 1:
		return l.Unassign(counted, now)
	case l.StateAt(now) == ContractFinalized:
		return nil, Errorf(CodeConflict, "the contract of %s is over", l.Number).WithHint("nothing needs to be done")
	case l.StateAt(now) != InUse && l.StartedAt.IsZero() && countedThere > 0:
		return nil, Errorf(CodeConflict, "%s cannot be taken from %s: %d devices have been counted there", l.Number, location, countedThere).
			WithHint("`tallygate license explain %s` shows them; once it has started, its parts can be moved", l.Number)
	}
	c := *l
	c.Allotments = slices.Delete(slices.Clone(l.Allotments), i, i+1)
	return &c, nil
}

// Unassign is the license taken back from its Locations, as if its key had not been
// entered there: an *Error with CodeConflict when it is not assigned, has started,
// or devices have been counted.
func (l *License) Unassign(counted int, now time.Time) (*License, error) {
	if err := l.Here(now); err != nil {
		return nil, err
	}
	switch state := l.StateAt(now); {
	case len(l.Allotments) == 0:
		return nil, Errorf(CodeConflict, "%s is not assigned to any Location", l.Number).
			WithHint("`tallygate license assign %s --location ID` assigns it", l.Number)
	case state == ContractFinalized || state == InUse || !l.StartedAt.IsZero() || !l.Proposal.At.IsZero():
		return nil, Errorf(CodeConflict, "%s has started and cannot be taken back: %s", l.Number, state).
			WithHint("ask your distributor for an order that undoes the start")
	case counted > 0:
		return nil, Errorf(CodeConflict, "%s cannot be taken back: %d devices have been counted", l.Number, counted).
			WithHint("`tallygate license explain %s` shows them; ask your distributor for an undo order", l.Number)
	}
	c := *l
	c.ProvisionedAt, c.Zone, c.Allotments, c.HeldUntil = time.Time{}, "", nil, time.Time{}
	return &c, nil
}

// refit keeps the parts within new limits: a license that is wholly at one Location
// stays so; of several, those that came last give up first what is too much.
func (l *License) refit(old Terms) {
	l.Allotments = slices.Clone(l.Allotments)
	if len(l.Allotments) == 1 {
		a := &l.Allotments[0]
		if a.APs == old.APs {
			a.APs = l.Terms.APs
		}
		if a.Rooms == old.Rooms {
			a.Rooms = l.Terms.Rooms
		}
	}
	shrink := func(total Limit, of func(*Allotment) *Limit) {
		if total == Unlimited {
			return
		}
		for i := range l.Allotments {
			part := of(&l.Allotments[i])
			if *part == Unlimited || *part > total {
				*part = total
			}
			total -= *part
		}
	}
	shrink(l.Terms.APs, func(a *Allotment) *Limit { return &a.APs })
	shrink(l.Terms.Rooms, func(a *Allotment) *Limit { return &a.Rooms })
}
