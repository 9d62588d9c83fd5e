package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Calendar is what will happen by itself in the next months, of all licenses or of one.
func (s *Store) Calendar(_ context.Context, number string, months int) ([]licensing.CalendarEntry, error) {
	st, now := s.state.Load(), s.Now()
	until := now.AddDate(0, months, 0)
	if number != "" {
		l, err := st.license(number)
		if err != nil {
			return nil, err
		}
		number = l.Number
	}
	var locations []*licensing.Location
	for _, id := range slices.Sorted(maps.Keys(st.locations)) {
		locations = append(locations, st.locations[id])
	}
	all := licensing.Calendar(locations, st.licenses, now, until)
	if number != "" {
		all = slices.DeleteFunc(all, func(e licensing.CalendarEntry) bool { return e.License != number })
	}
	return append([]licensing.CalendarEntry{}, all...), nil
}

// CutOffNow lists whom it would cut off if a license ended now; location names one of
// its Locations, or, without a number, the Location whose governing license is meant.
func (s *Store) CutOffNow(ctx context.Context, number, location string) (p licensing.CutOffPreview, err error) {
	st, now := s.state.Load(), s.Now()
	l, only, err := st.meant(number, location, now)
	if err != nil {
		return p, err
	}
	p = licensing.CutOffPreview{Number: l.Number, At: now, State: l.StateAt(now), Locations: []licensing.CutOffLocation{}}
	guests := map[string]bool{}
	for _, a := range l.Allotments {
		at := st.locations[a.LocationID]
		if only != nil && only != at {
			continue
		}
		part, err := s.cutOffAt(ctx, st, l, at, now)
		if err != nil {
			return p, err
		}
		p.Locations = append(p.Locations, part)
		p.APs, p.Rooms, p.Sessions = p.APs+len(part.APs), p.Rooms+len(part.Rooms), p.Sessions+len(part.Sessions)
		for _, session := range part.Sessions {
			guests[session.MAC] = true
		}
	}
	delete(guests, "")
	p.Guests = len(guests)
	return p, nil
}

func (st *state) meant(number, location string, now time.Time) (l *licensing.License, only *licensing.Location, err error) {
	if location != "" {
		if only, err = st.location(location); err != nil {
			return nil, nil, err
		}
	}
	if number != "" {
		l, err = st.license(number)
		return l, only, err
	}
	if only != nil {
		l = licensing.Governing(only.Licenses, now)
	}
	if l == nil {
		return nil, nil, licensing.Errorf(licensing.CodeNotFound, "no license governs at %s", cmp.Or(location, "no Location")).
			WithHint("`tallygate license list --location %s` shows what is assigned there", location)
	}
	return l, only, nil
}

func (s *Store) cutOffAt(ctx context.Context, st *state, l *licensing.License, at *licensing.Location, now time.Time) (licensing.CutOffLocation, error) {
	next, why, served := l.Without(at, now)
	part := licensing.CutOffLocation{Location: at.Code, Why: why, APs: []string{}, Rooms: []string{}, Sessions: []licensing.CutOffSession{}}
	if next != nil {
		part.Next = next.Number
	}
	if !served {
		return part, nil
	}
	before, _ := l.AllotmentAt(at.ID)
	after := licensing.Allotment{APs: 0, Rooms: 0}
	if next != nil {
		after, _ = next.AllotmentAt(at.ID)
	}
	v := st.venues[at.ID]
	part.APs = losing(v.APs, before.APs, after.APs, now)
	part.Rooms = losing(v.Rooms, before.Rooms, after.Rooms, now)
	guests := map[string]bool{}
	err := s.Sessions(ctx, macwatch.SessionFilter{Location: at.Code, Online: true}, func(i macwatch.SessionInfo) error {
		if next != nil && !holds(v.APs, part.APs, i.AP) && !holds(v.Rooms, part.Rooms, i.Room) {
			return nil
		}
		part.Sessions = append(part.Sessions, licensing.CutOffSession{
			SessionID: i.SessionID, MAC: i.MAC, AP: i.AP, Room: i.Room, UserName: i.UserName, StartedAt: i.StartedAt,
		})
		guests[i.MAC] = true
		return nil
	})
	delete(guests, "")
	part.Guests = len(guests)
	return part, err
}

// losing lists the slots that are within one limit and not within another.
func losing(r *macwatch.Roster, before, after licensing.Limit, now time.Time) []string {
	names := []string{}
	kept := map[int64]bool{}
	for _, slot := range r.Slots(int(after), now) {
		kept[slot.ID] = slot.Admitted
	}
	for _, slot := range r.Slots(int(before), now) {
		if slot.Admitted && !kept[slot.ID] {
			names = append(names, slot.Name)
		}
	}
	return names
}

// holds reports whether a name, or whatever it is an alias of, is among these.
func holds(r *macwatch.Roster, names []string, name string) bool {
	if slot, known := r.Find(name); known {
		name = slot.Name
	}
	return slices.Contains(names, name)
}
