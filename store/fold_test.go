package store

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// stubborn makes the database refuse the row of one session, behind the gateway's back.
func stubborn(t *testing.T, v *venue, id string) {
	t.Helper()
	_, err := second(t, v.dir).Exec(`CREATE TRIGGER stubborn BEFORE INSERT ON sessions WHEN NEW.session_id = '` + id + `'
		BEGIN SELECT raise(ABORT, 'refused for a test'); END`)
	require.NoError(t, err)
}

func (v *venue) sessionIDs() (ids []string) {
	v.t.Helper()
	for _, s := range v.sessions() {
		ids = append(ids, s.SessionID)
	}
	return ids
}

// A session whose row cannot be written, though its record was acknowledged, must not
// hold up the others, nor the gateway's next start, nor be lost.
func TestASessionThatCannotBeFoldedHoldsUpNothing(t *testing.T) {
	v := openVenue(t)
	stubborn(t, v, "s-2")
	var all []*macwatch.Record
	var others []string
	for n := range 2*sessionsAtOnce + 3 { // several rows are written by one statement
		all = append(all, v.record(n, macwatch.StatusStart))
		if n != 2 {
			others = append(others, fmt.Sprintf("s-%d", n))
		}
	}
	v.store(all...)
	for _, r := range all {
		require.NoError(t, r.Err, "it is acknowledged: only its row cannot be written")
	}
	require.Subset(t, v.sessionIDs(), others)
	require.NoError(t, v.s.flushDevices(ctx))
	require.True(t, v.s.Writable(), "commits succeed")
	v.clock.advance(time.Minute)
	v.sight(v.record(7, macwatch.StatusStart))
	v.restart()
	require.Contains(t, v.sessionIDs(), "s-7")
	_, err := second(t, v.dir).Exec(`DROP TRIGGER stubborn`)
	require.NoError(t, err)
	v.restart()
	require.Contains(t, v.sessionIDs(), "s-2", "it was acknowledged")
}

// Rows that were written and rolled back are none: the sessions get others, and are shown meanwhile.
func TestFoldingThatIsRolledBack(t *testing.T) {
	v := openVenue(t)
	db := second(t, v.dir)
	_, err := db.Exec(`CREATE TRIGGER stubborn BEFORE DELETE ON journal BEGIN SELECT raise(ABORT, 'refused for a test'); END`)
	require.NoError(t, err)
	var all []*macwatch.Record
	var ids []string
	for n := range sessionsAtOnce + 2 {
		all = append(all, v.record(n, macwatch.StatusStart))
		ids = append(ids, fmt.Sprintf("s-%d", n))
	}
	v.store(all...)
	require.ElementsMatch(t, ids, v.sessionIDs())
	rows := 0
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM sessions`).Scan(&rows))
	require.Less(t, rows, len(ids), "the last one's transaction forgets the journal's row")
	_, err = db.Exec(`DROP TRIGGER stubborn`)
	require.NoError(t, err)
	v.restart()
	require.ElementsMatch(t, ids, v.sessionIDs())
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM sessions`).Scan(&rows))
	require.Equal(t, len(ids), rows)
}

func TestSessionsAreListedWhileTheStoreIsLocked(t *testing.T) {
	t.Parallel()
	v := openVenue(t)
	v.sight(v.record(1, macwatch.StatusStart))
	lock(t, v, "IMMEDIATE")
	require.Equal(t, []string{"s-1"}, v.sessionIDs(), "it was acknowledged, so it is shown")
}

// A crash before anybody has looked: everything comes from the journal.
func TestACrashLosesNothingThatWasNotFolded(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	at := func(m int) func(*macwatch.Record) {
		return stamped(time.Date(2026, 11, 22, 10, m, 0, 0, time.UTC))
	}
	v.clock.advance(time.Hour)
	v.sight(v.record(1, macwatch.StatusStart, at(1)), v.record(2, macwatch.StatusStart, at(1)))
	v.sight(v.record(1, macwatch.StatusStop, at(5), counters(240, 9, 9)))
	v.sight(v.record(1, macwatch.StatusStart, at(10))) // a second leg, the first one not folded
	v.sight(v.record(1, macwatch.StatusInterim, at(12), counters(120, 3, 3)))
	v.sight(v.record(1, macwatch.StatusInterim, at(3), counters(120, 4, 4))) // late, of the first
	v.crash(t.TempDir())
	// All of it again, as a NAS does that had no answer, and then another crash.
	v.sight(v.record(1, macwatch.StatusStart, at(1)), v.record(1, macwatch.StatusStop, at(5), counters(240, 9, 9)),
		v.record(1, macwatch.StatusStart, at(10)), v.record(1, macwatch.StatusInterim, at(12), counters(120, 3, 3)))
	v.crash(t.TempDir())
	list := v.sessions()
	require.Len(t, list, 3)
	got := map[string]int{}
	for _, s := range list {
		got[fmt.Sprintf("%s from %s", s.MAC, s.StartedAt.Format("15:04"))] = s.Records
	}
	require.Equal(t, map[string]int{
		guest(1).String() + " from 10:01": 3, guest(1).String() + " from 10:10": 2, guest(2).String() + " from 10:01": 1,
	}, got)
	require.Equal(t, 2, v.summary(number).DevicesCounted)
}

// An Accounting-Off names sessions that stand in the journal only.
func TestAccountingOffClosesWhatIsNotFoldedYet(t *testing.T) {
	v := openVenue(t)
	v.sight(v.record(1, macwatch.StatusStart))
	v.clock.advance(time.Minute)
	off := v.record(0, macwatch.StatusOff, func(r *macwatch.Record) { r.MAC, r.SessionID = 0, nil })
	v.sight(v.record(2, macwatch.StatusStart, delayed(1)), off) // one of the same batch, too
	v.crash(t.TempDir())
	for _, s := range v.sessions() {
		require.NotNil(t, s.EndedAt, s.SessionID)
	}
	require.Len(t, v.sessions(), 2)
}

func TestABacklogOfManySessionsIsFoldedAsItGrows(t *testing.T) {
	v := openVenue(t)
	const guests = backlogSize + 40*maxBatch
	var batch []*macwatch.Record
	for n := range guests {
		if batch = append(batch, v.record(n, macwatch.StatusStart)); len(batch) == maxBatch {
			v.sight(batch...)
			batch = nil
		}
	}
	v.sight(batch...)
	waiting := 0
	v.s.onWriter(func() { waiting = len(v.s.w.backlog.order) })
	require.Less(t, waiting, backlogSize+(foldShare+2)*maxBatch, "it is bounded")
	v.crash(t.TempDir())
	require.Len(t, v.sessions(), guests)
	require.Zero(t, v.count(`SELECT count(*) FROM journal`), "what is folded is forgotten")
}

// Two sessions stand in one journal row; one of them is folded, and then the gateway
// is killed: the journal still holds both, and one has a row already.
func TestACrashBetweenTwoFoldsWritesNoRowTwice(t *testing.T) {
	v := openVenue(t)
	dir, n, caught := t.TempDir(), 0, false
	// The writer folds by itself once a second; then there was nothing to catch, and
	// three others come.
	for !caught && n < 300 {
		v.sight(v.record(n, macwatch.StatusStart), v.record(n+1, macwatch.StatusStart), v.record(n+2, macwatch.StatusStart))
		n += 3
		var err error
		require.True(t, v.s.onWriter(func() {
			if len(v.s.w.backlog.order) != 3 {
				return
			}
			if err = v.s.w.foldSome(1); err == nil {
				err = os.CopyFS(dir, os.DirFS(v.dir))
			}
			caught = true
		}))
		require.NoError(t, err)
	}
	require.True(t, caught)
	require.NoError(t, v.s.Close())
	v.dir, v.options.Dir = dir, dir
	db := second(t, dir)
	var waiting int
	require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM journal) * 1000 + count(*) FROM sessions`).Scan(&waiting))
	require.Equal(t, 1000+n-2, waiting, "one journal row, and two of its three sessions without a row")
	require.NoError(t, db.Close())

	v.open()
	require.Len(t, v.sessions(), n)
	v.clock.advance(time.Minute)
	for i := range n {
		v.sight(v.record(i, macwatch.StatusStop, counters(60, 7, 7)))
	}
	v.crash(t.TempDir())
	list := v.sessions()
	require.Len(t, list, n)
	for _, s := range list {
		require.Equal(t, []any{2, uint64(7)}, []any{s.Records, s.InputOctets}, s.SessionID)
		require.NotNil(t, s.EndedAt)
	}
	require.Zero(t, v.count(`SELECT count(*) FROM journal`))
}

// An Accounting-Off folds everything in the middle of a batch, also sessions that the
// batch itself has just changed: what is written is what it has made of them.
func TestABatchFoldsItsOwnChanges(t *testing.T) {
	v := openVenue(t)
	nas := func(r *macwatch.Record) { r.NAS = []byte("ap-2") }
	v.sight(v.record(1, macwatch.StatusStart, nas), v.record(2, macwatch.StatusStart, nas))
	v.clock.advance(time.Minute)
	v.sight(
		v.record(1, macwatch.StatusInterim, nas, counters(60, 5, 5)),
		v.record(2, macwatch.StatusStop, nas, counters(60, 5, 5)),
		v.record(3, macwatch.StatusStart, nas),
		v.record(0, macwatch.StatusOff, func(r *macwatch.Record) { r.MAC, r.SessionID = 0, nil }), // of ap-1
		v.record(3, macwatch.StatusInterim, nas, counters(1, 6, 6)),
	)
	v.crash(t.TempDir())
	got := map[string][]any{}
	for _, s := range v.sessions() {
		got[s.SessionID] = []any{s.Records, s.InputOctets, s.EndedAt != nil}
	}
	require.Equal(t, map[string][]any{"s-1": {2, uint64(5), false}, "s-2": {2, uint64(5), true}, "s-3": {2, uint64(6), false}}, got)
}

// fullSession has something in every field that an image holds.
func fullSession() *macwatch.Session {
	return &macwatch.Session{
		ID: 7, Leg: 2, Location: 1, Client: 3, NAS: "nas", SessionID: "id", MAC: guest(1), AP: "ap", UserName: "\xff", Class: []byte{0},
		StartedAt: fromMicros(1), UpdatedAt: fromMicros(2), EndedAt: fromMicros(3), Begun: true, Stopped: true, Lab: true,
		Input: 1<<64 - 1, Output: 1 << 63, SessionTime: 1<<32 - 1, Records: 3, Keys: []uint64{1, 1<<64 - 1},
		Gigawords: true, HeardAt: fromMicros(4), Gap: 600,
		Origin: macwatch.Origin{
			Source: netip.MustParseAddr("10.0.0.1"), NASAddress: netip.MustParseAddr("2001:db8::1"), NASPort: 1<<32 - 1,
			MultiID: []byte{0xff}, AuditID: []byte("a"), Vendor: macwatch.VendorHostapd,
		},
	}
}

// FuzzReadImage: a journal row of any content neither panics nor allocates without
// bound, and what was written is read as it was.
func FuzzReadImage(f *testing.F) {
	s := fullSession()
	f.Add(appendImage(nil, s))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, rest, err := readImage(imageVersion, b)
		if err != nil {
			return
		}
		if len(rest) >= len(b) {
			t.Fatal("nothing was read")
		}
		again, rest, err := readImage(imageVersion, appendImage(nil, s))
		if err != nil || len(rest) > 0 {
			t.Fatalf("%v, %d octets left", err, len(rest))
		}
		if fmt.Sprintf("%+v", *again) != fmt.Sprintf("%+v", *s) {
			t.Fatalf("%+v is not %+v", *again, *s)
		}
	})
}

// What a gateway of before has journaled is taken up: its sessions have no Origin.
func TestAnImageOfTheFirstVersionIsRead(t *testing.T) {
	s := &macwatch.Session{ID: 7, SessionID: "id", MAC: guest(1), Class: []byte{}, Keys: []uint64{1}}
	written := appendImage(nil, s)
	later := len(appendOrigin(nil, &s.Origin)) + 2 // and HeardAt and Gap
	old := written[:len(written)-later]
	got, rest, err := readImage(1, append(bytes.Clone(old), 0xee))
	require.NoError(t, err)
	require.Equal(t, []byte{0xee}, rest)
	require.Equal(t, s, got)
}
