package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"tallygate/licensing"
	"tallygate/store/gather"
)

// PRAGMAs belong to a connection and a pool opens new ones behind one's back, so
// they stand in the data source name. synchronous=FULL must be said: the driver is
// compiled with NORMAL for WAL, which loses the last commits in a power cut. A connection needs
// no lock of its own: one goroutine at a time uses it, by database/sql or, past it, the writer.
const (
	writerPragmas = "vfs=" + gather.VFS + "&_mutex=no&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=on&_busy_timeout=1000&_cache_size=-16384"
	readerPragmas = "mode=ro&_query_only=on&_busy_timeout=5000&_cache_size=-16384"
)

func openWriter(ctx context.Context, path string) (*sql.DB, error) {
	if err := gather.Register(); err != nil {
		return nil, faultf("cannot open the database: %w", err)
	}
	// It holds shared secrets and guests' passwords: nobody else reads it. SQLite gives
	// its -wal and -shm files the same mode.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, licensing.Errorf(licensing.CodeInternal, "cannot open the database: %w", err).
			WithHint("check who owns %s", path)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return nil, faultf("cannot keep the database to this user: %w", err)
	}
	db, err := sql.Open("sqlite3", dsn(path, writerPragmas))
	if err != nil {
		return nil, faultf("cannot open the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	if _, err := db.ExecContext(ctx, "PRAGMA wal_autocheckpoint = 0"); err != nil { // see checkpointer
		_ = db.Close()
		return nil, licensing.Errorf(licensing.CodeInternal, "cannot open %s: %w", path, err).
			WithHint("check that the disk has room and that this user owns the file")
	}
	return db, nil
}

func openReaders(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", dsn(path, readerPragmas))
	if err != nil {
		return nil, faultf("cannot open the database for reading: %w", err)
	}
	db.SetMaxOpenConns(4)
	return db, nil
}

func dsn(path, pragmas string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas}
	return u.String()
}

// lockDir keeps a second daemon from the same data directory: SQLite would let both
// in, and both would count.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, licensing.Errorf(licensing.CodeInternal, "cannot open the lock file: %w", err).
			WithHint("check who owns %s", dir)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, licensing.Errorf(licensing.CodeConflict, "another tallygate is running on %s", dir).
			WithHint("stop it first, or give this one another data_dir")
	}
	return f, nil
}

// faultf makes an internal Error: a fault of ours or of the machine.
func faultf(format string, args ...any) error {
	return licensing.Errorf(licensing.CodeInternal, format, args...)
}

// diskFault reports whether err says that nothing can be written at present,
// whatever is written: then it is of no use to try the next record.
func diskFault(err error) bool {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrReadonly,
		sqlite3.ErrCantOpen, sqlite3.ErrCorrupt, sqlite3.ErrNomem, sqlite3.ErrPerm, sqlite3.ErrNotADB:
		return true
	}
	return false
}

// unavailable wraps a fault of the disk as what the operator should know.
func unavailable(err error) error {
	if !diskFault(err) {
		return err
	}
	return licensing.Errorf(licensing.CodeUnavailable, "the store cannot be written: %w", err).
		WithHint("free disk space or release the lock on tallygate.db, then try again")
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// instantAt is an INTEGER column of a time.
func instantAt(column driver.Value) time.Time {
	us, _ := column.(int64)
	return fromMicros(us)
}

// nullMicros stores the zero time as NULL.
func nullMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func fromNullMicros(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return fromMicros(us.Int64)
}

// constraint reports whether err is a violated UNIQUE, PRIMARY KEY or foreign key.
func constraint(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code == sqlite3.ErrConstraint
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
