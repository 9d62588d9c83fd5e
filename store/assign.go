package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// AssignLicense gives a Location a part of a license, or changes the part that it has:
// so many APs and rooms; nil is what is left, or what it has.
func (s *Store) AssignLicense(ctx context.Context, ch licensing.Change, number, location string, aps, rooms *licensing.Limit) (licensing.Assignment, error) {
	return s.changeAssignment(ctx, ch, number, func(t *tx, l *licensing.License) error {
		at, err := t.state.location(location)
		if err != nil {
			return err
		}
		if _, had := l.AllotmentAt(at.ID); !had {
			if err := t.checkExceptions(l, at); err != nil {
				return err
			}
		}
		assigned, err := l.Allot(at, aps, rooms, t.now)
		if err != nil {
			return err
		}
		return t.saveAssignment(assigned)
	})
}

// UnassignLicense takes a license back from its Locations, while nothing has been
// counted: its key can then be entered at the right one. With a location it takes away
// only that one's part.
func (s *Store) UnassignLicense(ctx context.Context, ch licensing.Change, number, location string) (licensing.Assignment, error) {
	location = strings.TrimSpace(location)
	return s.changeAssignment(ctx, ch, number, func(t *tx, old *licensing.License) error {
		counts, err := t.counts(old)
		if err != nil {
			return err
		}
		counted, there := 0, 0
		for id, n := range counts {
			counted += n
			if at := t.state.locations[id]; at != nil && strings.EqualFold(at.Code, location) {
				there = n
			}
		}
		l, err := old.Unassign(counted, t.now)
		if location != "" {
			l, err = old.Unallot(location, there, counted, t.now)
		}
		if err != nil {
			return err
		}
		if err := errors.Join(t.saveLicense(l), t.saveAllotments(l)); err != nil {
			return err
		}
		return t.log("license.unassign", l.Number, map[string]any{"from": old.Allotments, "left": l.Allotments})
	})
}

func (s *Store) changeAssignment(ctx context.Context, ch licensing.Change, number string, f func(*tx, *licensing.License) error) (a licensing.Assignment, err error) {
	if _, err := s.flushSessions(); err != nil { // who is cut off is read from their rows
		return a, unavailable(err)
	}
	a.DryRun = ch.DryRun
	err = s.change(ctx, ch, func(t *tx) error {
		old, err := t.state.license(number)
		if err != nil {
			return err
		}
		t.report = func(next *state) error {
			after, err := next.license(old.Number)
			if err != nil {
				return err
			}
			a.Changes = append([]licensing.ChangeLine{}, licensing.Changes(old, after, t.now)...)
			if a.CutOff, err = t.cutOff(next); err != nil {
				return err
			}
			a.Summary, err = next.summarize(t.ctx, t.conn, after, t.now)
			return err
		}
		return f(t, old)
	})
	return a, err
}

// saveAssignment writes where a license is, and what each Location has of it.
func (t *tx) saveAssignment(l *licensing.License) error {
	if err := errors.Join(t.saveLicense(l), t.saveAllotments(l)); err != nil {
		return err
	}
	return t.log("license.assign", l.Number, assignment{l.Allotments, false})
}

// assignment is the detail of a license.assign entry.
type assignment struct {
	Allotments []licensing.Allotment `json:"allotments"`
	Auto       bool                  `json:"auto_renewal,omitempty"`
}

// saveAllotments makes the rows those of l.
func (t *tx) saveAllotments(l *licensing.License) error {
	keep := make([]int64, len(l.Allotments))
	for i, a := range l.Allotments {
		keep[i] = a.LocationID
		if _, err := t.exec(nil, `INSERT INTO allotments (license_id, location_id, at, aps, rooms) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET at = excluded.at, aps = excluded.aps, rooms = excluded.rooms`,
			l.ID, a.LocationID, micros(a.At), int64(a.APs), int64(a.Rooms)); err != nil {
			return err
		}
	}
	text, err := json.Marshal(keep)
	if err != nil {
		return faultf("cannot write the allotments: %w", err)
	}
	_, err = t.exec(nil, `DELETE FROM allotments WHERE license_id = ? AND location_id NOT IN (SELECT value FROM json_each(?))`, l.ID, string(text))
	return err
}

// counts is how many devices count for a license, per Location.
func (t *tx) counts(l *licensing.License) (map[int64]int, error) {
	counts := map[int64]int{}
	_, err := rows(t.ctx, t.conn, func(r *sql.Rows) (none struct{}, err error) {
		var id int64
		var n int
		err = r.Scan(&id, &n)
		counts[id] = n
		return none, err
	}, `SELECT location_id, devices FROM counts WHERE license_id = ?`, l.ID)
	return counts, err
}

// checkExceptions: what was exempt at a Location before the license came must fit its key.
func (t *tx) checkExceptions(l *licensing.License, at *licensing.Location) error {
	if n, most := len(t.state.venues[at.ID].Exempt), l.Terms.ExemptCap(); n > most {
		return licensing.Errorf(licensing.CodeRefused, "%s has %d exempt devices, and the key of %s allows %d", at.Code, n, l.Number, most).
			WithHint("take some off the list with `tallygate device exempt --remove`, or ask your distributor")
	}
	return nil
}

// cutOff is who was served before the change and is not after it.
func (t *tx) cutOff(next *state) (licensing.CutOff, error) {
	cut := licensing.CutOff{APs: []string{}, Rooms: []string{}}
	for _, id := range slices.Sorted(maps.Keys(t.state.locations)) {
		before, after := t.state.served(id, t), next.served(id, t)
		if before == nil {
			continue
		}
		aps := lost(before.aps, after, func(s *served) map[string]bool { return s.aps })
		rooms := lost(before.rooms, after, func(s *served) map[string]bool { return s.rooms })
		cut.APs, cut.Rooms = append(cut.APs, aps...), append(cut.Rooms, rooms...)
		n, err := t.openSessions(id, after == nil, aps, rooms)
		if err != nil {
			return cut, err
		}
		cut.Sessions += n
	}
	return cut, nil
}

// served is which APs and rooms of a Location have their slots.
type served struct{ aps, rooms map[string]bool }

// served is nil where nobody is served.
func (st *state) served(location int64, t *tx) *served {
	at, v := st.locations[location], st.venues[location]
	if at == nil {
		return nil
	}
	g := licensing.Governing(at.Licenses, t.now)
	if g == nil {
		return nil
	}
	if state := g.StateAt(t.now); state != licensing.PendingStart && state != licensing.InUse {
		return nil
	}
	a, _ := g.AllotmentAt(location)
	names := func(slots []macwatch.Slot) map[string]bool {
		admitted := map[string]bool{}
		for _, s := range slots {
			if s.Admitted {
				admitted[s.Name] = true
			}
		}
		return admitted
	}
	return &served{names(v.APs.Slots(int(a.APs), t.now)), names(v.Rooms.Slots(int(a.Rooms), t.now))}
}

// lost lists the names that are not among those served after the change.
func lost(before map[string]bool, after *served, of func(*served) map[string]bool) (names []string) {
	for name := range before {
		if after == nil || !of(after)[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// openSessions counts the sessions at a Location that end with these APs and rooms, or
// all of them.
func (t *tx) openSessions(location int64, all bool, aps, rooms []string) (n int, err error) {
	if !all && len(aps)+len(rooms) == 0 {
		return 0, nil
	}
	lists := make([]any, 2)
	for i, names := range [][]string{aps, rooms} {
		text, err := json.Marshal(append([]string{}, names...))
		if err != nil {
			return 0, faultf("cannot list the sessions: %w", err)
		}
		lists[i] = string(text)
	}
	err = t.conn.QueryRowContext(t.ctx, `SELECT count(*) FROM sessions WHERE ended_at IS NULL AND location_id = ?
		AND (? OR ap IN (SELECT value FROM json_each(?)) OR room IN (SELECT value FROM json_each(?)))`,
		location, all, lists[0], lists[1]).Scan(&n)
	return n, wrap("count the sessions", err)
}
