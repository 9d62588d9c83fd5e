package store

import (
	"cmp"
	"context"
	"database/sql"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Explain tells, device by device, what counts for a license and what does not, and why.
func (s *Store) Explain(ctx context.Context, number string) (e licensing.Explanation, err error) {
	if err := s.flushDevices(ctx); err != nil {
		return e, err
	}
	st, now := s.state.Load(), s.Now()
	l, err := st.license(number)
	if err != nil {
		return e, err
	}
	if e.Summary, err = st.summarize(ctx, s.readers, l, now); err != nil {
		return e, err
	}
	e.Rule, e.Devices = l.Rule(), []licensing.ExplainedDevice{}
	for _, a := range l.Allotments {
		governing := licensing.Governing(st.locations[a.LocationID].Licenses, now)
		buried, err := s.tombstones(ctx, l.ID, a.LocationID, a.Location)
		if err != nil {
			return e, err
		}
		devices, err := rows(ctx, s.readers, func(r *sql.Rows) (d licensing.ExplainedDevice, err error) {
			var mac, seen int64
			var first, last sql.NullInt64
			var reason string
			if err = r.Scan(&mac, &reason, &seen, &first, &last, &d.AP, &d.SessionID); err != nil {
				return d, err
			}
			m := macwatch.MAC(mac)
			buried(m, &first, &last)
			d.MAC, d.PrivateAddress, d.Location, d.SessionID = m.String(), m.Private(), a.Location, text(d.SessionID)
			if first.Valid {
				at := fromMicros(first.Int64)
				d.FirstCounted = &at
			}
			d.Counted, d.Reason = standing(first.Valid, fromNullMicros(last), fromMicros(seen), reason, l, a, now)
			if !d.Counted && governing != nil && governing.ID != l.ID {
				d.Reason = licensing.ReasonNotGoverning.String()
			}
			return d, nil
		}, `SELECT d.mac, d.reason, d.last_seen, c.first_at, c.last_at, coalesce(c.ap, ''), coalesce(c.session, '')
			FROM devices d LEFT JOIN counted c ON c.license_id = ? AND c.location_id = d.location_id AND c.mac = d.mac
			WHERE d.location_id = ? ORDER BY c.first_at IS NULL, c.first_at, d.first_seen, d.mac`, l.ID, a.LocationID)
		if err != nil {
			return e, err
		}
		e.Devices = append(e.Devices, devices...)
	}
	e.Receipt, err = readReceipt(ctx, s.readers, l.ID)
	return e, err
}

// Devices hands out a Location's devices, in order of their first sighting; counted
// tells of the license that governs now.
func (s *Store) Devices(ctx context.Context, location string, each func(macwatch.DeviceInfo) error) error {
	if err := s.flushDevices(ctx); err != nil {
		return err
	}
	st, now := s.state.Load(), s.Now()
	l, err := st.location(location)
	if err != nil {
		return err
	}
	governing := licensing.Governing(l.Licenses, now)
	var id int64
	var allotment licensing.Allotment
	if governing != nil {
		id = governing.ID
		allotment, _ = governing.AllotmentAt(l.ID)
	}
	buried, err := s.tombstones(ctx, id, l.ID, l.Code)
	if err != nil {
		return err
	}
	r, err := s.readers.QueryContext(ctx, `SELECT d.mac, d.first_seen, d.last_seen, d.reason, c.first_at, c.last_at
		FROM devices d LEFT JOIN counted c ON c.license_id = ? AND c.location_id = d.location_id AND c.mac = d.mac
		WHERE d.location_id = ? ORDER BY d.first_seen, d.mac`, id, l.ID)
	if err != nil {
		return wrap("read the devices", err)
	}
	defer func() { _ = r.Close() }()
	for r.Next() {
		var mac, seen, latest int64
		var first, last sql.NullInt64
		var reason string
		if err := r.Scan(&mac, &seen, &latest, &reason, &first, &last); err != nil {
			return wrap("read the devices", err)
		}
		d := macwatch.DeviceInfo{MAC: macwatch.MAC(mac), FirstSeen: fromMicros(seen), LastSeen: fromMicros(latest)}
		d.PrivateAddress = d.MAC.Private()
		buried(d.MAC, &first, &last)
		d.Counted, d.Reason = standing(first.Valid, fromNullMicros(last), d.LastSeen, reason, governing, allotment, now)
		if err := each(d); err != nil {
			return err
		}
	}
	return wrap("read the devices", r.Err())
}

// standing says whether a device counts for the license now, and if not, why not:
// last is its latest counted sighting, seen its latest of all, reason what stood
// against that one.
func standing(counted bool, last, seen time.Time, reason string, l *licensing.License, a licensing.Allotment, now time.Time) (bool, string) {
	switch {
	case !counted && seen.Before(a.At.Truncate(time.Second)):
		return false, licensing.ReasonBeforeProvisioning.String()
	case !counted && l != nil && !seen.After(l.CountsAfter()):
		return false, licensing.ReasonBeforeRecount.String()
	case !counted:
		return false, cmp.Or(reason, licensing.ReasonNotSighted.String())
	case l.Terms.CountWindow > 0 && !last.After(now.Add(-l.Terms.CountWindow)):
		return false, licensing.ReasonOutsideWindow.String()
	}
	return true, ""
}
