package store

import (
	"context"
	"database/sql"
	"errors"

	"go.uber.org/zap"

	"tallygate/licensing"
)

// How guests' addresses are stored (privacy.mac_storage).
const (
	MACClear = "clear"
	MACHMAC  = "hmac" // as keyed pseudonyms
)

// What the database says of it.
const (
	metaStorage = "mac_storage"
	metaKey     = "privacy_key" // fingerprint of the key that pseudonyms in it are made with
	metaScrub   = "privacy_scrub"
)

// settleVeils finds out how addresses are stored here, and turns those that stand in clear
// into pseudonyms where the configuration says so now; it reports whether it did. Back is
// no way: a pseudonym tells no address.
func (s *Store) settleVeils(ctx context.Context, conn *sql.Conn) (switched bool, err error) {
	v := s.veils
	stored, err := readMeta(ctx, conn, metaStorage)
	if err != nil {
		return false, err
	}
	if err := v.check(ctx, conn); err != nil {
		return false, err
	}
	wanted := s.macStorage == MACHMAC
	if stored == MACHMAC && !wanted {
		return false, s.reveal(ctx, conn)
	}
	if !wanted {
		return false, nil
	}
	if err := v.create(); err != nil {
		return false, err
	}
	v.concealed = true
	if v.box, err = newBox(v); err != nil {
		return false, err
	}
	if stored != MACHMAC {
		s.log.Info("turning the stored addresses of guests into keyed pseudonyms; this may take minutes")
		if err := conceal(ctx, conn, v); err != nil {
			return false, err
		}
		switched = true
	}
	return switched, s.scrub(ctx, conn)
}

// check holds the key file against the database.
func (v *veils) check(ctx context.Context, conn *sql.Conn) error {
	known, err := readMeta(ctx, conn, metaKey)
	switch {
	case err != nil || known == "":
		return err
	case v.master == nil:
		return licensing.Errorf(licensing.CodeConflict, "%s is missing: the database holds pseudonyms that were made with it", v.path).
			WithHint("restore the file from a backup; with another key every device would be unknown and count anew. To begin anew, use an empty data_dir")
	case v.fingerprint() != known:
		return licensing.Errorf(licensing.CodeConflict, "%s is not the key of this database (%s)", v.path, known).
			WithHint("restore the file that belongs to it from a backup. To begin anew, use an empty data_dir")
	}
	return nil
}

// reveal goes back to clear, where nothing is stored of any device.
func (s *Store) reveal(ctx context.Context, conn *sql.Conn) error {
	tables, err := macTables(ctx, conn)
	if err != nil {
		return err
	}
	for _, name := range []string{"journal", "device_journal", "raw_records", "receipts"} {
		tables = append(tables, macTable{name: name})
	}
	for _, t := range tables {
		var used bool
		if err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+t.name+`)`).Scan(&used); err != nil {
			return faultf("cannot read the database: %w", err)
		}
		if used {
			return licensing.Errorf(licensing.CodeRefused, "privacy.mac_storage cannot go from hmac back to clear: nobody can turn a pseudonym into the address it was made of").
				WithHint("set privacy: {mac_storage: hmac} again; to store addresses in clear from now on, begin with an empty data_dir")
		}
	}
	_, err = conn.ExecContext(ctx, `DELETE FROM meta WHERE key = ?`, metaStorage)
	return wrap("store addresses in clear", err)
}

// scrub rewrites the database once after the switch, so that no page and no log of it
// holds what was there before. After a crash the next start does it.
func (s *Store) scrub(ctx context.Context, conn *sql.Conn) error {
	due, err := readMeta(ctx, conn, metaScrub)
	if err != nil || due == "" {
		return err
	}
	for _, step := range []string{`VACUUM`, `PRAGMA wal_checkpoint(TRUNCATE)`, `DELETE FROM meta WHERE key = '` + metaScrub + `'`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		if _, err := conn.ExecContext(ctx, step); err != nil {
			return licensing.Errorf(licensing.CodeUnavailable, "the database cannot be rewritten without the addresses it held: %w", err).
				WithHint("it needs free space of twice its size; then start again: nothing is lost")
		}
	}
	s.log.Info("no address of a guest is stored any more", zap.String("key", s.veils.path),
		zap.String("what_to_do", "back up this file apart from the database; backups of before still hold addresses"))
	return nil
}

// readMeta is "" for what was never noted.
func readMeta(ctx context.Context, q querier, key string) (value string, err error) {
	err = q.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, wrap("read the store", err)
}

// noteMeta notes it within the transaction that is open.
func noteMeta(ctx context.Context, conn *sql.Conn, key, value string) error {
	_, err := conn.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`, key, value)
	return wrap("write to the store", err)
}

// macTable is a table whose rows name a device.
type macTable struct {
	name     string
	location string // SQL: the Location of a row
}

// elsewhere tells of rows that do not say themselves at which Location their device is.
var elsewhere = map[string]string{"pass_devices": ticketDevicesAt, "receipt_devices": receiptDevicesAt}

const (
	ticketDevicesAt  = `(SELECT p.location_id FROM passes p WHERE p.id = pass_devices.pass_id)`
	receiptDevicesAt = `coalesce((SELECT l.id FROM receipts r JOIN locations l ON l.code = json_extract(r.text, '$.location')
		WHERE r.license_id = receipt_devices.license_id AND instr(r.text, receipt_devices.pseudonym) > 0 ORDER BY r.id DESC LIMIT 1), 0)`
)

// macTables are all tables that name devices. One that nobody has thought of is a fault:
// rather no start than an address that stays.
func macTables(ctx context.Context, q querier) ([]macTable, error) {
	all, err := rows(ctx, q, func(r *sql.Rows) (t macTable, err error) {
		var has bool
		err = r.Scan(&t.name, &has)
		if t.location = elsewhere[t.name]; has {
			t.location = "location_id"
		}
		return t, err
	}, `SELECT t.name, EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'location_id') FROM sqlite_schema t
		WHERE t.type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'mac') ORDER BY t.name`)
	for _, t := range all {
		if t.location == "" {
			return nil, faultf("table %s names devices, and nobody knows of which Location", t.name)
		}
	}
	return all, err
}

// hasColumn tells of a table's column.
func hasColumn(ctx context.Context, q querier, table, column string) (has bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pragma_table_info(?) WHERE name = ?)`, table, column).Scan(&has)
	return has, wrap("read the schema", err)
}
