package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"tallygate/cmd/internal/load"
)

// seed writes straight into the database of a venue whose gateway does not run: what the
// gateway itself would need minutes for. It is the only part of the benchmark that knows
// the schema (store/migrations).
func (v *venue) seed(ctx context.Context, statements ...seeding) error {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(v.dir, "data", "tallygate.db")+"?_journal_mode=WAL&_synchronous=OFF&_cache_size=-262144")
	if err != nil {
		return fmt.Errorf("open the venue's database: %w", err)
	}
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, e := db.ExecContext(ctx, s.sql, s.args...); e != nil {
			err = fmt.Errorf("fill the venue's database: %w", e)
			break
		}
	}
	return errors.Join(err, db.Close())
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
	return []seeding{{sql: counting + `INSERT INTO sessions (id, ident, leg, prior, location_id, client_id, nas, mac, ap, called_mac, ssid, room,
			session_id, user_name, calling, called, class, framed_ip, started_at, begun, updated_at, ended_at, stopped,
			input_octets, output_octets, input_packets, output_packets, session_time, terminate_cause, lab, records, keys)
		SELECT i + 1, randomblob(16), 0, 0, l.id, c.id, 'ap-1', ?2 + i, '00:27:22:00:00:00', 0, 'guests', '',
			printf('%08X', i), '', '', '', x'', 0, at, 1, at, at, 1, 0, 0, 0, 0, 0, 1, 0, 2, randomblob(16)
		FROM (SELECT i, ` + now + ` - 100 * 86400000000 + i AS at FROM n), locations l, clients c`,
		args: []any{count, load.MAC(0, uint64(count))}}}
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
