package store

import (
	"context"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// uncountQueries take a device out of a license's count; the first one tells whether it was in it.
var uncountQueries = [...]string{
	`DELETE FROM counted WHERE license_id = ? AND location_id = ? AND mac = ?`,
	`DELETE FROM counted_guests WHERE license_id = ? AND location_id = ? AND mac = ?`,
	`DELETE FROM window_sightings WHERE license_id = ? AND location_id = ? AND mac = ?`,
}

// isAP takes in that an address is one of an AP. The MACs of known APs are not devices;
// where it was counted as one before, while the license has not started, it counts no
// more. After the start it stays: the receipt tells of what was counted then.
func (b *batch) isAP(p *place, name string) error {
	mac, ok := macwatch.ParseMAC(name)
	if !ok || p.license == nil || !p.license.StartedAt.IsZero() || !p.license.Counting() {
		return nil
	}
	key := macwatch.DeviceKey{Location: p.location.ID, MAC: mac}
	if b.devices[key] == nil && b.w.newcomers.find(key) == nil && !b.w.known.may(key) {
		return nil // nobody has ever seen such a device
	}
	device, err := b.device(key, p.license.ID)
	if err != nil || device.countedFirst.IsZero() {
		return err
	}
	device.uncount(licensing.ReasonAccessPoint)
	for _, query := range uncountQueries {
		if err := b.w.exec(query, p.license.ID, p.location.ID, int64(mac)); err != nil {
			return wrap("take an AP out of the count", err)
		}
	}
	if err := b.w.saveNewcomer(device); err != nil {
		return err
	}
	// After a crash the journal may bring its older states back; the latest one stands.
	b.devices[key] = device
	count := countKey{p.license.ID, p.location.ID}
	if _, err := b.counted(count, false); err != nil {
		return err
	}
	b.counts[count] = countOf{b.counts[count].devices - 1, true}
	b.forget(p)
	return b.audit.add(context.Background(), b.w.conn, entry{b.now, "tallygate", "device.uncount", p.location.Code,
		map[string]string{"license": p.license.Number, "ap": name}})
}

// forget raises the counting epoch: what the LRU knows of the Location is asked anew.
func (b *batch) forget(p *place) {
	b.w.lastEpoch++
	e := b.w.epochs[p.location.ID]
	e.number = b.w.lastEpoch
	b.w.epochs[p.location.ID] = e
	p.epoch = e.number
}

// isAP is the same for a change by an operator; what waited in the journal has its rows by then.
func (t *tx) isAP(l *licensing.Location, name string) error {
	mac, ok := macwatch.ParseMAC(name)
	license := licensing.Governing(l.Licenses, t.now)
	if !ok || license == nil || !license.StartedAt.IsZero() || !license.Counting() {
		return nil
	}
	for i, query := range uncountQueries {
		gone, err := t.exec(nil, query, license.ID, l.ID, int64(mac))
		if err != nil || i == 0 && gone == 0 {
			return err
		}
	}
	if _, err := t.exec(nil, `UPDATE counts SET devices = devices - 1 WHERE license_id = ? AND location_id = ?`, license.ID, l.ID); err != nil {
		return err
	}
	if _, err := t.exec(nil, `UPDATE devices SET reason = ? WHERE location_id = ? AND mac = ?`, licensing.ReasonAccessPoint.String(), l.ID, int64(mac)); err != nil {
		return err
	}
	return t.log("device.uncount", l.Code, map[string]string{"license": license.Number, "ap": name})
}
