package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"tallygate/licensing"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date: each file of migrations/ once, in the order
// of their names, each in a transaction of its own. user_version says how many have
// been applied. A database of a newer Tallygate is refused.
func migrate(ctx context.Context, conn *sql.Conn, now time.Time) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return faultf("cannot list the migrations: %w", err)
	}
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return faultf("cannot read the schema version: %w", err)
	}
	if version > len(files) {
		return licensing.Errorf(licensing.CodeConflict, "the database has schema %d, this tallygate knows %d", version, len(files)).
			WithHint("install the newer tallygate again, or restore a backup of before its first start")
	}
	for i := version; i < len(files); i++ {
		text, err := fs.ReadFile(migrations, files[i])
		if err != nil {
			return faultf("cannot read a migration: %w", err)
		}
		script := fmt.Sprintf("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version = %d;\nCOMMIT;", text, i+1)
		if _, err := conn.ExecContext(ctx, script); err != nil {
			_, _ = conn.ExecContext(ctx, "ROLLBACK")
			return faultf("migration %s failed, nothing was changed: %w", files[i], err)
		}
	}
	_, err = conn.ExecContext(ctx, "INSERT OR IGNORE INTO meta (key, value) VALUES ('created_at', ?)", now.UTC().Format(time.RFC3339))
	if err != nil {
		return faultf("cannot write to the database: %w", err)
	}
	return nil
}
