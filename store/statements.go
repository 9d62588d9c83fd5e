package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// statements are the writer's own, prepared once. All find their rows by equality
// with a whole key: with ORDER BY … LIMIT 1 SQLite prepares a statement anew at each
// other argument, which costs ten times what the search does.
type statements struct {
	begin, commit, rollback                                  *stmt
	insertSession, insertSessions, updateSession             *stmt
	selectSession, selectOpen, selectIndex, insertIndex      *stmt
	selectDevice, selectDeviceCount, upsertDevice, raiseSeen *stmt
	upsertCounted                                            *stmt
	selectCount, saveCount, insertWindow                     *stmt
	insertRaw, insertNASEvent, noteReporter                  *stmt
	appendJournal, trimJournal, appendDevices, trimDevices   *stmt
	selectOld, deleteSession, deleteNASEvents, deleteRaw     *stmt
	oldestSession, trimIndex, deletePasses                   *stmt
	nextDevices, selectCounted                               *stmt
	selectSilent, selectOnline                               *stmt
}

func (s *statements) all() map[**stmt]string {
	return map[**stmt]string{
		&s.begin:    `BEGIN IMMEDIATE`,
		&s.commit:   `COMMIT`,
		&s.rollback: `ROLLBACK`,

		&s.insertSession:  insertSessions(1),
		&s.insertSessions: insertSessions(sessionsAtOnce),
		&s.updateSession: `UPDATE sessions SET ap = ?, called_mac = ?, ssid = ?, room = ?, session_id = ?, user_name = ?, calling = ?, called = ?,
			class = ?, framed_ip = ?, started_at = ?, begun = ?, updated_at = ?, ended_at = ?, stopped = ?,
			input_octets = ?, output_octets = ?, input_packets = ?, output_packets = ?, session_time = ?,
			terminate_cause = ?, records = ?, keys = ?, origin = ?, gigawords = ?, heard_at = ?, gap = ?, sealed = ? WHERE id = ?`,
		&s.selectSession: `SELECT ` + sessionColumns + ` FROM sessions WHERE id = ?`,
		&s.selectOpen: `SELECT ` + sessionColumns + ` FROM sessions
			WHERE client_id = ?1 AND nas = ?2 AND ended_at IS NULL AND (?3 = 0 OR called_mac = ?3)`,
		&s.selectSilent: `SELECT id FROM sessions INDEXED BY sessions_open_id
			WHERE ended_at IS NULL AND id > ? ORDER BY id LIMIT ?`,
		&s.selectOnline: `SELECT ` + sessionColumns + ` FROM sessions INDEXED BY sessions_open_id
			WHERE ended_at IS NULL AND location_id = ?`,
		&s.selectIndex: `SELECT body FROM session_index WHERE id = ?`,
		&s.insertIndex: `INSERT OR REPLACE INTO session_index (id, body) VALUES (?, ?)`,

		&s.appendJournal: `INSERT INTO journal (id, body) VALUES (?, ?)`,
		&s.trimJournal:   `DELETE FROM journal WHERE id < ?`,
		&s.selectOld: `SELECT id, ident, location_id, mac, updated_at FROM sessions
			WHERE ended_at IS NOT NULL AND ended_at < ? ORDER BY ended_at LIMIT ?`,
		&s.deleteSession:   `DELETE FROM sessions WHERE id = ?`,
		&s.deleteNASEvents: `DELETE FROM nas_events WHERE id IN (SELECT id FROM nas_events WHERE recorded_at < ?1 ORDER BY id LIMIT ?2)`,
		&s.deleteRaw:       `DELETE FROM raw_records WHERE id IN (SELECT id FROM raw_records WHERE recorded_at < ?1 ORDER BY id LIMIT ?2)`,
		&s.deletePasses:    `DELETE FROM passes WHERE id IN (SELECT id FROM passes WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2)`,
		&s.oldestSession:   `SELECT min(id) FROM sessions`,
		&s.trimIndex:       `DELETE FROM session_index WHERE id IN (SELECT id FROM session_index WHERE id < ?1 ORDER BY id LIMIT ?2)`,

		&s.appendDevices: `INSERT INTO device_journal (id, body) VALUES (?, ?)`,
		&s.trimDevices:   `DELETE FROM device_journal WHERE id <= ?`,

		// Not one with a join: SQLite prepares that anew each time: 17 us instead of 3 for both.
		&s.selectDevice:      `SELECT first_seen, last_seen, reason FROM devices WHERE location_id = ? AND mac = ?`,
		&s.selectDeviceCount: `SELECT first_at, last_at FROM counted WHERE license_id = ? AND location_id = ? AND mac = ?`,
		&s.upsertDevice: `INSERT INTO devices (location_id, mac, first_seen, last_seen, reason) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET first_seen = min(first_seen, excluded.first_seen),
			last_seen = max(last_seen, excluded.last_seen), reason = excluded.reason`,
		&s.raiseSeen: `UPDATE devices SET last_seen = ?1 WHERE location_id = ?2 AND mac = ?3 AND last_seen < ?1`,

		&s.upsertCounted: `INSERT INTO counted (license_id, location_id, mac, first_at, last_at, ap, session) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at), first_at = min(first_at, excluded.first_at),
			ap = iif(excluded.first_at < first_at, excluded.ap, ap), session = iif(excluded.first_at < first_at, excluded.session, session)`,
		&s.nextDevices: `SELECT location_id, mac, last_seen FROM devices WHERE (location_id, mac) > (?1, ?2)
			ORDER BY location_id, mac LIMIT ?3`,
		&s.selectCounted: `SELECT 1 FROM counted WHERE license_id = ? AND location_id = ? AND mac = ?`,
		&s.selectCount:   `SELECT devices FROM counts WHERE license_id = ? AND location_id = ?`,
		&s.saveCount: `INSERT INTO counts (license_id, location_id, devices) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET devices = excluded.devices`,
		&s.insertWindow: `INSERT OR IGNORE INTO window_sightings (license_id, location_id, at, mac, ap, session) VALUES (?, ?, ?, ?, ?, ?)`,

		&s.insertRaw: `INSERT INTO raw_records (client_id, location_id, key, status, reason, event_at, recorded_at, packet)
			SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
			WHERE NOT EXISTS (SELECT 1 FROM raw_records WHERE key = ?3 AND abs(event_at - ?6) <= ?9)`,
		&s.noteReporter: `INSERT INTO reporters (client_id, nas, reported_at) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET reported_at = max(reported_at, excluded.reported_at)`,
		&s.insertNASEvent: `INSERT INTO nas_events (client_id, nas, key, status, called_mac, event_at, recorded_at)
			SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
			WHERE NOT EXISTS (SELECT 1 FROM nas_events WHERE key = ?3 AND abs(event_at - ?6) <= ?8)`,
	}
}

// insertSessions is a statement that writes so many rows.
func insertSessions(rows int) string {
	row := `(?` + strings.Repeat(`, ?`, sessionWidth-1) + `)`
	return `INSERT INTO sessions (` + sessionColumns + `) VALUES ` + row + strings.Repeat(`, `+row, rows-1)
}

func prepareAll(ctx context.Context, conn *sql.Conn) (*statements, error) {
	s := &statements{}
	for st, query := range s.all() {
		var err error
		if *st, err = prepare(ctx, conn, query); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

func (s *statements) close() error {
	var errs []error
	for st := range s.all() {
		errs = append(errs, (*st).close())
	}
	return errors.Join(errs...)
}
