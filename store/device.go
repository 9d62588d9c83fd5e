package store

import (
	"bytes"
	"slices"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// sight records one proof that a device was connected: its row, whether it counts
// for the governing license, and, with the device that makes it, the start.
func (b *batch) sight(r *macwatch.Record, s *macwatch.Session, event time.Time) error {
	p := b.place(r.Location)
	if !r.MAC.Device() || p == nil {
		return nil
	}
	key := macwatch.DeviceKey{Location: r.Location, MAC: r.MAC}
	windowed := p.license != nil && p.license.Terms.CountWindow > 0
	counting := p.license != nil && p.license.Counting()
	if !windowed && b.remembered(p, key, event, counting) {
		b.hits++
		return nil
	}
	b.misses++
	// An AP that reports itself, or another one, is nobody's guest.
	var text [macwatch.MACText]byte
	mac := addressOf(r).AppendTo(text[:0])
	if p.venue.APs.Has(mac) || bytes.Equal(mac, r.AP) {
		return nil
	}
	reason := b.weigh(p, r, s, event)
	if reason == licensing.ReasonNone && counting && !windowed {
		if first, ok := b.w.known.counted(key, p.epoch, event); ok {
			b.cached = append(b.cached, cacheEntry{key: key, epoch: p.epoch, first: first, counting: true, known: true})
			return b.count(p, r, r.MAC, event, false)
		}
	}
	countsFor := r.MAC
	if reason == licensing.ReasonNone {
		var err error
		if countsFor, err = b.countsFor(p, r); err != nil {
			return err
		}
		if countsFor != r.MAC {
			reason = licensing.ReasonSameGuest
		}
	}
	license := int64(0)
	if p.license != nil {
		license = p.license.ID
	}
	device, err := b.device(key, license)
	if err != nil {
		return err
	}
	changed, added := device.see(event, reason.String()), false
	if reason == licensing.ReasonNone {
		var moved bool
		moved, added = device.count(r, event, windowed)
		changed = changed || moved
	}
	if changed {
		if err := b.keepDevice(device, p); err != nil {
			return err
		}
	}
	switch {
	case countsFor != r.MAC:
		return b.countFor(countsFor, p, r, event, windowed)
	case reason != licensing.ReasonNone:
		return nil
	}
	b.cached = append(b.cached, cacheEntry{key: key, epoch: p.epoch, first: device.settled(), counting: counting})
	return b.count(p, r, r.MAC, event, added)
}

// remembered reports whether memory tells that the device counts, and that a sighting at event
// adds nothing. The known devices are asked first: the LRU, which makes an entry of each of them
// and drops another's, costs several times as much when they are more than lie at hand. While a
// license counts only the LRU will do: there each device is looked at once in an epoch, since it
// may complete the number that starts the contract.
func (b *batch) remembered(p *place, key macwatch.DeviceKey, event time.Time, counting bool) bool {
	if !counting {
		if _, ok := b.w.known.counted(key, p.epoch, event); ok {
			return true
		}
	}
	return b.w.s.cache.Counted(key, p.epoch, event)
}

// weigh says what stands against counting the sighting; ReasonNone when it counts.
func (b *batch) weigh(p *place, r *macwatch.Record, s *macwatch.Session, event time.Time) licensing.Reason {
	if p.license == nil {
		if p.location.Unallotted {
			return licensing.ReasonPendingProvision
		}
		return licensing.ReasonNoLicense
	}
	_, exempt := p.venue.Exempt[r.MAC]
	moment := r.Moment(event)
	_, lab := p.location.LabAt(moment)
	return p.license.Counts(licensing.CountFacts{
		Private: r.MAC.Private(), Exempt: exempt, Lab: s.Lab || lab, Accepted: r.Accepted,
		SlotOK: p.venue.APs.Stand(string(r.AP), int(p.allotment.APs), b.now) != macwatch.StandingFull,
		Event:  moment, Arrival: r.Arrival,
	}, p.location.Settings.Count, p.allotment.At)
}

// device finds what is known of a device and of its count for a license (0: none), as a
// copy that this batch may change.
func (b *batch) device(key macwatch.DeviceKey, license int64) (*newcomer, error) {
	known := b.devices[key]
	if known == nil {
		known = b.w.newcomers.find(key)
	}
	switch {
	case known == nil:
		return b.w.loadDevice(key, license)
	case known.license == license:
		c := *known
		return &c, nil
	}
	// What it counted for until now stands in its row from here on.
	if err := b.w.saveNewcomer(known); err != nil {
		return nil, err
	}
	return b.w.loadDevice(key, license)
}

// keepDevice keeps a device's new state: in its rows at once where a start may depend on
// them, else in the journal; in both where the journal holds an older one.
func (b *batch) keepDevice(c *newcomer, p *place) error {
	if c.reason != "" {
		b.w.known.doubt(c.key)
		b.cached = slices.DeleteFunc(b.cached, func(e cacheEntry) bool { return e.key == c.key }) // of earlier in this batch
	}
	waits := b.devices[c.key] != nil || b.w.newcomers.find(c.key) != nil
	if atOnce := p.license != nil && (p.license.StartedAt.IsZero() || p.license.Terms.CountWindow > 0); atOnce {
		if err := b.w.saveNewcomer(c); err != nil || !waits {
			return err
		}
	}
	b.devices[c.key] = c
	return nil
}

// count takes in a sighting that counts for a device, which was added to those that count or
// was among them, and starts the license when this made it complete.
func (b *batch) count(p *place, r *macwatch.Record, mac macwatch.MAC, event time.Time, added bool) error {
	license := p.license
	devices, err := b.counted(countKey{license.ID, r.Location}, added)
	if err != nil || !license.Counting() {
		return err
	}
	if license.Terms.CountWindow > 0 {
		if err := b.w.stmts.insertWindow.write(license.ID, r.Location, micros(event), int64(b.w.countedAs(r.Location, mac, license.ID)), string(r.AP), evidentSession(r)); err != nil {
			return wrap("keep a sighting of the count window", err)
		}
		return b.startByWindow(p, r)
	}
	if devices < license.Terms.Threshold {
		return nil
	}
	return b.startByCount(p, r)
}

// countKey names a license's count at a Location.
type countKey struct{ license, location int64 }

// counted is how many devices count, with the one that was added now.
func (b *batch) counted(key countKey, added bool) (int, error) {
	n, ok := b.counts[key]
	if !ok {
		found, err := b.w.stmts.selectCount.row(b.w.row[:1], key.license, key.location)
		if err != nil {
			return 0, wrap("read the count", err)
		}
		if found {
			stored, _ := b.w.row[0].(int64)
			n.devices = int(stored)
		}
	}
	if added {
		n.devices++
		n.changed = true
	}
	b.counts[key] = n
	return n.devices, nil
}

// countOf is a count in the hands of a batch.
type countOf struct {
	devices int
	changed bool
}

// saveCounts writes the counts that the batch has raised.
func (b *batch) saveCounts() error {
	for key, n := range b.counts {
		if !n.changed {
			continue
		}
		if err := b.w.stmts.saveCount.write(key.license, key.location, int64(n.devices)); err != nil {
			return wrap("raise the count", err)
		}
	}
	return nil
}
