package gather

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var ctx = context.Background()

// open opens a database on a connection of its own: the writer's through the gathering VFS, that
// of others through SQLite's own.
func open(t require.TestingT, path, parameters string) (*sql.Conn, func()) {
	db, err := sql.Open("sqlite3", "file:"+path+"?"+parameters)
	require.NoError(t, err)
	conn, err := db.Conn(ctx)
	require.NoError(t, err)
	return conn, func() { _, _ = conn.Close(), db.Close() }
}

const (
	writing = "vfs=" + VFS + "&_journal_mode=WAL&_synchronous=FULL&_busy_timeout=1000"
	reading = "_busy_timeout=1000"
)

func exec(t require.TestingT, conn *sql.Conn, query string, args ...any) {
	_, err := conn.ExecContext(ctx, query, args...)
	require.NoError(t, err, query)
}

func content(t require.TestingT, conn *sql.Conn) map[int]int {
	rows, err := conn.QueryContext(ctx, `SELECT id, length(body) FROM x`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	all := map[int]int{}
	for rows.Next() {
		var id, length int
		require.NoError(t, rows.Scan(&id, &length))
		all[id] = length
	}
	require.NoError(t, rows.Err())
	return all
}

// Whatever the writer does, another connection sees what was committed and nothing else, and so
// does whoever finds the files as they are at that moment: transactions of all lengths, also those
// whose pages go to the log before they end and come back from there, rolled back ones, waiting
// for the disk or not, and checkpoints of each kind.
func TestWhatIsCommittedIsThere(t *testing.T) {
	require.NoError(t, Register())
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.db")
		writer, closeWriter := open(rt, path, writing)
		defer closeWriter()
		exec(rt, writer, `PRAGMA cache_size = `+rapid.SampledFrom([]string{"10", "2000"}).Draw(rt, "cache")) // with 10 pages most transactions spill
		exec(rt, writer, `PRAGMA wal_autocheckpoint = 0`)
		exec(rt, writer, `CREATE TABLE x (id INTEGER PRIMARY KEY, body BLOB)`)
		reader, closeReader := open(rt, path, reading)
		defer closeReader()
		want := map[int]int{}
		transaction := func(rt *rapid.T, end string) map[int]int {
			now := maps.Clone(want)
			write := func(upTo int) {
				for range rapid.IntRange(1, upTo).Draw(rt, "rows") {
					id, n := rapid.IntRange(1, 200).Draw(rt, "id"), rapid.SampledFrom([]int{0, 1, 100, 3000, 9000, 30_000}).Draw(rt, "length")
					exec(rt, writer, `INSERT INTO x VALUES (?1, zeroblob(?2)) ON CONFLICT DO UPDATE SET body = excluded.body`, id, n)
					now[id] = n
				}
			}
			exec(rt, writer, `BEGIN IMMEDIATE`)
			write(20)
			if rapid.Bool().Draw(rt, "savepoint") { // frames that were written may be written over
				kept := maps.Clone(now)
				exec(rt, writer, `SAVEPOINT s`)
				write(20)
				exec(rt, writer, `ROLLBACK TO s`)
				now = kept
				write(20)
			}
			require.Equal(rt, now, content(rt, writer), "it sees what it writes")
			exec(rt, writer, end)
			return now
		}
		rt.Repeat(map[string]func(*rapid.T){
			"commit":   func(rt *rapid.T) { want = transaction(rt, `COMMIT`) },
			"rollback": func(rt *rapid.T) { transaction(rt, `ROLLBACK`) },
			"wait": func(rt *rapid.T) {
				exec(rt, writer, `PRAGMA synchronous = `+rapid.SampledFrom([]string{"NORMAL", "FULL"}).Draw(rt, "mode"))
			},
			"checkpoint": func(rt *rapid.T) {
				kind := rapid.SampledFrom([]string{"PASSIVE", "FULL", "RESTART", "TRUNCATE"}).Draw(rt, "kind")
				exec(rt, rapid.SampledFrom([]*sql.Conn{writer, reader}).Draw(rt, "by"), `PRAGMA wal_checkpoint(`+kind+`)`)
			},
			"": func(rt *rapid.T) {
				require.Equal(rt, want, content(rt, reader))
				left := copyOf(rt, dir)
				found, closeFound := open(rt, filepath.Join(left, "x.db"), reading)
				require.Equal(rt, want, content(rt, found))
				var verdict string
				require.NoError(rt, found.QueryRowContext(ctx, `PRAGMA integrity_check`).Scan(&verdict))
				require.Equal(rt, "ok", verdict)
				closeFound()
				require.NoError(rt, os.RemoveAll(left))
			},
		})
	})
}

// copyOf copies the database and its log as they are: what a crash leaves.
func copyOf(t require.TestingT, dir string) string {
	left := filepath.Join(dir, "left")
	require.NoError(t, os.Mkdir(left, 0o700))
	for _, name := range []string{"x.db", "x.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(left, name), b, 0o600))
	}
	return left
}

// writes is how many system calls of this thread have written.
func writes(t *testing.T) (n int) {
	t.Helper()
	b, err := os.ReadFile("/proc/thread-self/io")
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "syscw: "); ok {
			_, err := fmt.Sscan(rest, &n)
			require.NoError(t, err)
			return n
		}
	}
	t.Fatal("the kernel does not count them")
	return 0
}

func TestATransactionIsWrittenAtOnce(t *testing.T) {
	require.NoError(t, Register())
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cost := func(parameters string, pages int) int {
		conn, closeConn := open(t, filepath.Join(t.TempDir(), "x.db"), parameters)
		defer closeConn()
		exec(t, conn, `CREATE TABLE x (id INTEGER PRIMARY KEY, body BLOB)`)
		exec(t, conn, `INSERT INTO x VALUES (1, zeroblob(100))`)
		exec(t, conn, `PRAGMA wal_autocheckpoint = 0`)
		before := writes(t)
		exec(t, conn, `INSERT INTO x VALUES (2, zeroblob(?))`, pages*4096)
		return writes(t) - before
	}
	require.Greater(t, cost(strings.Replace(writing, "vfs="+VFS, "vfs=unix", 1), 24), 48, "SQLite makes two for each page")
	require.LessOrEqual(t, cost(writing, 24), 3)
	require.LessOrEqual(t, cost(writing, 1000), 1000/30, "31 of them at once")
}

// Databases with other pages than ours are written, too.
func TestPagesOfAnyLength(t *testing.T) {
	require.NoError(t, Register())
	for size := 512; size <= 65536; size *= 2 {
		path := filepath.Join(t.TempDir(), "x.db")
		conn, closeConn := open(t, path, strings.Replace(writing, "_journal_mode=WAL&", "", 1))
		exec(t, conn, fmt.Sprintf(`PRAGMA page_size = %d`, size))
		exec(t, conn, `PRAGMA journal_mode = WAL`)
		exec(t, conn, `CREATE TABLE x (id INTEGER PRIMARY KEY, body BLOB)`)
		for id := range 20 {
			exec(t, conn, `INSERT INTO x VALUES (?, zeroblob(?))`, id, id*20_000)
		}
		reader, closeReader := open(t, path, reading)
		require.Len(t, content(t, reader), 20)
		closeReader()
		closeConn()
	}
}

// On a full disk it is COMMIT that fails, nobody sees the transaction, and the next one succeeds
// when there is room again.
func TestAFullDisk(t *testing.T) {
	require.NoError(t, Register())
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		t.Fatalf("this test needs root, to mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	path := filepath.Join(dir, "x.db")
	writer, closeWriter := open(t, path, writing)
	defer closeWriter()
	exec(t, writer, `CREATE TABLE x (id INTEGER PRIMARY KEY, body BLOB)`)
	exec(t, writer, `INSERT INTO x VALUES (1, zeroblob(10))`)
	reader, closeReader := open(t, path, reading)
	defer closeReader()
	for _, wait := range []string{"NORMAL", "FULL"} {
		exec(t, writer, `PRAGMA synchronous = `+wait)
		for _, size := range []int{600_000, 900_000} {
			exec(t, writer, `BEGIN IMMEDIATE`)
			_, err := writer.ExecContext(ctx, `INSERT INTO x VALUES (2, zeroblob(?)), (3, zeroblob(?))`, size, size)
			if err == nil {
				_, err = writer.ExecContext(ctx, `COMMIT`)
			}
			var fault sqlite3.Error
			require.ErrorAs(t, err, &fault)
			require.Contains(t, []sqlite3.ErrNo{sqlite3.ErrFull, sqlite3.ErrIoErr}, fault.Code)
			_, _ = writer.ExecContext(ctx, `ROLLBACK`)
			require.Equal(t, map[int]int{1: 10}, content(t, reader))
		}
		exec(t, writer, `UPDATE x SET body = zeroblob(10)`)
		require.Equal(t, map[int]int{1: 10}, content(t, reader))
	}
	exec(t, writer, `INSERT INTO x VALUES (4, zeroblob(4))`)
	require.Equal(t, map[int]int{1: 10, 4: 4}, content(t, reader))
}
