package store

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"tallygate/macwatch"
)

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
	ap := c.Sight
	ap.Name = c.AP
	if _, err := b.meet(p, ap); err != nil { // of two BSSIDs of one AP at once, the second is known by now
		return err
	}
	if ap.Name != "" && p.venue.APs.Stand(ap.Name, int(p.allotment.APs), b.now) == macwatch.StandingFull {
		c.Result = macwatch.ClaimAPFull
		return b.refuseClaim(p, ap)
	}
	if c.Room != "" && p.venue.Rooms.Stand(c.Room, int(p.allotment.Rooms), b.now) == macwatch.StandingFull {
		c.Result = macwatch.ClaimRoomFull
		return b.refuseClaim(p, ap)
	}
	if err := b.claimSlot(p, macwatch.KindAP, ap); err != nil {
		return err
	}
	return b.claimSlot(p, macwatch.KindRoom, macwatch.APSight{Name: c.Room})
}

func (b *batch) claimSlot(p *place, kind macwatch.Kind, sight macwatch.APSight) error {
	roster := rosterOf(p.venue, kind)
	if sight.Name == "" || roster.Stand(sight.Name, -1, b.now) == macwatch.StandingHolds {
		return nil
	}
	slot, known := roster.Find(sight.Name)
	if !known {
		slot = seenFirst(sight, b.now)
	}
	appears := slot.Observed()
	if !slot.Holds(b.now) {
		slot.ClaimedAt = b.now
	}
	slot.ReleasedAt = time.Time{}
	before, _ := b.state.usageAt(p.location.ID, kind, b.now)
	if err := saveSlot(context.Background(), b.w.conn, p.location.ID, kind, &slot); err != nil {
		return err
	}
	b.replaceRoster(p.location.ID, kind, roster.With(slot))
	if appears && kind == macwatch.KindAP {
		if err := b.appeared(p, slot); err != nil {
			return err
		}
	}
	return b.emitCrossing(p, kind, before)
}

func rosterOf(v *macwatch.Venue, kind macwatch.Kind) *macwatch.Roster {
	if kind == macwatch.KindAP {
		return v.APs
	}
	return v.Rooms
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
