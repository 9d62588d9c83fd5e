package store

import (
	"database/sql/driver"
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
	if !windowed && b.w.s.cache.Counted(key, p.epoch, event) {
		b.w.s.metrics.cacheHits.Inc()
		if event.After(b.seen[key]) {
			b.seen[key] = event
		}
		return nil
	}
	b.w.s.metrics.cacheMisses.Inc()
	// An AP that reports itself, or another one, is nobody's guest.
	mac := r.MAC.String()
	if _, isAP := p.venue.APs.Find(mac); isAP || mac == string(r.AP) {
		return nil
	}
	reason := b.weigh(p, r, s, event)
	if err := b.saveDevice(key, event, reason); err != nil {
		return err
	}
	if reason != licensing.ReasonNone {
		return nil
	}
	return b.count(p, r, event)
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

// saveDevice keeps the device row. A row that says the same already is not written:
// at a million devices each such write costs more than all the rest of the record.
func (b *batch) saveDevice(key macwatch.DeviceKey, event time.Time, reason licensing.Reason) error {
	row := make([]driver.Value, 3)
	found, err := b.w.stmts.selectDevice.row(row, key.Location, int64(key.MAC))
	if err != nil {
		return wrap("read a device", err)
	}
	if found {
		first, _ := row[0].(int64)
		stored, _ := row[2].(string)
		if event.After(b.seen[key]) {
			b.seen[key] = event
		}
		if micros(event) >= first && stored == reason.String() {
			return nil
		}
	}
	_, err = b.w.stmts.upsertDevice.exec(key.Location, int64(key.MAC), micros(event), micros(event), reason.String())
	return wrap("write a device", err)
}

// count adds the device to those that count for the license, or moves its earliest
// sighting back, and starts the license when this made it complete.
func (b *batch) count(p *place, r *macwatch.Record, event time.Time) error {
	key := macwatch.DeviceKey{Location: r.Location, MAC: r.MAC}
	license, st := p.license, b.w.stmts
	row := make([]driver.Value, 2)
	found, err := st.selectCounted.row(row, license.ID, r.Location, int64(r.MAC))
	if err != nil {
		return wrap("read a counted device", err)
	}
	first, devices := event, int64(0)
	switch {
	case !found:
		if _, err = st.insertCounted.exec(license.ID, r.Location, int64(r.MAC), micros(event), micros(event), string(r.AP), string(r.SessionID)); err != nil {
			return wrap("count a device", err)
		}
		n := make([]driver.Value, 1)
		if _, err = st.raiseCount.row(n, license.ID, r.Location); err != nil {
			return wrap("count a device", err)
		}
		devices, _ = n[0].(int64)
	default:
		us, _ := row[0].(int64)
		last, _ := row[1].(int64)
		if first = fromMicros(us); event.Before(first) {
			first = event
			_, err = st.lowerCounted.exec(micros(event), string(r.AP), string(r.SessionID), license.ID, r.Location, int64(r.MAC))
		} else if license.Terms.CountWindow > 0 && micros(event) > last {
			_, err = st.raiseCounted.exec(micros(event), license.ID, r.Location, int64(r.MAC))
		}
		if err != nil {
			return wrap("move a counted sighting", err)
		}
	}
	b.cached = append(b.cached, cacheEntry{key, p.epoch, first})
	if !license.Counting() {
		return nil
	}
	if license.Terms.CountWindow > 0 {
		if _, err := st.insertWindow.exec(license.ID, r.Location, micros(event), int64(r.MAC), string(r.AP), string(r.SessionID)); err != nil {
			return wrap("keep a sighting of the count window", err)
		}
		return b.startByWindow(p, r)
	}
	if int(devices) < license.Terms.Threshold {
		return nil
	}
	return b.startByCount(p, r)
}
