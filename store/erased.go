package store

import (
	"context"
	"database/sql"

	"go.uber.org/zap"

	"tallygate/macwatch"
)

// firstVeiled is below every pseudonym and above every address, as SQL has them.
const firstVeiled = int64(1) << 62

// erasedDevices are the devices that were erased where addresses are stored in clear. In
// the count for a license the pseudonym stands in the place of each, so that one that comes
// again is not counted again.
type erasedDevices struct {
	veils map[int64]*macwatch.Veil // of the Locations that have some
	names map[erasedDevice]struct{}
}

type erasedDevice struct {
	license int64
	key     macwatch.DeviceKey // with the pseudonym
}

// loadErased reads them: at the start, and when a change has made or brought some.
func (w *writer) loadErased(ctx context.Context) error {
	w.erased = erasedDevices{veils: map[int64]*macwatch.Veil{}, names: map[erasedDevice]struct{}{}}
	if w.s.veils.concealed {
		return nil // a device is called by its pseudonym anyway
	}
	found, err := rows(ctx, w.conn, func(r *sql.Rows) (d erasedDevice, err error) {
		return d, r.Scan(&d.license, &d.key.Location, &d.key.MAC)
	}, `SELECT license_id, location_id, mac FROM counted WHERE mac >= ?1
		UNION SELECT license_id, location_id, mac FROM window_sightings WHERE mac >= ?1`, firstVeiled)
	for _, d := range found {
		w.erased.names[d] = struct{}{}
		if l := w.state.locations[d.key.Location]; l != nil && w.erased.veils[l.ID] == nil {
			w.erased.veils[l.ID] = w.s.veils.tombstones(l.Code)
		}
	}
	return err
}

// reloadErased is loadErased after a change that is committed.
func (w *writer) reloadErased() {
	if err := w.loadErased(context.Background()); err != nil {
		w.s.log.Error("the erased devices cannot be read; until the next start one of them may be counted again", zap.Error(err))
	}
}

// countedAs is the name under which a device counts for a license: its own, unless it was
// erased after it had counted.
func (w *writer) countedAs(location int64, mac macwatch.MAC, license int64) macwatch.MAC {
	veil := w.erased.veils[location]
	if veil == nil {
		return mac
	}
	name := veil.Name(mac)
	if _, ok := w.erased.names[erasedDevice{license, macwatch.DeviceKey{Location: location, MAC: name}}]; !ok {
		return mac
	}
	return name
}

// tombstones returns what completes a line of a list: since when a device counts that was
// erased and has come again.
func (s *Store) tombstones(ctx context.Context, license, location int64, code string) (func(m macwatch.MAC, first, last *sql.NullInt64), error) {
	veil := s.veils.tombstones(code)
	if veil == nil || s.veils.concealed {
		return func(macwatch.MAC, *sql.NullInt64, *sql.NullInt64) {}, nil
	}
	type span struct{ first, last sql.NullInt64 }
	found := map[macwatch.MAC]span{}
	_, err := rows(ctx, s.readers, func(r *sql.Rows) (none struct{}, err error) {
		var name macwatch.MAC
		var counts span
		err = r.Scan(&name, &counts.first, &counts.last)
		found[name] = counts
		return none, err
	}, `SELECT mac, first_at, last_at FROM counted WHERE license_id = ? AND location_id = ? AND mac >= ?`, license, location, firstVeiled)
	return func(m macwatch.MAC, first, last *sql.NullInt64) {
		if len(found) == 0 || first.Valid {
			return
		}
		if counts, ok := found[veil.Name(m)]; ok {
			*first, *last = counts.first, counts.last
		}
	}, err
}
