package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"tallygate/macwatch"
)

// countsFor is the device that a sighting counts for. Under a license that counts the
// private addresses of one guest once (Terms.PrivateByUser) that is the first of them,
// however often the phone takes another address; else the device itself.
func (b *batch) countsFor(p *place, r *macwatch.Record) (macwatch.MAC, error) {
	if !p.license.Terms.PrivateByUser || !r.MAC.Private() {
		return r.MAC, nil
	}
	name := bytes.ToLower(bytes.TrimSpace(r.UserName))
	if _, isMAC := macwatch.ParseMAC(name); len(name) == 0 || isMAC {
		return r.MAC, nil // nobody has logged in with a name
	}
	guest := b.w.s.keys.pseudonymOfGuest(name)
	var mac int64
	err := b.w.conn.QueryRowContext(context.Background(), `SELECT mac FROM counted_guests WHERE license_id = ? AND location_id = ? AND guest = ?`,
		p.license.ID, r.Location, guest).Scan(&mac)
	switch {
	case err == nil:
		return macwatch.MAC(mac), nil
	case !errors.Is(err, sql.ErrNoRows):
		return 0, wrap("find a guest's device", err)
	}
	return r.MAC, wrap("note a guest's device", b.w.exec(`INSERT INTO counted_guests (license_id, location_id, guest, mac) VALUES (?, ?, ?, ?)`,
		p.license.ID, r.Location, guest, int64(r.MAC)))
}

// countFor takes in a sighting that counts for another device than its own.
func (b *batch) countFor(mac macwatch.MAC, p *place, r *macwatch.Record, event time.Time, windowed bool) error {
	device, err := b.device(macwatch.DeviceKey{Location: r.Location, MAC: mac}, p.license.ID)
	if err != nil {
		return err
	}
	moved, added := device.count(r, event, windowed)
	if moved {
		if err := b.keepDevice(device, p); err != nil {
			return err
		}
	}
	return b.count(p, r, mac, event, added)
}
