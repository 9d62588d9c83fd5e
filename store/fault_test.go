package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

const patience = 20 * time.Second

// smallDisk mounts a file system of a few megabytes. What is tested with it is what
// a full disk really does, so there is no way around being root.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Fatalf("this test needs root, to mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

// fill leaves no room at all, and returns the file that takes it.
func fill(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	f, err := os.Create(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	for block := make([]byte, 4096); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else {
			require.NoError(t, err)
		}
	}
	return name
}

// second opens the database a second time, as some other program would.
func second(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "tallygate.db")+"?_busy_timeout=5000")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// lock takes the database as another program would; whatever becomes of the test, it
// lets go before the store is closed.
func lock(t *testing.T, v *venue, mode string) (release func()) {
	t.Helper()
	conn, err := second(t, v.dir).Conn(ctx)
	require.NoError(t, err)
	_, err = conn.ExecContext(ctx, "BEGIN "+mode)
	require.NoError(t, err)
	var once sync.Once
	release = func() {
		once.Do(func() {
			_, _ = conn.ExecContext(ctx, "ROLLBACK")
			_ = conn.Close()
		})
	}
	t.Cleanup(release)
	return release
}

func (v *venue) count(query string, args ...any) (n int) {
	v.t.Helper()
	require.NoError(v.t, v.s.readers.QueryRowContext(ctx, query, args...).Scan(&n))
	return n
}

func TestAReallyFullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "4m")
	v := openVenue(t, func(o *Options) { o.Dir = filepath.Join(disk, "data") })
	v.dir = v.options.Dir
	number := v.activate(v.terms())
	require.Equal(t, macwatch.ClaimGranted, v.claim("aa:aa:aa:00:00:01"))
	ballast := fill(t, disk)

	// Some may still fit into what SQLite has; then there is no room any more.
	acknowledged, n := map[string]bool{}, 0
	send := func() error {
		n++
		r := v.record(n, macwatch.StatusStart, func(r *macwatch.Record) { r.UserName = make([]byte, 200) })
		v.store(r)
		if r.Err == nil {
			acknowledged[r.MAC.String()] = true
		}
		return r.Err
	}
	var err error
	for err == nil && n < 5000 {
		err = send()
	}
	require.Error(t, err, "%d records fit on a full disk", n)
	var fault sqlite3.Error
	require.ErrorAs(t, err, &fault)
	require.Equal(t, sqlite3.ErrFull, fault.Code)
	require.False(t, v.s.Writable())

	// An operator's change says what is wrong and what to do; nothing is changed.
	_, err = v.s.DenyLicense(ctx, by, number, "unpaid")
	require.Equal(t, licensing.CodeUnavailable, licensing.CodeOf(err), "%v", err)
	var e *licensing.Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Hint)
	require.NotEqual(t, licensing.AccessDenied, v.summary(number).State)
	// A first claim stays unanswered, but what is read goes on from memory.
	c := collector{make(chan struct{}, 1)}
	claim := &macwatch.Claim{Location: v.location.ID, AP: "aa:aa:aa:00:00:02", At: v.clock.now(), Done: c}
	require.True(t, v.s.Claim(claim))
	<-c.done
	require.Error(t, claim.Err)
	locations, err := v.s.Locations(ctx)
	require.NoError(t, err)
	require.Len(t, locations, 1)

	require.NoError(t, os.Remove(ballast))
	require.Eventually(t, v.s.Writable, patience, 10*time.Millisecond, "service resumes by itself")
	require.NoError(t, send())
	require.Equal(t, macwatch.ClaimGranted, v.claim("aa:aa:aa:00:00:02"))
	_, err = v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)

	check := func() {
		require.Len(t, v.devices(), len(acknowledged), "what was not acknowledged is not there, and nothing else is missing")
		for mac := range acknowledged {
			require.Contains(t, v.devices(), mac)
		}
		require.Len(t, v.sessions(), len(acknowledged))
		require.Equal(t, v.count(`SELECT count(*) FROM counted`), v.count(`SELECT sum(devices) FROM counts`))
		require.Equal(t, len(acknowledged), v.summary(number).DevicesCounted)
		report, err := v.s.VerifyAudit(ctx)
		require.NoError(t, err)
		require.True(t, report.OK, report.Problems)
	}
	check()
	v.restart()
	check()
}

// A crash while the disk is full, and a start while it still is.
func TestACrashOnAFullDiskLosesNothing(t *testing.T) {
	disk := smallDisk(t, "4m")
	v := openVenue(t, func(o *Options) { o.Dir = filepath.Join(disk, "data") })
	v.dir = v.options.Dir
	v.activate(v.terms())
	fill(t, disk)
	stored := 0
	for n := range 5000 {
		r := v.record(n, macwatch.StatusStart)
		v.store(r)
		if r.Err != nil {
			break
		}
		stored++
	}
	require.False(t, v.s.Writable())
	v.crash(t.TempDir()) // onto another disk
	require.Len(t, v.sessions(), stored)
	require.True(t, v.s.Writable())
}

func TestAReallyLockedDatabase(t *testing.T) {
	for _, mode := range []string{"IMMEDIATE", "EXCLUSIVE"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel() // it waits most of the time
			v := openVenue(t)
			number := v.activate(v.terms())
			v.sight(v.record(1, macwatch.StatusStart))
			release := lock(t, v, mode)

			r := v.record(2, macwatch.StatusStart)
			v.store(r)
			require.Error(t, r.Err)
			require.False(t, v.s.Writable())
			_, err := v.s.StartLab(ctx, by, v.location.Code)
			require.Equal(t, licensing.CodeUnavailable, licensing.CodeOf(err), "%v", err)
			require.Equal(t, 1, v.summary(number).DevicesCounted, "reading goes on")

			release()
			require.Eventually(t, v.s.Writable, patience, 10*time.Millisecond, "service resumes by itself")
			v.sight(r) // the NAS sends it again
			require.Equal(t, 2, v.summary(number).DevicesCounted)
			require.Len(t, v.sessions(), 2)
		})
	}
}

// A lock must not keep the gateway from stopping.
func TestCloseEndsWhileTheDatabaseIsLocked(t *testing.T) {
	t.Parallel()
	v := openVenue(t)
	v.sight(v.record(1, macwatch.StatusStart))
	release := lock(t, v, "IMMEDIATE")
	r := v.record(2, macwatch.StatusStart)
	v.store(r)
	require.Error(t, r.Err)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = v.s.Close()
	}()
	select {
	case <-closed:
	case <-time.After(patience):
		release()
		<-closed
		t.Fatal("it ended only with the lock")
	}
	release()
	v.open()
	require.Equal(t, []string{"s-1"}, v.sessionIDs())
}

func TestARecordThatComesAgainAfterAFaultCarriesNoOldError(t *testing.T) {
	v := openVenue(t)
	r := v.record(1, macwatch.StatusStart)
	r.Err = errors.New("of the last time")
	v.sight(r)
}

// refuse makes the database abort this guest's device row, behind the gateway's back.
func refuse(t *testing.T, v *venue, n int) {
	t.Helper()
	_, err := second(t, v.dir).Exec(fmt.Sprintf(`CREATE TRIGGER refuse BEFORE INSERT ON devices WHEN NEW.mac = %d
		BEGIN SELECT raise(ABORT, 'refused for a test'); END`, guest(n)))
	require.NoError(t, err)
}

func TestABadRecordDoesNotSinkItsNeighbours(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	refuse(t, v, 3)
	var records []*macwatch.Record
	for n := range 7 {
		records = append(records, v.record(n, macwatch.StatusStart))
	}
	v.store(records...) // one piece, one batch
	for n, r := range records {
		if n == 3 {
			require.Error(t, r.Err)
		} else {
			require.NoError(t, r.Err, "record %d", n)
		}
	}
	require.True(t, v.s.Writable(), "the store itself is well")
	require.Len(t, v.sessions(), 6)
	require.NotContains(t, v.devices(), guest(3).String())
	sum := v.summary(number)
	require.Equal(t, 6, sum.DevicesCounted)
	require.Equal(t, licensing.InUse, sum.State)
	require.Equal(t, 1, v.count(`SELECT count(*) FROM receipts`))
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.start'`))
	require.Equal(t, 6, v.count(`SELECT sum(devices) FROM counts`))
}

// The bad one comes last, after the record that has started the license in the
// transaction that fails: nothing of that may remain.
func TestAFailedBatchLeavesNothingInMemory(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	refuse(t, v, 9)
	var records []*macwatch.Record
	for n := range 5 {
		records = append(records, v.record(n, macwatch.StatusStart))
	}
	bad := v.record(9, macwatch.StatusStart)
	// Only the bad record and four good ones.
	v.store(append(records[:4:4], bad)...)
	require.Error(t, bad.Err)
	require.Equal(t, licensing.PendingStart, v.summary(number).State)
	require.Equal(t, 4, v.summary(number).DevicesCounted)
	v.sight(records[4])
	require.Equal(t, licensing.InUse, v.summary(number).State)
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK, report.Problems)
}

func TestAWithdrawnJumpIsSettledWhenTheStoreCanBeWrittenAgain(t *testing.T) {
	t.Parallel()
	v := openVenue(t)
	v.set(v.clock.advance, 25*time.Hour)
	v.set(v.clock.jump, 10*time.Hour)
	number := v.activate(v.terms())
	_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	release := lock(t, v, "IMMEDIATE")
	v.clock.jump(-10 * time.Hour)
	require.Eventually(t, func() bool { return !v.s.Writable() }, patience, 10*time.Millisecond, "housekeeping met the lock")
	release()
	require.Eventually(t, v.s.Writable, patience, 10*time.Millisecond)
	require.WithinDuration(t, v.clock.now(), v.s.Now(), 0, "the jump was withdrawn")
	require.Equal(t, licensing.AccessDenied.String(), v.summary(number).State.String())
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'clock.jump withdrawn'`))
}

// The writer's own connection: an answer means that fsync has returned (RFC 2866
// section 3 lets a server answer only what it has recorded).
func TestTheWriterCommitsWithFsync(t *testing.T) {
	v := openVenue(t)
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"}
	got := map[string]string{}
	v.s.onWriter(func() {
		for name := range want {
			var value string
			require.NoError(t, v.s.w.conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value))
			got[name] = value
		}
	})
	require.Equal(t, want, got)
}

// reader looks into the database, on a connection of its own, at the very moment at
// which records come back.
type reader struct {
	db   *sql.DB
	seen chan int
}

func (r reader) Answered(records []*macwatch.Record) {
	n := 0
	for _, rec := range records {
		var found int
		err := r.db.QueryRowContext(context.Background(), `SELECT EXISTS (SELECT 1 FROM sessions WHERE session_id = ?1)
			OR EXISTS (SELECT 1 FROM journal WHERE instr(body, CAST(?1 AS BLOB)) > 0)`, string(rec.SessionID)).Scan(&found)
		if err == nil {
			n += found
		}
	}
	r.seen <- n
}

func TestAnAnswerComesAfterTheCommit(t *testing.T) {
	v := openVenue(t)
	r := reader{second(t, v.dir), make(chan int, 100)}
	for n := range 20 {
		rec := v.record(n, macwatch.StatusStart, func(r *macwatch.Record) { r.SessionID = fmt.Appendf(nil, "session-%06d-", n) })
		rec.Done = r
		require.Equal(t, 1, v.s.Append([]*macwatch.Record{rec}))
		require.Equal(t, 1, <-r.seen, "the record is in the database when its answer is due")
	}
}

func TestAFullQueueRefuses(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.Queue = 3 })
	held, released := make(chan struct{}), make(chan struct{})
	require.True(t, v.s.queue.push(op{task: &task{run: func(*writer) {
		close(held)
		<-released
	}}}))
	<-held
	c := collector{make(chan struct{}, 10)}
	var records []*macwatch.Record
	for n := range 5 {
		r := v.record(n, macwatch.StatusStart)
		r.Done = c
		records = append(records, r)
	}
	require.Equal(t, 3, v.s.Append(records))
	require.Equal(t, 0, v.s.Append(records[3:]))
	require.False(t, v.s.Claim(&macwatch.Claim{Location: v.location.ID, AP: "ap", Done: c}))
	there := make(chan struct{})
	go func() {
		defer close(there)
		v.s.AwaitRoom()
	}()
	close(released)
	for range 3 {
		<-c.done
	}
	<-there
	require.Equal(t, 2, v.s.Append(records[3:]), "after there was room again")
	for range 2 {
		<-c.done
	}
	require.Len(t, v.sessions(), 5)
}

func TestAClosedStoreTakesNothing(t *testing.T) {
	v := openVenue(t)
	c := collector{make(chan struct{}, 10)}
	r := v.record(1, macwatch.StatusStart)
	r.Done = c
	require.Equal(t, 1, v.s.Append([]*macwatch.Record{r}))
	require.NoError(t, v.s.Close())
	<-c.done // what was taken is still answered
	require.NoError(t, r.Err)
	require.Equal(t, 0, v.s.Append([]*macwatch.Record{v.record(2, macwatch.StatusStart)}))
	require.False(t, v.s.Claim(&macwatch.Claim{Location: v.location.ID, AP: "ap"}))
	_, err := v.s.StartLab(ctx, by, v.location.Code)
	require.Equal(t, licensing.CodeUnavailable, licensing.CodeOf(err))
	_, err = v.s.VerifyAudit(ctx)
	require.Equal(t, licensing.CodeUnavailable, licensing.CodeOf(err))
	v.open()
	require.Len(t, v.sessions(), 1)
}
