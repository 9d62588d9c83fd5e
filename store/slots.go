package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Slots lists a Location's APs or rooms, in order of their claims.
func (s *Store) Slots(_ context.Context, location string, kind macwatch.Kind) ([]macwatch.Slot, error) {
	st, now := s.state.Load(), s.Now()
	l, err := st.location(location)
	if err != nil {
		return nil, err
	}
	return append([]macwatch.Slot{}, rosterOf(st.venues[l.ID], kind).Slots(slotLimit(l, kind, now), now)...), nil
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
		if !slot.Holds(c.now) {
			if c.roster.Stand(slot.Name, slotLimit(c.location, kind, c.now), c.now) == macwatch.StandingFull {
				return slot, c.full()
			}
			slot.ClaimedAt = c.now
		}
		slot.Declared, slot.ReleasedAt = true, time.Time{}
		if err := c.save(&slot); err != nil {
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
		if _, err := c.exec(nil, `UPDATE slot_aliases SET slot_id = ? WHERE slot_id = ?`, keep.ID, gone.ID); err != nil {
			return keep, err
		}
		if _, err := c.exec(nil, `DELETE FROM slots WHERE id = ?`, gone.ID); err != nil {
			return keep, err
		}
		if err := c.save(&keep); err != nil {
			return keep, err
		}
		if err := c.insertAlias(keep, gone.Name); err != nil {
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
		if other, known := c.roster.Find(name); known && other.ID != slot.ID {
			if other.Holds(c.now) {
				return slot, licensing.Errorf(licensing.CodeConflict, "%s holds a slot of its own", name).
					WithHint("release it first, or merge the two with `tallygate %s merge`", kind)
			}
			if _, err := c.exec(nil, `DELETE FROM slots WHERE id = ?`, other.ID); err != nil {
				return slot, err
			}
		}
		if _, err := c.exec(nil, `DELETE FROM slot_aliases WHERE slot_id = ?`, slot.ID); err != nil {
			return slot, err
		}
		if _, err := c.exec(nil, `UPDATE slots SET name = ? WHERE id = ?`, name, slot.ID); err != nil {
			return slot, err
		}
		before := slot.Name
		slot.Name = name
		return slot, c.log(string(kind)+".replace", c.location.Code, map[string]string{"old": before, "new": name})
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

// save writes the slot's row.
func (c *slotChange) save(s *macwatch.Slot) error {
	return saveSlot(c.ctx, c.conn, c.location.ID, c.kind, s)
}

func (c *slotChange) addAlias(slot *macwatch.Slot, alias string) error {
	switch {
	case alias == "":
		return c.nameless()
	case alias == slot.Name || slices.Contains(slot.Aliases, alias):
		return nil
	}
	if other, known := c.roster.Find(alias); known {
		return licensing.Errorf(licensing.CodeConflict, "%s belongs to %s %s already", alias, c.noun(), other.Name).
			WithHint("merge the two with `tallygate %s merge`", c.kind)
	}
	g := licensing.Governing(c.location.Licenses, c.now)
	if g != nil && c.kind == macwatch.KindAP && g.Terms.MaxAliases > 0 && len(slot.Aliases) >= g.Terms.MaxAliases {
		return licensing.Errorf(licensing.CodeRefused, "the license allows %d aliases per AP", g.Terms.MaxAliases).
			WithHint("ask your distributor")
	}
	slot.Aliases = append(slices.Clone(slot.Aliases), alias)
	return c.insertAlias(*slot, alias)
}

func (c *slotChange) insertAlias(slot macwatch.Slot, alias string) error {
	_, err := c.exec(licensing.Errorf(licensing.CodeConflict, "the alias %s is taken already", alias).WithHint("merge the two with `tallygate %s merge`", c.kind),
		`INSERT INTO slot_aliases (location_id, kind, alias, slot_id) VALUES (?, ?, ?, ?)`, c.location.ID, string(c.kind), alias, slot.ID)
	return err
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
