package bench

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tallygate/cmd/internal/load"
)

// seed writes straight into the database of a venue whose gateway does not run: what the
// gateway itself would need minutes for. It is the only part of the benchmark that knows
// the schema (store/migrations).
func (v *venue) seed(ctx context.Context, statements ...seeding) error {
	return v.fill(func(db *sql.DB) error {
		for _, s := range statements {
			if _, err := db.ExecContext(ctx, s.sql, s.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill lets f write, and waits until it is on the disk: some gigabytes at times, which the kernel
// would bring there while something is measured.
func (v *venue) fill(f func(*sql.DB) error) error {
	path := filepath.Join(v.dir, "data", "tallygate.db")
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=OFF&_cache_size=-262144")
	if err != nil {
		return fmt.Errorf("open the venue's database: %w", err)
	}
	db.SetMaxOpenConns(1)
	if err := errors.Join(f(db), db.Close()); err != nil {
		return fmt.Errorf("fill the venue's database: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open the venue's database: %w", err)
	}
	return errors.Join(file.Sync(), file.Close())
}

type seeding struct {
	sql  string
	args []any
}

// now is the time as the schema writes it; sightings of a moment ago are later than the
// provisioning of the license.
const now = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"

// counting counts from 0 up to one below its first argument.
const counting = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1) "

// localGuests makes the guests' passwords the gateway's own business.
func localGuests(accounts int) []seeding {
	return []seeding{
		{sql: "UPDATE locations SET settings = json_set(settings, '$.guests', 'local')"},
		{sql: counting + `INSERT INTO accounts (location_id, user_name, password, note, created_at)
			SELECT l.id, printf('guest-%06d', i), printf('river-%06d', i), '', ` + now + ` FROM n, locations l`, args: []any{accounts}},
	}
}

// oldSessions makes so many sessions that ended 100 days ago.
func oldSessions(count int) []seeding {
	return []seeding{{sql: sessionRows(`i + 1`, `?2 + i`, `100 * 86400000000 - i`), args: []any{count, load.MAC(0, uint64(count))}}}
}

// sessionRows makes ?1 sessions that are over: their ids, their devices' addresses and how many
// microseconds ago they were are expressions of i, from 0 on.
func sessionRows(id, mac, ago string) string {
	return counting + `INSERT INTO sessions (id, ident, leg, prior, location_id, client_id, nas, mac, ap, called_mac, ssid, room,
			session_id, user_name, calling, called, class, framed_ip, started_at, begun, updated_at, ended_at, stopped,
			input_octets, output_octets, input_packets, output_packets, session_time, terminate_cause, lab, records, keys)
		SELECT ` + id + `, randomblob(16), 0, 0, l.id, c.id, 'ap-1', ` + mac + `, '00:27:22:00:00:00', 0, 'guests', '',
			printf('%08X', i), '', '', '', x'', 0, at, 1, at, at, 1, 0, 0, 0, 0, 0, 1, 0, 2, randomblob(16)
		FROM (SELECT i, ` + now + ` - (` + ago + `) AS at FROM n), locations l, clients c`
}

// Sizes of the gateway's index of sessions (store/index.go).
const (
	generationRows = 1 << 16
	indexSlices    = 192
)

// seedSessions makes so many sessions of the known devices, which ended ten days ago, and the
// index that the gateway has of them.
func (v *venue) seedSessions(ctx context.Context, count int) error {
	return v.fill(func(db *sql.DB) error {
		// Else the gateway would ask all of them when their devices were seen.
		if _, err := db.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('seen_written', `+now+`) ON CONFLICT DO UPDATE SET value = excluded.value`); err != nil {
			return err
		}
		for first := 0; first < count; first += generationRows {
			n := min(generationRows, count-first)
			if _, err := db.ExecContext(ctx, sessionRows(`?2 + i + 1`, `?3 + i`, `10 * 86400000000 - ?2 - i`), n, first, load.MAC(0, uint64(count))+uint64(first)); err != nil {
				return err
			}
			if n < generationRows {
				break // not full, and not sealed
			}
			if err := seedIndex(ctx, db, first/generationRows); err != nil {
				return err
			}
		}
		return nil
	})
}

// seedIndex writes the index of a generation of sessions: its identities in order, by slices.
func seedIndex(ctx context.Context, db *sql.DB, generation int) error {
	rows, err := db.QueryContext(ctx, `SELECT ident, id FROM sessions WHERE id > ?1 AND id <= ?1 + ?2 ORDER BY ident`, generation*generationRows, generationRows)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var slices [indexSlices][]byte
	for rows.Next() {
		var ident sql.RawBytes
		var id int
		if err := rows.Scan(&ident, &id); err != nil {
			return err
		}
		key := binary.BigEndian.Uint64(ident)
		s := &slices[key>>32*indexSlices>>32]
		*s = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64(*s, key), uint16(id-1-generation*generationRows))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for i, body := range slices {
		if _, err := tx.ExecContext(ctx, `INSERT INTO session_index (id, body) VALUES (?, ?)`, generation*indexSlices+i, body); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// knownDevices makes the generator's devices known and counted.
func knownDevices(count int) []seeding {
	first := load.MAC(0, uint64(count))
	return []seeding{
		{sql: counting + `INSERT INTO devices (location_id, mac, first_seen, last_seen, reason)
			SELECT l.id, ?2 + i, ` + now + `, ` + now + `, '' FROM n, locations l`, args: []any{count, first}},
		{sql: `INSERT INTO counted (license_id, location_id, mac, first_at, last_at, ap, session)
			SELECT a.license_id, d.location_id, d.mac, d.first_seen, d.last_seen, '00:27:22:00:00:00', '1A2B3C4D-5E6F7A8B'
			FROM devices d JOIN allotments a USING (location_id)`},
		{sql: `INSERT INTO counts (license_id, location_id, devices) SELECT license_id, location_id, count(*) FROM counted GROUP BY 1, 2`},
	}
}
