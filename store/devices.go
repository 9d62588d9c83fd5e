package store

import (
	"context"
	"database/sql"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// The lists that a device may stand on.
const (
	kindExempt  = "exempt"
	kindBlocked = "blocked"
)

// ListDevice puts a device on the exempt or the blocked list of a Location.
func (s *Store) ListDevice(ctx context.Context, ch licensing.Change, location string, d macwatch.ListedDevice) error {
	if err := checkDevice(d.MAC); err != nil {
		return err
	}
	if d.Kind != kindExempt && d.Kind != kindBlocked {
		return licensing.Errorf(licensing.CodeInvalid, "%q is no list of devices", d.Kind).WithHint("there are exempt and blocked")
	}
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		mac, err := t.w.s.veils.name(l.Code, d.MAC)
		if err != nil {
			return err
		}
		if d.Kind == kindExempt {
			if err := t.checkExempt(l); err != nil {
				return err
			}
		}
		listed := licensing.Errorf(licensing.CodeConflict, "%s is on the %s list of %s already", d.MAC, d.Kind, l.Code).
			WithHint("nothing needs to be done; to change its note take it off first")
		if _, err := t.exec(listed, `INSERT INTO listed_devices (location_id, kind, mac, note, at) VALUES (?, ?, ?, ?, ?)`,
			l.ID, d.Kind, int64(mac), d.Note, micros(t.now)); err != nil {
			return err
		}
		return t.log("device."+d.Kind, l.Code, map[string]string{"device": t.pseudonym(mac), "note": d.Note})
	})
}

// checkExempt keeps to the cap that the Location's key sets on exempt devices.
func (t *tx) checkExempt(l *licensing.Location) error {
	most := licensing.DefaultMaxExempt
	if g := licensing.Governing(l.Licenses, t.now); g != nil {
		most = g.Terms.ExemptCap()
	}
	if len(t.state.venues[l.ID].Exempt) >= most {
		return licensing.Errorf(licensing.CodeRefused, "%s has %d exempt devices, which is all that its license allows", l.Code, most).
			WithHint("take one off the list with `tallygate device exempt --remove`, or ask your distributor")
	}
	return nil
}

// UnlistDevice takes a device off a list.
func (s *Store) UnlistDevice(ctx context.Context, ch licensing.Change, location, kind string, mac macwatch.MAC) error {
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		mac, err := t.w.s.veils.name(l.Code, mac)
		if err != nil {
			return err
		}
		n, err := t.exec(nil, `DELETE FROM listed_devices WHERE location_id = ? AND kind = ? AND mac = ?`, l.ID, kind, int64(mac))
		if err != nil {
			return err
		}
		if n == 0 {
			return licensing.Errorf(licensing.CodeNotFound, "%s is not on the %s list of %s", mac, kind, l.Code).
				WithHint("`tallygate device listed --location %s` shows both lists", l.Code)
		}
		return t.log("device.un"+kind, l.Code, map[string]string{"device": t.pseudonym(mac)})
	})
}

// ListedDevices lists a Location's exempt and blocked devices, oldest first.
func (s *Store) ListedDevices(ctx context.Context, location string) ([]macwatch.ListedDevice, error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return nil, err
	}
	return rows(ctx, s.readers, func(r *sql.Rows) (macwatch.ListedDevice, error) {
		var d macwatch.ListedDevice
		var mac, at int64
		err := r.Scan(&mac, &d.Kind, &d.Note, &at)
		d.MAC, d.At = macwatch.MAC(mac), fromMicros(at)
		return d, err
	}, `SELECT mac, kind, note, at FROM listed_devices WHERE location_id = ? ORDER BY at, mac`, l.ID)
}
