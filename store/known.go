package store

import (
	"context"
	"database/sql"

	"go.uber.org/zap"

	"tallygate/macwatch"
)

// Sizes of the filter of known devices.
const (
	knownPart = 1 << 20 // devices of a part of it, 2 octets each
	knownStep = 4096    // devices that are learned at once
)

// knownDevices tells of a device that was never seen that it has no rows, which saves two
// searches for each new one. It learns what the tables hold beside the running gateway, so
// that a start does not wait for it; until then everybody may have rows.
type knownDevices struct {
	parts    []filter
	last     int // devices in the last part, at most
	complete bool
}

// hash spreads a device's key over 64 bits (the finalizer of SplitMix64).
func hash(k macwatch.DeviceKey) uint64 {
	h := uint64(k.Location)<<48 ^ uint64(k.MAC)
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// add must be told of every device that is given a row, before or in the transaction; that
// it comes to nothing does no harm.
func (d *knownDevices) add(k macwatch.DeviceKey) {
	h := hash(k)
	if d.has(h) {
		return
	}
	if len(d.parts) == 0 || d.last == knownPart {
		d.parts, d.last = append(d.parts, newFilter(knownPart)), 0
	}
	d.parts[len(d.parts)-1].add(h)
	d.last++
}

// may reports false only for a device that has no rows.
func (d *knownDevices) may(k macwatch.DeviceKey) bool {
	return !d.complete || d.has(hash(k))
}

func (d *knownDevices) has(h uint64) bool {
	for _, p := range d.parts {
		if p.may(h) {
			return true
		}
	}
	return false
}

// learnDevices tells the writer of all devices in the tables, a few at a time, and ends
// when it has, or when the store is closed.
func (s *Store) learnDevices() {
	defer close(s.learned)
	for _, l := range []struct {
		query string
		next  func(learned) []any
	}{
		{`SELECT 0, location_id, mac FROM devices WHERE (location_id, mac) > (?, ?) ORDER BY location_id, mac LIMIT ?`,
			func(l learned) []any { return []any{l.key.Location, int64(l.key.MAC), knownStep} }},
		{`SELECT license_id, location_id, mac FROM counted WHERE (license_id, location_id, mac) > (?, ?, ?)
			ORDER BY license_id, location_id, mac LIMIT ?`,
			func(l learned) []any { return []any{l.license, l.key.Location, int64(l.key.MAC), knownStep} }},
	} {
		if err := s.learn(l.query, l.next); err != nil {
			s.log.Warn("the known devices could not be read; each new one costs two searches more", zap.Error(err))
			return
		}
	}
	s.onWriter(func() { s.w.known.complete = true })
}

type learned struct {
	license int64
	key     macwatch.DeviceKey
}

// learn reads a table in order of its key; args are those of the query after a row.
func (s *Store) learn(query string, args func(after learned) []any) error {
	for after := (learned{}); ; {
		next, err := rows(context.Background(), s.readers, func(r *sql.Rows) (l learned, err error) {
			err = r.Scan(&l.license, &l.key.Location, &l.key.MAC)
			return l, err
		}, query, args(after)...)
		if err != nil || len(next) == 0 {
			return err
		}
		if !s.onWriter(func() {
			for _, l := range next {
				s.w.known.add(l.key)
			}
		}) {
			return nil
		}
		after = next[len(next)-1]
	}
}
