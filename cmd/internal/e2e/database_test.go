package e2e

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3" // the driver
	"github.com/stretchr/testify/require"
)

// database is the store of a gateway that has been stopped, read behind its back.
type database struct{ *sql.DB }

func (g *gateway) openDatabase(t *testing.T) database {
	t.Helper()
	require.Nil(t, g.daemon, "stop the gateway first")
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(g.dir, "data", "tallygate.db")+"?mode=ro")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return database{db}
}

// number is the result of a query for one; 0 for NULL.
func (db database) number(t *testing.T, query string) int {
	t.Helper()
	var n sql.NullInt64
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n), query)
	return int(n.Int64)
}

// startedOnce expects that the license has started, and did so once.
func (db database) startedOnce(t *testing.T) {
	t.Helper()
	require.Equal(t, 1, db.number(t, "SELECT count(*) FROM receipts"), "receipts")
	require.Equal(t, 1, db.number(t, "SELECT count(*) FROM audit WHERE action = 'license.start'"), "starts in the audit log")
	require.Equal(t, 1, db.number(t, "SELECT count(*) FROM licenses WHERE started_at IS NOT NULL"), "started licenses")
}

// whole expects a file without damage, and counters that say what is there.
func (db database) whole(t *testing.T) {
	t.Helper()
	var verdict string
	require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
	require.Equal(t, "ok", verdict)
	require.Zero(t, db.number(t, `SELECT count(*) FROM counts WHERE devices <>
		(SELECT count(*) FROM counted c WHERE c.license_id = counts.license_id AND c.location_id = counts.location_id)`), "counters that are not count(*)")
	require.Equal(t, db.number(t, "SELECT count(*) FROM counted"), db.number(t, "SELECT sum(devices) FROM counts"), "counters together")
	require.Zero(t, db.number(t, "SELECT count(*) FROM (SELECT 1 FROM sessions GROUP BY ident, leg HAVING count(*) > 1)"), "sessions stored twice")
}
