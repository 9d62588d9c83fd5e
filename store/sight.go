package store

import (
	"context"
	"sync"
	"time"

	"tallygate/macwatch"
)

const (
	// maxObserved bounds the APs without a slot that a Location remembers for `ap list`.
	maxObserved = 1000

	// maxLearned is how many aliases one AP is given by folding: more than any has BSSIDs.
	maxLearned = 128
)

// seenFirst is the AP that a packet shows for the first time.
func seenFirst(s macwatch.APSight, now time.Time) macwatch.Slot {
	return macwatch.Slot{Name: s.Name, FirstSeen: now, LastSeen: now, Vendor: s.Vendor, NASAddress: s.Address}
}

// seeAP notes that a record's AP and room are there. For an AP that is known this is one
// look into a map; what is known of it is written down late.
func (b *batch) seeAP(r *macwatch.Record) error {
	p := b.place(r.Location)
	if p == nil || len(r.AP) == 0 {
		return nil
	}
	at := p.venue.APs.Index(string(r.AP))
	if at < 0 || p.venue.APs.Unsettled(at, r.Origin.Vendor) {
		s := macwatch.APSight{Name: string(r.AP), Vendor: r.Origin.Vendor, Address: r.Origin.NASAddress, NAS: string(r.NAS)}
		known, err := b.meet(p, s)
		if err == nil && !known {
			err = b.observe(p, s)
		}
		if err != nil {
			return err
		}
		at = p.venue.APs.Index(s.Name)
	}
	p.venue.APs.Saw(at, r.Arrival)
	if len(r.Room) > 0 {
		p.venue.Rooms.Saw(p.venue.Rooms.Index(string(r.Room)), r.Arrival)
	}
	return nil
}

// meet finds out whether the roster knows an AP, also as a BSSID of another one: then the
// BSSID is kept as a learned alias, so that nobody has to find out again.
func (b *batch) meet(p *place, s macwatch.APSight) (known bool, err error) {
	roster := p.venue.APs
	self := roster.Index(s.Name)
	if self >= 0 && !roster.Unsettled(self, s.Vendor) {
		return true, nil
	}
	at := roster.Fold(s)
	if at >= 0 && len(roster.At(at).Learned) < maxLearned {
		into := roster.At(at)
		if self >= 0 {
			err = b.absorb(p, into, roster.At(self), s.Vendor)
		} else {
			err = b.learn(p, into, s.Name, s.Vendor)
		}
		return true, err
	}
	if self < 0 {
		return false, nil
	}
	// It stays what it is. The vendor is noted, so that this is not asked for each packet.
	slot := roster.At(self)
	slot.Vendor = s.Vendor
	if err := saveSlot(context.Background(), b.w.conn, p.location.ID, macwatch.KindAP, &slot); err != nil {
		return true, err
	}
	b.replaceRoster(p.location.ID, macwatch.KindAP, roster.With(slot))
	return true, nil
}

func (b *batch) learn(p *place, into macwatch.Slot, alias string, v macwatch.Vendor) error {
	if err := learnAlias(context.Background(), b.w.conn, p.location.ID, &into, macwatch.Learned{Alias: alias, Vendor: v, At: b.now}); err != nil {
		return err
	}
	b.replaceRoster(p.location.ID, macwatch.KindAP, p.venue.APs.With(into))
	return b.isAP(p, alias)
}

// absorb makes an AP that was only observed a BSSID of another one.
func (b *batch) absorb(p *place, into, gone macwatch.Slot, v macwatch.Vendor) error {
	if err := absorb(context.Background(), b.w.conn, &into, gone); err != nil {
		return err
	}
	if err := saveSlot(context.Background(), b.w.conn, p.location.ID, macwatch.KindAP, &into); err != nil {
		return err
	}
	b.replaceRoster(p.location.ID, macwatch.KindAP, p.venue.APs.Without(gone.ID))
	return b.learn(p, into, gone.Name, v)
}

// appeared takes in that an AP has a slot, which may be the one whose BSSIDs were
// observed as APs of their own until now.
func (b *batch) appeared(p *place, slot macwatch.Slot) error {
	for _, gone := range p.venue.APs.BSSIDs(slot.ID) {
		into, _ := p.venue.APs.Find(slot.Name)
		if err := b.absorb(p, into, gone, gone.Vendor); err != nil {
			return err
		}
	}
	return b.isAP(p, slot.Name)
}

// observe notes an AP that holds no slot, so that `ap list` shows it. What there is no
// room for is counted.
func (b *batch) observe(p *place, s macwatch.APSight) error {
	if p.venue.APs.Observed() >= maxObserved {
		b.w.s.metrics.unlistedAPs.Inc()
		return nil
	}
	slot := seenFirst(s, b.now)
	if err := saveSlot(context.Background(), b.w.conn, p.location.ID, macwatch.KindAP, &slot); err != nil {
		return err
	}
	b.replaceRoster(p.location.ID, macwatch.KindAP, p.venue.APs.With(slot))
	return b.isAP(p, slot.Name)
}

// Observe notes an AP for which a guest was refused, so that `ap list` shows it, and tells
// of the limit that refused (radiusd.Claims).
func (s *Store) Observe(location int64, sight macwatch.APSight) {
	if s.tellRefusal(location, sight) == macwatch.KindRoom {
		return // the AP was not what was refused
	}
	v, now := s.state.Load().venues[location], s.Now()
	if v == nil || sight.Name == "" {
		return
	}
	// A refused AP asks again and again: that it is known costs the writer no turn.
	at := v.APs.Index(sight.Name)
	if at >= 0 && !v.APs.Unsettled(at, sight.Vendor) {
		v.APs.Refused(at, now)
		return
	}
	if at < 0 && v.APs.Fold(sight) < 0 && v.APs.Observed() >= maxObserved {
		s.metrics.unlistedAPs.Inc()
		return
	}
	s.queue.push(op{note: func(b *batch) error {
		p := b.place(location)
		if p == nil {
			return nil
		}
		known, err := b.meet(p, sight)
		if err == nil && !known {
			err = b.observe(p, sight)
		}
		p.venue.APs.Refused(p.venue.APs.Index(sight.Name), b.now)
		return err
	}})
}

// Learn keeps, without waiting, that an address is a BSSID of a known AP (radiusd.Claims).
func (s *Store) Learn(location int64, sight macwatch.APSight) {
	v := s.state.Load().venues[location]
	if v == nil || v.APs.Index(sight.Name) >= 0 || !s.learning.due(learnKey{location, sight.Name}, s.Now()) {
		return
	}
	s.queue.push(op{note: func(b *batch) error {
		if p := b.place(location); p != nil {
			_, err := b.meet(p, sight)
			return err
		}
		return nil
	}})
}

// learnPause is how often the writer is asked to learn the same alias: while the store
// cannot be written each packet of that BSSID would ask.
const learnPause = 5 * time.Second

// learning remembers what the writer was asked to learn.
type learning struct {
	mu   sync.Mutex
	last map[learnKey]time.Time
}

type learnKey struct {
	location int64
	name     string
}

func (l *learning) due(key learnKey, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since := now.Sub(l.last[key]); since >= 0 && since < learnPause {
		return false
	}
	if l.last == nil || len(l.last) >= maxObserved {
		l.last = map[learnKey]time.Time{} // to ask once too often does no harm
	}
	l.last[key] = now
	return true
}
