package store

import (
	"context"
	"slices"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// AddAlias says that a name is another one of a known AP or room. One that was only
// observed until now goes over into it.
func (s *Store) AddAlias(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, alias string) (macwatch.Slot, error) {
	return s.changeSlots(ctx, ch, location, kind, func(c *slotChange) (macwatch.Slot, error) {
		slot, err := c.find(name)
		if err != nil {
			return slot, err
		}
		alias := macwatch.SlotName(kind, alias)
		if err := c.addAlias(&slot, alias); err != nil {
			return slot, err
		}
		return slot, c.log(string(kind)+".alias-add", c.location.Code, map[string]string{"id": slot.Name, "alias": alias})
	})
}

// RemoveAlias takes an alias away. One that the gateway has learned becomes an AP of its
// own, which is not folded again: otherwise the next packet would bring the alias back.
func (s *Store) RemoveAlias(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, alias string) (macwatch.Slot, error) {
	return s.changeSlots(ctx, ch, location, kind, func(c *slotChange) (macwatch.Slot, error) {
		slot, err := c.find(name)
		if err != nil {
			return slot, err
		}
		alias := macwatch.SlotName(kind, alias)
		if !slices.Contains(slot.Aliases, alias) {
			return slot, licensing.Errorf(licensing.CodeNotFound, "%s has no alias %q", slot.Name, alias).
				WithHint("`tallygate %s list --location %s` shows them", kind, c.location.Code)
		}
		return slot, c.dropAlias(&slot, alias)
	})
}

// dropAlias takes an alias away, with its audit entry.
func (c *slotChange) dropAlias(slot *macwatch.Slot, alias string) error {
	if _, err := c.exec(nil, `DELETE FROM slot_aliases WHERE location_id = ? AND kind = ? AND alias = ?`, c.location.ID, string(c.kind), alias); err != nil {
		return err
	}
	before := slot.DeclaredAliases()
	slot.Aliases = without(slot.Aliases, func(a string) bool { return a == alias })
	slot.Learned = without(slot.Learned, func(l macwatch.Learned) bool { return l.Alias == alias })
	c.roster = c.roster.With(*slot)
	if slot.DeclaredAliases() == before { // it was a learned one
		apart := macwatch.Slot{Name: alias, FirstSeen: c.now, Vendor: slot.Vendor, Apart: true}
		if err := c.put(&apart); err != nil {
			return err
		}
	}
	return c.log(string(c.kind)+".alias-remove", c.location.Code, map[string]string{"id": slot.Name, "alias": alias})
}

func without[T any](list []T, gone func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), gone)
}

// ForgetSlot forgets an AP or room that holds no slot.
func (s *Store) ForgetSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string) (macwatch.Slot, error) {
	return s.changeSlots(ctx, ch, location, kind, func(c *slotChange) (macwatch.Slot, error) {
		slot, err := c.find(name)
		if err != nil {
			return slot, err
		}
		if slot.Holds(c.now) {
			return slot, licensing.Errorf(licensing.CodeConflict, "%s holds a slot", slot.Name).
				WithHint("give the slot up with `tallygate %s release`; a day later it can be forgotten", kind)
		}
		if _, err := c.exec(nil, `DELETE FROM slots WHERE id = ?`, slot.ID); err != nil { // its aliases go with it
			return slot, err
		}
		return slot, c.log(string(kind)+".forget", c.location.Code, map[string]string{"id": slot.Name})
	})
}

// NoteSlot says what people call an AP or room; an empty note takes it away.
func (s *Store) NoteSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, note string) (macwatch.Slot, error) {
	return s.changeSlots(ctx, ch, location, kind, func(c *slotChange) (macwatch.Slot, error) {
		slot, err := c.find(name)
		if err != nil {
			return slot, err
		}
		if slot.Note, err = macwatch.CheckNote(note); err != nil {
			return slot, licensing.Errorf(licensing.CodeInvalid, "%w", err).WithHint("say in a few words where it is")
		}
		if err := c.put(&slot); err != nil {
			return slot, err
		}
		return slot, c.log(string(kind)+".note", c.location.Code, map[string]string{"id": slot.Name, "note": slot.Note})
	})
}

// save writes the slot's row.
func (c *slotChange) save(s *macwatch.Slot) error {
	return saveSlot(c.ctx, c.conn, c.location.ID, c.kind, s)
}

// put writes the slot's row; the rest of the change sees it.
func (c *slotChange) put(s *macwatch.Slot) error {
	if err := c.save(s); err != nil {
		return err
	}
	c.roster = c.roster.With(*s)
	return nil
}

// appeared takes in that an AP has a slot: what was observed as an AP of its own may be
// one of its BSSIDs, and what was counted as a device may be itself.
func (c *slotChange) appeared(slot *macwatch.Slot) error {
	if c.kind != macwatch.KindAP {
		return nil
	}
	if err := c.takeBSSIDs(slot); err != nil {
		return err
	}
	return c.isAP(c.location, slot.Name)
}

// takeBSSIDs makes aliases of what was observed as APs of their own and is a BSSID of this one.
func (c *slotChange) takeBSSIDs(slot *macwatch.Slot) error {
	for _, gone := range c.roster.BSSIDs(slot.ID) {
		if err := absorb(c.ctx, c.conn, slot, gone); err != nil {
			return err
		}
		if err := c.put(slot); err != nil {
			return err
		}
		if err := learnAlias(c.ctx, c.conn, c.location.ID, slot, macwatch.Learned{Alias: gone.Name, Vendor: gone.Vendor, At: c.now}); err != nil {
			return err
		}
		c.roster = c.roster.Without(gone.ID).With(*slot)
	}
	return nil
}

// takeIn makes one of two: gone's name and aliases go over to keep.
func (c *slotChange) takeIn(keep *macwatch.Slot, gone macwatch.Slot) error {
	if err := absorb(c.ctx, c.conn, keep, gone); err != nil {
		return err
	}
	if err := c.save(keep); err != nil {
		return err
	}
	c.roster = c.roster.Without(gone.ID)
	return c.insertAlias(keep, gone.Name)
}

func (c *slotChange) addAlias(slot *macwatch.Slot, alias string) error {
	switch {
	case alias == "":
		return c.nameless()
	case alias == slot.Name:
		return nil
	case slices.ContainsFunc(slot.Learned, func(l macwatch.Learned) bool { return l.Alias == alias }):
		return c.confirmAlias(slot, alias)
	case slices.Contains(slot.Aliases, alias):
		return nil
	}
	other, known := c.roster.Find(alias)
	if known && (other.Holds(c.now) || other.Declared || other.Name != alias) {
		return licensing.Errorf(licensing.CodeConflict, "%s belongs to %s %s already", alias, c.noun(), other.Name).
			WithHint("merge the two with `tallygate %s merge`", c.kind)
	}
	g := licensing.Governing(c.location.Licenses, c.now)
	if g != nil && c.kind == macwatch.KindAP && g.Terms.MaxAliases > 0 && slot.DeclaredAliases() >= g.Terms.MaxAliases {
		return licensing.Errorf(licensing.CodeRefused, "the license allows %d aliases per AP", g.Terms.MaxAliases).
			WithHint("ask your distributor")
	}
	if known { // it was only observed until now
		return c.takeIn(slot, other)
	}
	return c.insertAlias(slot, alias)
}

// confirmAlias makes a learned alias one that an operator has given.
func (c *slotChange) confirmAlias(slot *macwatch.Slot, alias string) error {
	if _, err := c.exec(nil, `DELETE FROM slot_aliases WHERE location_id = ? AND kind = ? AND alias = ?`, c.location.ID, string(c.kind), alias); err != nil {
		return err
	}
	slot.Aliases = without(slot.Aliases, func(a string) bool { return a == alias })
	slot.Learned = without(slot.Learned, func(l macwatch.Learned) bool { return l.Alias == alias })
	c.roster = c.roster.With(*slot)
	return c.addAlias(slot, alias)
}

func (c *slotChange) insertAlias(slot *macwatch.Slot, alias string) error {
	_, err := c.exec(licensing.Errorf(licensing.CodeConflict, "the alias %s is taken already", alias).WithHint("merge the two with `tallygate %s merge`", c.kind),
		`INSERT INTO slot_aliases (location_id, kind, alias, slot_id) VALUES (?, ?, ?, ?)`, c.location.ID, string(c.kind), alias, slot.ID)
	if err != nil {
		return err
	}
	slot.Aliases = inOrder(slot.Aliases, alias)
	c.roster = c.roster.With(*slot)
	if c.kind != macwatch.KindAP {
		return nil
	}
	if err := c.takeBSSIDs(slot); err != nil {
		return err
	}
	return c.isAP(c.location, alias)
}
