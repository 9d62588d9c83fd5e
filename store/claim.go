package store

import (
	"context"
	"database/sql"
	"net/netip"
	"slices"
	"time"

	"tallygate/macwatch"
)

// maxObserved bounds the refused APs that a Location remembers for `ap list`.
const maxObserved = 1000

// claim gives slots to an AP and a room, if they are still free, and a place on a pass
// to a device: of two requests for the last one, the second to get here finds it taken.
func (b *batch) claim(c *macwatch.Claim) error {
	c.Result, c.Err = macwatch.ClaimGranted, nil
	var pass *macwatch.Pass
	if c.Pass != nil {
		if pass, c.Result = b.standOf(c); pass == nil {
			return nil
		}
	}
	if err := b.claimSlots(c); err != nil || c.Result != macwatch.ClaimGranted || pass == nil {
		return err
	}
	return b.usePass(pass, c)
}

func (b *batch) claimSlots(c *macwatch.Claim) error {
	p := b.place(c.Location)
	if p == nil || p.license == nil {
		return nil // removed meanwhile: there is nothing to claim, the next request is refused
	}
	if c.AP != "" && p.venue.APs.Stand(c.AP, int(p.allotment.APs), b.now) == macwatch.StandingFull {
		c.Result = macwatch.ClaimAPFull
		return b.refuseClaim(p, c.AP)
	}
	if c.Room != "" && p.venue.Rooms.Stand(c.Room, int(p.allotment.Rooms), b.now) == macwatch.StandingFull {
		c.Result = macwatch.ClaimRoomFull
		return b.refuseClaim(p, c.AP)
	}
	if err := b.claimSlot(p, macwatch.KindAP, c.AP); err != nil {
		return err
	}
	return b.claimSlot(p, macwatch.KindRoom, c.Room)
}

func (b *batch) claimSlot(p *place, kind macwatch.Kind, name string) error {
	roster := rosterOf(p.venue, kind)
	if name == "" || roster.Stand(name, -1, b.now) == macwatch.StandingHolds {
		return nil
	}
	slot, known := roster.Find(name)
	if !known {
		slot = macwatch.Slot{Name: name, FirstSeen: b.now}
	}
	if !slot.Holds(b.now) {
		slot.ClaimedAt = b.now
	}
	slot.ReleasedAt = time.Time{}
	before, _ := b.state.usageAt(p.location.ID, kind, b.now)
	if err := saveSlot(context.Background(), b.w.conn, p.location.ID, kind, &slot); err != nil {
		return err
	}
	b.replaceRoster(p.location.ID, kind, roster.With(slot))
	return b.emitCrossing(p, kind, before)
}

// saveSlot writes the slot's own row and gives it its id when it is new.
func saveSlot(ctx context.Context, conn *sql.Conn, location int64, kind macwatch.Kind, s *macwatch.Slot) error {
	err := conn.QueryRowContext(ctx, `
		INSERT INTO slots (location_id, kind, name, declared, first_seen, claimed_at, released_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (location_id, kind, name) DO UPDATE SET declared = excluded.declared,
		claimed_at = excluded.claimed_at, released_at = excluded.released_at RETURNING id`,
		location, string(kind), s.Name, s.Declared, micros(s.FirstSeen), nullMicros(s.ClaimedAt), nullMicros(s.ReleasedAt)).Scan(&s.ID)
	return wrap("write a slot", err)
}

func rosterOf(v *macwatch.Venue, kind macwatch.Kind) *macwatch.Roster {
	if kind == macwatch.KindAP {
		return v.APs
	}
	return v.Rooms
}

// Observe notes an AP that was refused, so that `ap list` shows it, and tells of the
// limit that refused it (radiusd.Claims).
func (s *Store) Observe(location int64, ap string) {
	if s.tellRefusal(location, ap) == macwatch.KindRoom {
		return // the AP was not what was refused
	}
	// A refused AP asks again and again: that it is known costs the writer no turn.
	unknown := func(v *macwatch.Venue) bool {
		if v == nil || ap == "" || v.APs.Observed() >= maxObserved {
			return false
		}
		_, known := v.APs.Find(ap)
		return !known
	}
	if !unknown(s.state.Load().venues[location]) {
		return
	}
	s.queue.push(op{note: func(b *batch) error {
		p := b.place(location)
		if p == nil || !unknown(p.venue) {
			return nil
		}
		slot := macwatch.Slot{Name: ap, FirstSeen: b.now}
		if err := saveSlot(context.Background(), b.w.conn, location, macwatch.KindAP, &slot); err != nil {
			return err
		}
		b.replaceRoster(location, macwatch.KindAP, p.venue.APs.With(slot))
		return nil
	}})
}

// Signed notes that an address has sent a valid Message-Authenticator (radiusd.Learner).
func (s *Store) Signed(client int64, source netip.Addr) {
	s.queue.push(op{note: func(b *batch) error {
		i := slices.IndexFunc(b.state.clients, func(c macwatch.Client) bool { return c.ID == client })
		if i < 0 || slices.Contains(b.state.clients[i].Signed, source) {
			return nil
		}
		_, err := b.w.conn.ExecContext(context.Background(),
			`INSERT OR IGNORE INTO signed_sources (client_id, address, at) VALUES (?, ?, ?)`, client, source.String(), micros(b.now))
		if err != nil {
			return wrap("note a signed source", err)
		}
		st := b.change()
		c := &st.clients[i]
		c.Signed = append(slices.Clone(c.Signed), source)
		return nil
	}})
}

// Recognized notes which vendor a client's packets have shown (radiusd.Recognizer).
func (s *Store) Recognized(client int64, vendor macwatch.Vendor, by uint8) {
	s.queue.push(op{note: func(b *batch) error {
		i := slices.IndexFunc(b.state.clients, func(c macwatch.Client) bool { return c.ID == client })
		if i < 0 || b.state.clients[i].DetectedBy >= by || b.state.clients[i].Vendor != macwatch.VendorAuto {
			return nil
		}
		_, err := b.w.conn.ExecContext(context.Background(),
			`UPDATE clients SET detected = ?, detected_by = ? WHERE id = ?`, string(vendor), by, client)
		if err != nil {
			return wrap("note a client's vendor", err)
		}
		c := &b.change().clients[i]
		c.Detected, c.DetectedBy = vendor, by
		return nil
	}})
}
