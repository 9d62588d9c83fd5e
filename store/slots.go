package store

import (
	"context"
	"database/sql"
	"net/netip"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Slots is ListSlots with the usual time until a slot is silent.
func (s *Store) Slots(ctx context.Context, location string, kind macwatch.Kind) ([]macwatch.Slot, error) {
	return s.ListSlots(ctx, location, kind, macwatch.DefaultSilentAfter)
}

// ListSlots lists a Location's APs or rooms, in order of their claims. One that holds a
// slot and has not been seen for silentAfter is silent.
func (s *Store) ListSlots(ctx context.Context, location string, kind macwatch.Kind, silentAfter time.Duration) ([]macwatch.Slot, error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return nil, err
	}
	guests, err := s.guestsNow(ctx, l.ID, kind)
	if err != nil {
		return nil, err
	}
	st, now := s.state.Load(), s.Now()
	roster := rosterOf(st.venues[l.ID], kind)
	slots := append([]macwatch.Slot{}, roster.List(slotLimit(&l, kind, now), now, silentAfter)...)
	for i := range slots {
		slots[i].GuestsNow = new(int)
	}
	for name, n := range guests {
		if at := roster.Index(name); at >= 0 {
			*slots[at].GuestsNow += n
		}
	}
	return slots, nil
}

// guestsNow counts the open sessions, by the name of their AP or room.
func (s *Store) guestsNow(ctx context.Context, location int64, kind macwatch.Kind) (map[string]int, error) {
	unfolded, err := s.flushSessions()
	if err != nil {
		return nil, unavailable(err)
	}
	column := "ap"
	if kind == macwatch.KindRoom {
		column = "room"
	}
	guests := map[string]int{}
	_, err = rows(ctx, s.readers, func(r *sql.Rows) (none struct{}, err error) {
		var name string
		var n int
		err = r.Scan(&name, &n)
		guests[name] = n
		return none, err
	}, `SELECT `+column+`, count(*) FROM sessions WHERE ended_at IS NULL AND location_id = ? GROUP BY 1`, location)
	for _, session := range unfolded { // of a store that cannot be written now
		if session.ID != 0 || session.Location != location || !session.EndedAt.IsZero() {
			continue
		}
		if kind == macwatch.KindRoom {
			guests[session.Room]++
		} else {
			guests[session.AP]++
		}
	}
	return guests, err
}

// slotLimit is the Location's limit under the license that governs; without one
// nothing limits what is listed.
func slotLimit(l *licensing.Location, kind macwatch.Kind, now time.Time) int {
	g := licensing.Governing(l.Licenses, now)
	if g == nil {
		return int(licensing.Unlimited)
	}
	a, _ := g.AllotmentAt(l.ID)
	if kind == macwatch.KindAP {
		return int(a.APs)
	}
	return int(a.Rooms)
}

// slotChange is what the changes of slots have at hand.
type slotChange struct {
	*tx
	location *licensing.Location
	kind     macwatch.Kind
	roster   *macwatch.Roster
}

func (s *Store) changeSlots(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, f func(*slotChange) (macwatch.Slot, error)) (slot macwatch.Slot, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		c := &slotChange{t, l, kind, rosterOf(t.state.venues[l.ID], kind)}
		slot, err = f(c)
		if err != nil {
			return err
		}
		// Shown as it stands after the change.
		after, err := loadState(t.ctx, t.conn, t.now, t.w.s.veils)
		if err != nil {
			return err
		}
		after.follow(t.state)
		for _, s := range rosterOf(after.venues[l.ID], kind).Slots(slotLimit(l, kind, t.now), t.now) {
			if s.ID == slot.ID {
				slot = s
			}
		}
		return nil
	})
	return slot, err
}

// DeclareSlot claims a slot for an AP or room in advance, with its aliases.
func (s *Store) DeclareSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string, aliases []string) (macwatch.Slot, error) {
	return s.changeSlots(ctx, ch, location, kind, func(c *slotChange) (macwatch.Slot, error) {
		slot, err := c.newSlot(name)
		if err != nil {
			return slot, err
		}
		if err := c.declare(&slot); err != nil {
			return slot, err
		}
		for _, a := range aliases {
			if err := c.addAlias(&slot, macwatch.SlotName(kind, a)); err != nil {
				return slot, err
			}
		}
		return slot, c.log(string(kind)+".declare", c.location.Code, map[string]any{"id": slot.Name, "aliases": aliases})
	})
}

// declare gives the slot to what an operator has named.
func (c *slotChange) declare(slot *macwatch.Slot) error {
	if !slot.Holds(c.now) {
		if c.roster.Stand(slot.Name, slotLimit(c.location, c.kind, c.now), c.now) == macwatch.StandingFull {
			return c.full()
		}
		slot.ClaimedAt = c.now
	}
	slot.Declared, slot.ReleasedAt, slot.Apart = true, time.Time{}, false
	if err := c.put(slot); err != nil {
		return err
	}
	return c.appeared(slot)
}

// MergeSlots makes one of two: from becomes an alias of into, with all its aliases,
// and its slot is free at once, since it never was another one.
func (s *Store) MergeSlots(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, into, from string) (macwatch.Slot, error) {
	return s.changeSlots(ctx, ch, location, kind, func(c *slotChange) (macwatch.Slot, error) {
		keep, err := c.find(into)
		if err != nil {
			return keep, err
		}
		gone, err := c.find(from)
		if err != nil {
			return keep, err
		}
		if keep.ID == gone.ID {
			return keep, licensing.Errorf(licensing.CodeConflict, "%s and %s are the same %s already", into, from, c.noun()).
				WithHint("nothing needs to be done")
		}
		keep.Declared = keep.Declared || gone.Declared
		if gone.Holds(c.now) {
			// Two claims become one: the earlier, and released only if both were.
			if !keep.Holds(c.now) {
				keep.ClaimedAt, keep.ReleasedAt = gone.ClaimedAt, gone.ReleasedAt
			}
			if gone.ClaimedAt.Before(keep.ClaimedAt) {
				keep.ClaimedAt = gone.ClaimedAt
			}
			if gone.ReleasedAt.IsZero() {
				keep.ReleasedAt = time.Time{}
			}
		}
		if err := c.takeIn(&keep, gone); err != nil {
			return keep, err
		}
		return keep, c.log(string(kind)+".merge", c.location.Code, map[string]string{"into": keep.Name, "from": gone.Name})
	})
}

// ReplaceSlot puts new hardware in the place of old: the same slot, the same claim,
// another identity. The old one's identity and aliases are forgotten.
func (s *Store) ReplaceSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, old, replacement string) (macwatch.Slot, error) {
	return s.changeSlots(ctx, ch, location, kind, func(c *slotChange) (macwatch.Slot, error) {
		slot, err := c.find(old)
		if err != nil {
			return slot, err
		}
		name := macwatch.SlotName(kind, replacement)
		if name == "" {
			return slot, c.nameless()
		}
		other, known := c.roster.Find(name)
		if known = known && other.ID != slot.ID; known && other.Holds(c.now) {
			return slot, licensing.Errorf(licensing.CodeConflict, "%s holds a slot of its own", name).
				WithHint("release it first, or merge the two with `tallygate %s merge`", kind)
		}
		if _, err := c.exec(nil, `DELETE FROM slot_aliases WHERE slot_id = ?`, slot.ID); err != nil {
			return slot, err
		}
		before := slot.Name
		slot.Name, slot.Vendor, slot.NASAddress, slot.Aliases, slot.Learned = name, "", netip.Addr{}, nil, nil
		if known { // the new hardware was on the air already: all that is known of it stays
			slot.Name, slot.Vendor, slot.NASAddress = other.Name, other.Vendor, other.NASAddress
			if err := absorb(c.ctx, c.conn, &slot, other); err != nil {
				return slot, err
			}
		}
		if _, err := c.exec(nil, `UPDATE slots SET name = ? WHERE id = ?`, slot.Name, slot.ID); err != nil {
			return slot, err
		}
		if err := c.save(&slot); err != nil {
			return slot, err
		}
		c.roster = c.roster.Without(other.ID).With(slot)
		if err := c.appeared(&slot); err != nil {
			return slot, err
		}
		return slot, c.log(string(kind)+".replace", c.location.Code, map[string]string{"old": before, "new": slot.Name})
	})
}

// ReleaseSlot gives a slot back; it is free after macwatch.ReleaseDelay.
func (s *Store) ReleaseSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string) (macwatch.Slot, error) {
	return s.changeSlots(ctx, ch, location, kind, func(c *slotChange) (macwatch.Slot, error) {
		slot, err := c.find(name)
		if err != nil {
			return slot, err
		}
		if !slot.Holds(c.now) || !slot.ReleasedAt.IsZero() {
			return slot, licensing.Errorf(licensing.CodeConflict, "%s holds no slot that could be released", slot.Name).
				WithHint("`tallygate %s list --location %s` shows which do", kind, c.location.Code)
		}
		slot.ReleasedAt, slot.Declared = c.now, false
		if err := c.save(&slot); err != nil {
			return slot, err
		}
		return slot, c.log(string(kind)+".release", c.location.Code, map[string]string{"id": slot.Name})
	})
}

// newSlot finds the slot by its identity, or makes one that is not stored yet.
func (c *slotChange) newSlot(name string) (macwatch.Slot, error) {
	plain := macwatch.SlotName(c.kind, name)
	if plain == "" {
		return macwatch.Slot{}, c.nameless()
	}
	if slot, known := c.roster.Find(plain); known {
		return slot, nil
	}
	return macwatch.Slot{Name: plain, FirstSeen: c.now}, nil
}

func (c *slotChange) find(name string) (macwatch.Slot, error) {
	slot, known := c.roster.Find(macwatch.SlotName(c.kind, name))
	if !known {
		return slot, licensing.Errorf(licensing.CodeNotFound, "there is no %s %q at %s", c.noun(), name, c.location.Code).
			WithHint("`tallygate %s list --location %s` shows them", c.kind, c.location.Code)
	}
	return slot, nil
}

func (c *slotChange) full() error {
	return licensing.Errorf(licensing.CodeConflict, "all %d licensed %ss of %s are in use", slotLimit(c.location, c.kind, c.now), c.noun(), c.location.Code).
		WithHint("release one with `tallygate %s release`, or ask your distributor for an upgrade", c.kind)
}

func (c *slotChange) nameless() error {
	return licensing.Errorf(licensing.CodeInvalid, "the %s needs a name", c.noun()).
		WithHint("an AP's address in any notation, or its name; a room's number or name")
}

func (c *slotChange) noun() string {
	if c.kind == macwatch.KindAP {
		return "AP"
	}
	return strings.ToLower(string(c.kind))
}
