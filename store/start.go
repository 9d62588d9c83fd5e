package store

import (
	"context"
	"encoding/json"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// sighting is one of the devices that make a start.
type sighting struct {
	mac         macwatch.MAC
	at          time.Time
	ap, session string
}

// startByCount starts the license when its threshold is reached: the start instant
// is the latest of the earliest sightings of so many devices.
func (b *batch) startByCount(p *place, r *macwatch.Record) error {
	five, err := b.earliest(p.license.ID, r.Location, p.license.Terms.Threshold)
	if err != nil {
		return err
	}
	firsts := make([]time.Time, len(five))
	for i := range five {
		firsts[i] = five[i].at
	}
	at, ok := licensing.StartInstant(firsts, p.license.Terms.Threshold)
	if !ok {
		return nil
	}
	return b.start(p, at, five)
}

// startByWindow starts the license when so many devices were sighted within one window.
func (b *batch) startByWindow(p *place, r *macwatch.Record) error {
	ctx := context.Background()
	window := p.license.Terms.CountWindow
	// Sightings that no window can reach any more: an arriving event is at most
	// MaxEventAge old, and a window looks back by its own length.
	if _, err := b.w.conn.ExecContext(ctx, `DELETE FROM window_sightings WHERE license_id = ? AND location_id = ? AND at < ?`,
		p.license.ID, r.Location, micros(b.now.Add(-window-macwatch.MaxEventAge))); err != nil {
		return wrap("tidy the count window", err)
	}
	rows, err := b.w.conn.QueryContext(ctx, `SELECT mac, at FROM window_sightings WHERE license_id = ? AND location_id = ? ORDER BY at, mac`,
		p.license.ID, r.Location)
	if err != nil {
		return wrap("read the count window", err)
	}
	defer func() { _ = rows.Close() }()
	var seen []licensing.WindowSighting
	for rows.Next() {
		var mac, us int64
		if err := rows.Scan(&mac, &us); err != nil {
			return wrap("read the count window", err)
		}
		seen = append(seen, licensing.WindowSighting{Device: uint64(mac), At: fromMicros(us)})
	}
	if err := rows.Err(); err != nil {
		return wrap("read the count window", err)
	}
	at, five, ok := licensing.WindowStart(seen, window, p.license.Terms.Threshold)
	if !ok {
		return nil
	}
	made := make([]sighting, len(five))
	for i := range five {
		s := sighting{mac: macwatch.MAC(five[i].Device), at: five[i].At}
		err := b.w.conn.QueryRowContext(ctx, `SELECT ap, session FROM window_sightings
			WHERE license_id = ? AND location_id = ? AND at = ? AND mac = ?`, p.license.ID, r.Location, micros(s.at), int64(s.mac)).Scan(&s.ap, &s.session)
		if err != nil {
			return wrap("read the count window", err)
		}
		made[i] = s
	}
	return b.start(p, at, made)
}

// earliest reads the n counted devices with the earliest sightings.
func (b *batch) earliest(license, location int64, n int) ([]sighting, error) {
	rows, err := b.w.conn.QueryContext(context.Background(),
		`SELECT mac, first_at, ap, session FROM counted WHERE license_id = ? AND location_id = ? ORDER BY first_at, mac LIMIT ?`,
		license, location, n)
	if err != nil {
		return nil, wrap("read the counted devices", err)
	}
	defer func() { _ = rows.Close() }()
	var out []sighting
	for rows.Next() {
		var s sighting
		var mac, us int64
		if err := rows.Scan(&mac, &us, &s.ap, &s.session); err != nil {
			return nil, wrap("read the counted devices", err)
		}
		s.mac, s.at = macwatch.MAC(mac), fromMicros(us)
		out = append(out, s)
	}
	return out, wrap("read the counted devices", rows.Err())
}

// start starts the license, once: in this very transaction stand the record of the
// device that made it, the start, its receipt and its audit entry. Where the key wants
// an operator asked first, the start is only proposed.
func (b *batch) start(p *place, at time.Time, made []sighting) error {
	if p.license.Terms.ConfirmStart > 0 {
		return b.propose(p, at, made)
	}
	started, err := p.license.Start(at, licensing.StartedByCount)
	if err != nil {
		return faultf("%w", err)
	}
	log := func(action string, detail any) error {
		return b.audit.add(context.Background(), b.w.conn, entry{b.now, "tallygate", action, started.Number, detail})
	}
	if err := b.w.writeStart(b.now, b.audit.headText(), started, p.location.Code, made, log); err != nil {
		return err
	}
	if err := log(actionFacts, loggedLicense{started.ID, *started}); err != nil {
		return err
	}
	b.replaceLicense(started)
	b.replan() // its end is known now, and with it when the next one begins
	return b.tellStart(started, len(made))
}

// start writes a start that no device has just made.
func (t *tx) start(started *licensing.License, location string, made []sighting) error {
	log := func(action string, detail any) error { return t.log(action, started.Number, detail) }
	if err := t.w.writeStart(t.now, t.audit.headText(), started, location, made, log); err != nil {
		return err
	}
	return t.emit(licensing.Event{Kind: licensing.EventStart, At: t.now, License: started.Number,
		Data: map[string]any{"starts_at": started.StartedAt, "devices": len(made)}})
}

// writeStart writes the start of a license, its receipt and the audit entry into the
// transaction that is open; a license that has started already is a fault.
func (w *writer) writeStart(now time.Time, head string, started *licensing.License, location string, made []sighting, log func(string, any) error) error {
	ctx := context.Background()
	res, err := w.conn.ExecContext(ctx, `UPDATE licenses SET started_at = ?, started_by = ? WHERE id = ? AND started_at IS NULL`,
		micros(started.StartedAt), string(started.StartedBy), started.ID)
	if err != nil {
		return wrap("start a license", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return faultf("license %s has started already", started.Number)
	}
	receipt := licensing.Receipt{
		Number: started.Number, StartsAt: started.StartedAt, RecordedAt: now, Threshold: started.Terms.Threshold, Rule: started.StartRule(),
		Location: location, AuditHead: head, GatewayKey: w.s.keys.public, StartPolicy: started.Terms.Start,
		Sightings: []licensing.ReceiptSighting{},
	}
	for _, m := range made {
		name := w.s.keys.pseudonymOf(m.mac)
		receipt.Sightings = append(receipt.Sightings, licensing.ReceiptSighting{At: m.at, Device: name, AP: m.ap, SessionID: text(macwatch.Redact(m.session, m.mac, name))})
		if _, err := w.conn.ExecContext(ctx, `INSERT OR IGNORE INTO receipt_devices (license_id, pseudonym, mac) VALUES (?, ?, ?)`,
			started.ID, name, int64(m.mac)); err != nil {
			return wrap("write a start receipt", err)
		}
	}
	// A receipt that is there without a start is nobody's, and must not stand in the way.
	if _, err := w.conn.ExecContext(ctx, `UPDATE receipts SET void = 'withdrawn' WHERE license_id = ? AND void = ''`, started.ID); err != nil {
		return wrap("write a start receipt", err)
	}
	if err := w.saveReceipt(ctx, started.ID, &receipt); err != nil {
		return err
	}
	return log(actionStart, receipt)
}

func (w *writer) saveReceipt(ctx context.Context, license int64, receipt *licensing.Receipt) error {
	body, err := json.Marshal(receipt)
	if err != nil {
		return faultf("cannot write a start receipt: %w", err)
	}
	_, err = w.conn.ExecContext(ctx, `INSERT INTO receipts (license_id, text) VALUES (?, ?)`, license, string(body))
	return wrap("write a start receipt", err)
}
