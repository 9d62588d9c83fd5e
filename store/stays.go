package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Bounds of stays.
const (
	maxStays     = 20_000 // in one list
	maxStayDays  = 400
	stayInterval = time.Hour // how often those to be erased are looked for
)

const stayColumns = `location_id, id, room, surname, arrival, departure`

// stayClock is what the days of a Location's stays are in instants.
type stayClock struct {
	zone     *time.Location
	checkOut time.Duration
}

func stayClockOf(l *licensing.Location) (c stayClock, err error) {
	if c.zone, err = licensing.LoadZone(l.Settings.Timezone); err != nil {
		return c, err
	}
	c.checkOut, err = l.Settings.Stays.Hour()
	return c, err
}

// set works out when a stay lets in.
func (c stayClock) set(s *macwatch.GuestStay) error {
	arrival, err := licensing.ParseDate(s.Arrival)
	if err != nil {
		return err
	}
	departure, err := licensing.ParseDate(s.Departure)
	if err != nil {
		return err
	}
	s.From, s.Until = arrival.Start(c.zone).UTC(), departure.At(c.checkOut, c.zone).UTC()
	s.Folded = macwatch.FoldSurname(s.Surname)
	switch {
	case departure.Before(arrival):
		return licensing.Errorf(licensing.CodeInvalid, "the departure, %s, lies before the arrival, %s", s.Departure, s.Arrival)
	case arrival.AddDays(maxStayDays).Before(departure):
		return licensing.Errorf(licensing.CodeInvalid, "a stay from %s to %s is longer than %d days", s.Arrival, s.Departure, maxStayDays)
	}
	return nil
}

func scanStay(r *sql.Rows) (location int64, s macwatch.GuestStay, err error) {
	return location, s, r.Scan(&location, &s.ID, &s.Room, &s.Surname, &s.Arrival, &s.Departure)
}

// loadStays reads those that may still let somebody in.
func (st *state) loadStays(ctx context.Context, q querier, now time.Time) error {
	clocks := map[int64]stayClock{}
	_, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		location, s, err := scanStay(r)
		l := st.locations[location]
		if err != nil || l == nil {
			return none, err
		}
		c, known := clocks[location]
		if !known {
			if c, err = stayClockOf(l); err != nil {
				return none, err
			}
			clocks[location] = c
		}
		if err := c.set(&s); err != nil {
			return none, err
		}
		v := st.venues[location]
		if v.Stays == nil {
			v.Stays = map[string][]macwatch.GuestStay{}
		}
		v.Stays[s.Room] = append(v.Stays[s.Room], s)
		return none, nil
	}, `SELECT `+stayColumns+` FROM stays WHERE departure >= ? ORDER BY arrival, id`, now.UTC().AddDate(0, 0, -2).Format(time.DateOnly))
	return err
}

// ImportStays makes stays as a list says: all of it or nothing. What stands there
// already, under the same id, is changed; the same list twice changes nothing.
func (s *Store) ImportStays(ctx context.Context, ch licensing.Change, location string, list macwatch.StayImport) (report macwatch.StayReport, err error) {
	if len(list.Stays) > maxStays {
		return report, licensing.Errorf(licensing.CodeInvalid, "a list has up to %d stays, not %d", maxStays, len(list.Stays)).WithHint("import those of the coming weeks only")
	}
	err = s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		c, err := stayClockOf(l)
		if err != nil {
			return err
		}
		known, err := t.stays(l.ID)
		if err != nil {
			return err
		}
		report = macwatch.StayReport{}
		named := map[string]bool{}
		for i := range list.Stays {
			stay := list.Stays[i]
			if err := checkStay(&stay, c); err != nil {
				return stayError(i, err)
			}
			if named[stay.ID] {
				return stayError(i, licensing.Errorf(licensing.CodeInvalid, "the id %q stands in the list twice", stay.ID))
			}
			named[stay.ID] = true
			old, exists := known[stay.ID]
			switch {
			case exists && sameStay(old, stay):
				report.Unchanged++
				continue
			case exists:
				report.Changed++
			default:
				report.Added++
			}
			if _, err := t.exec(nil, `INSERT OR REPLACE INTO stays (`+stayColumns+`, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
				l.ID, stay.ID, stay.Room, stay.Surname, stay.Arrival, stay.Departure, micros(t.now)); err != nil {
				return err
			}
		}
		if list.Replace {
			for id := range known {
				if named[id] {
					continue
				}
				if _, err := t.exec(nil, `DELETE FROM stays WHERE location_id = ? AND id = ?`, l.ID, id); err != nil {
					return err
				}
				report.Removed++
			}
		}
		if report.Added+report.Changed+report.Removed == 0 {
			return nil
		}
		if err := t.leaveRooms(l, c, known); err != nil {
			return err
		}
		return t.log("stay.import", l.Code, report) // numbers, and nobody's name
	})
	return report, err
}

func sameStay(a, b macwatch.GuestStay) bool {
	return a.Room == b.Room && a.Surname == b.Surname && a.Arrival == b.Arrival && a.Departure == b.Departure
}

// stayError says in which entry of a list the error is, counted from 1.
func stayError(i int, err error) error {
	return licensing.Errorf(licensing.CodeInvalid, "entry %d: %w", i+1, err).
		WithHint("a stay has a room, a surname, and arrival and departure as YYYY-MM-DD")
}

// checkStay brings a stay into the form in which it is kept. One without an id gets one
// of room, arrival and surname; the name itself must not stand in it.
func checkStay(s *macwatch.GuestStay, c stayClock) error {
	s.Room, s.Surname, s.ID = macwatch.NormalizeRoom(s.Room), strings.TrimSpace(s.Surname), strings.TrimSpace(s.ID)
	if err := c.set(s); err != nil {
		return err
	}
	switch {
	case s.Room == "" || len(s.Room) > 64:
		return licensing.Errorf(licensing.CodeInvalid, "it has no room")
	case s.Folded == "" || len(s.Surname) > 100:
		return licensing.Errorf(licensing.CodeInvalid, "it has no surname")
	case len(s.ID) > 100:
		return licensing.Errorf(licensing.CodeInvalid, "its id has more than 100 octets")
	}
	if s.ID == "" {
		sum := sha256.Sum256([]byte(s.Folded))
		s.ID = fmt.Sprintf("%s:%s:%s", s.Room, s.Arrival, hex.EncodeToString(sum[:4]))
	}
	return nil
}

func (t *tx) stays(location int64) (map[string]macwatch.GuestStay, error) {
	known := map[string]macwatch.GuestStay{}
	_, err := rows(t.ctx, t.conn, func(r *sql.Rows) (none struct{}, err error) {
		_, s, err := scanStay(r)
		known[s.ID] = s
		return none, err
	}, `SELECT `+stayColumns+` FROM stays WHERE location_id = ?`, location)
	return known, err
}

// leaveRooms remembers the rooms from which somebody could log in before, and nobody can now,
// so that whoever is online from there is cut off. Of guests who share a room nobody can tell
// who is who: they stay until the last of them has left.
func (t *tx) leaveRooms(l *licensing.Location, c stayClock, before map[string]macwatch.GuestStay) error {
	after, err := t.stays(l.ID)
	if err != nil {
		return err
	}
	taken, stays := map[string]bool{}, map[string]bool{}
	for id, s := range after {
		if err := c.set(&s); err != nil {
			return err
		}
		if s.At(t.now) {
			taken[s.Room], stays[id] = true, true // in another room, maybe
		}
	}
	for _, s := range before {
		if err := c.set(&s); err != nil {
			return err
		}
		if !s.At(t.now) || taken[s.Room] || stays[s.ID] {
			continue
		}
		if err := t.retire(l.ID, macwatch.RetiredRoom(s.Room), 0); err != nil {
			return err
		}
	}
	return nil
}

// Stays lists a Location's stays, by arrival.
func (s *Store) Stays(ctx context.Context, location string) ([]macwatch.GuestStay, error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return nil, err
	}
	c, err := stayClockOf(&l)
	if err != nil {
		return nil, err
	}
	return rows(ctx, s.readers, func(r *sql.Rows) (macwatch.GuestStay, error) {
		_, stay, err := scanStay(r)
		if err != nil {
			return stay, err
		}
		return stay, c.set(&stay)
	}, `SELECT `+stayColumns+` FROM stays WHERE location_id = ? ORDER BY arrival, room, id`, l.ID)
}

// RemoveStay removes one: it lets in nobody any more, and whoever is online by it must go.
func (s *Store) RemoveStay(ctx context.Context, ch licensing.Change, location, id string) error {
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		c, err := stayClockOf(l)
		if err != nil {
			return err
		}
		known, err := t.stays(l.ID)
		if err != nil {
			return err
		}
		stay, ok := known[id]
		if !ok {
			return licensing.Errorf(licensing.CodeNotFound, "there is no stay %q at %s", id, l.Code).
				WithHint("`tallygate guest stay list --location %s` shows the ids", l.Code)
		}
		if _, err := t.exec(nil, `DELETE FROM stays WHERE location_id = ? AND id = ?`, l.ID, id); err != nil {
			return err
		}
		if err := t.leaveRooms(l, c, known); err != nil {
			return err
		}
		return t.log("stay.remove", l.Code, map[string]string{"room": stay.Room, "arrival": stay.Arrival})
	})
}

// stayOf finds the stay of a guest who is in the house now.
func (s *Store) stayOf(location int64, room, surname string, now time.Time) (macwatch.GuestStay, bool) {
	folded := macwatch.FoldSurname(surname)
	for _, stay := range s.state.Load().venues[location].Stays[macwatch.NormalizeRoom(room)] {
		if stay.At(now) && stay.Folded == folded {
			return stay, true
		}
	}
	return macwatch.GuestStay{}, false
}

// eraseStays erases, about once an hour, the stays whose guests have left long enough ago.
func (w *writer) eraseStays() error {
	up := w.s.uptime()
	if w.failed || w.staysErased != 0 && up-w.staysErased < stayInterval {
		return nil
	}
	w.staysErased = max(up, 1)
	for _, l := range w.state.locations {
		last, err := stayHorizon(l, w.s.Now())
		if err != nil {
			return err
		}
		var due bool
		if err := w.conn.QueryRowContext(context.Background(), `SELECT EXISTS (SELECT 1 FROM stays WHERE location_id = ? AND departure < ?)`, l.ID, last).Scan(&due); err != nil {
			return wrap("read the stays", err)
		}
		if !due {
			continue
		}
		if err := w.changeNow(context.Background(), licensing.Change{By: "tallygate"}, func(t *tx) error {
			n, err := t.exec(nil, `DELETE FROM stays WHERE location_id = ? AND departure < ?`, l.ID, last)
			if err != nil {
				return err
			}
			return t.log("stay.erase", l.Code, map[string]any{"stays": n, "departed_before": last})
		}); err != nil {
			return err
		}
	}
	return nil
}

// stayHorizon is the first day of departure whose guests are still remembered at now.
func stayHorizon(l *licensing.Location, now time.Time) (string, error) {
	zone, err := licensing.LoadZone(l.Settings.Timezone)
	if err != nil {
		return "", err
	}
	days := l.Settings.Stays.KeepDays
	if days == 0 {
		days = licensing.DefaultKeepStays
	}
	return licensing.DateIn(now, zone).AddDays(-days).String(), nil
}
