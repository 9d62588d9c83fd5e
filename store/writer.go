package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// writer is what the one writing goroutine works on. Nothing in it is shared.
type writer struct {
	s           *Store
	conn        *sql.Conn
	stmts       *statements
	state       *state
	audit       chain
	batch       batch // the present one, or the last
	sessions    heldSessions
	spare       spareSessions
	names       macwatch.Names
	epochs      map[int64]epoch
	lastEpoch   uint32
	index       sessionIndex
	backlog     backlog
	lastJournal int64  // row
	image       []byte // of the batch, used again
	newcomers   newcomers
	known       knownDevices
	boots       boots
	reporters   reporters
	silence     silence
	seen        lateSeen
	row         [3]driver.Value // read at the moment
	boxes       boxes           // of the rows being written
	values      []driver.Value  // theirs
	scratch     []byte          // used again by whatever is sealed
	ident       macwatch.Ident  // of the record in hand
	erased      erasedDevices
	sweep       sweep
	subscriber  func(Snapshot)
	failed      bool                 // the last commit failed
	verified    bool                 // the facts were held against the evidence
	lazy        bool                 // the connection does not wait for the disk (see within)
	changesSeen uint64               // of Store.changes
	changedAt   time.Duration        // uptime when that was seen
	idleLooked  time.Duration        // uptime when idle APs were last looked for
	slotsSaved  time.Duration        // uptime when it was last noted which slots were seen
	clockSaved  time.Duration        // uptime when the clock was last noted
	clockEvent  licensing.ClockEvent // not reported yet
	kept        time.Time            // last housekeeping, by the machine's own clock
	passesKept  time.Duration        // uptime when passes were last forgotten
	staysErased time.Duration        // uptime when stays were last looked at
}

// epoch is a Location's counting epoch, and the license that governed in it.
type epoch struct {
	number  uint32
	license int64
}

func newWriter(ctx context.Context, s *Store, conn *sql.Conn) (w *writer, err error) {
	w = &writer{s: s, conn: conn, sessions: newHeldSessions(), epochs: map[int64]epoch{}, seen: lateSeen{fresh: sightings{}}}
	if w.stmts, err = prepareAll(ctx, conn); err != nil {
		return nil, faultf("cannot prepare the statements: %w", err)
	}
	event, err := w.restoreClock(ctx)
	if err != nil {
		return nil, err
	}
	var logged *evidence
	if w.audit, logged, err = openChain(ctx, conn, s.keys.audit, s.dir); err != nil {
		return nil, err
	}
	if w.state, err = loadState(ctx, conn, s.Now(), s.veils); err != nil {
		return nil, err
	}
	if err = w.loadPasses(ctx, s.Now()); err != nil {
		return nil, err
	}
	if err = w.openIndex(ctx); err != nil {
		return nil, err
	}
	if err = w.recoverJournal(ctx); err != nil {
		return nil, err
	}
	if err = w.recoverNewcomers(ctx); err != nil {
		return nil, err
	}
	if err = w.recoverSeen(ctx); err != nil {
		return nil, err
	}
	if err = w.loadBoots(ctx); err != nil {
		return nil, err
	}
	if err = w.loadReporters(ctx); err != nil {
		return nil, err
	}
	if err = w.loadErased(ctx); err != nil {
		return nil, err
	}
	s.state.Store(w.state)
	for id := range w.state.locations {
		if w.state.limitsGuests(id) {
			if err = w.followLocation(id); err != nil {
				return nil, err
			}
		}
	}
	if err = w.verifyLogged(ctx, logged); err != nil {
		return nil, err
	}
	if err = w.verifyFacts(ctx); err != nil {
		return nil, err
	}
	if event != licensing.ClockSteady {
		if err = w.reportClock(event); err != nil {
			return nil, err
		}
	}
	w.verified = true
	if err = w.advance(); diskFault(err) {
		err = nil // it is in force all the same, and written down when it can be
	}
	return w, err
}

// close is called when the goroutine has ended.
func (w *writer) close() error {
	_, err := w.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	if diskFault(err) {
		err = nil // the log is taken up at the next start
	}
	return errors.Join(w.stmts.close(), err, w.conn.Close())
}

// turn works on one batch and hands it to done, which lets it be answered.
func (w *writer) turn(ops []op, done func([]op)) {
	switch {
	case len(ops) == 0:
	case ops[0].task != nil:
		ops[0].task.run(w)
	default:
		w.commit(ops)
	}
	done(ops)
	if err := w.fold(); err != nil {
		w.fail(err)
	}
	// Under load there are no quiet moments: housekeeping takes its turn all the same.
	if time.Since(w.kept) >= tick {
		w.kept = time.Now()
		if err := w.housekeep(false); err != nil {
			w.fail(err)
		}
	}
}

// commit writes the operations in one transaction. When that fails for the sake of
// one of them, each is tried by itself, so that a bad row does not sink its
// neighbours; when the disk is at fault, all have failed.
func (w *writer) commit(ops []op) {
	err := w.transact(ops)
	switch {
	case err == nil:
		return
	case diskFault(err) || len(ops) == 1:
		if !diskFault(err) {
			w.s.log.Error("an operation could not be stored", zap.Error(err))
		}
		failAll(ops, err)
		return
	}
	for i := range ops {
		err := w.transact(ops[i : i+1])
		if err == nil {
			continue
		}
		if diskFault(err) {
			failAll(ops[i:], err)
			return
		}
		w.s.log.Error("an operation could not be stored", zap.Error(err))
		failAll(ops[i:i+1], err)
	}
}

func failAll(ops []op, err error) {
	for i := range ops {
		switch {
		case ops[i].record != nil:
			ops[i].record.Err = err
		case ops[i].claim != nil:
			ops[i].claim.Err = err
		case ops[i].deed != nil:
			ops[i].deed.err = err
		}
	}
}

// transact carries the operations out in one transaction: all of them, or none.
func (w *writer) transact(ops []op) error {
	start := time.Now()
	b := w.newBatch()
	defer b.end()
	err := w.begin()
	if err == nil {
		records := 0
		for i := range ops {
			if err = b.apply(&ops[i]); err != nil {
				break
			}
			if ops[i].record != nil {
				records++
			}
		}
		if err == nil {
			err = b.journal()
		}
		if err == nil {
			err = w.commitNow()
		}
		if err == nil {
			w.s.metrics.committed(records, time.Since(start))
			w.succeed(b)
			return nil
		}
		w.rollback()
	}
	w.s.metrics.commitFailures.Inc()
	if diskFault(err) {
		w.fail(err)
	}
	return err
}

// succeed takes over what a committed batch has changed.
func (w *writer) succeed(b *batch) {
	b.settleFold()
	for _, e := range b.cached {
		// Whom the known devices have no room for is the LRU's.
		if !e.known && !w.known.settle(e.key, e.epoch, e.first) || e.counting {
			w.s.cache.Add(e.key, e.epoch, e.first)
		}
	}
	for _, key := range b.reporters {
		w.reporters[key] = b.now
	}
	w.s.metrics.cacheHits.Add(float64(b.hits))
	w.s.metrics.cacheMisses.Add(float64(b.misses))
	w.audit.commit(b.audit)
	b.passes.commit()
	if b.state != w.state {
		w.publish(b.state)
	}
	w.recovered()
}

func (w *writer) publish(st *state) {
	st.follow(w.state)
	before := w.state
	w.state = st
	w.s.state.Store(st)
	for id := range st.locations {
		if st.limitsGuests(id) && !before.limitsGuests(id) {
			if err := w.followLocation(id); err != nil {
				w.s.log.Warn("who is online could not be read; the limit of devices holds for those who come now", zap.Error(err))
			}
		}
	}
	if w.subscriber != nil {
		w.subscriber(*st.snapshot())
	}
}

func (w *writer) fail(err error) {
	w.failed = true
	if w.s.writable.Load() {
		w.s.log.Warn("a commit failed", zap.Error(err))
	}
	w.s.setWritable(false)
}

func (w *writer) recovered() {
	if w.failed {
		w.s.setWritable(true)
		w.failed = false
		w.silence.excuse(w.s.uptime()) // nobody was heard meanwhile
	}
}

// begin begins a transaction whose COMMIT returns when it is on the disk.
func (w *writer) begin() error {
	if w.lazy {
		if err := w.exec("PRAGMA synchronous = FULL"); err != nil {
			return err
		}
		w.lazy = false
	}
	return w.stmts.begin.run()
}

// beginLazy begins a transaction whose COMMIT does not wait for the disk.
func (w *writer) beginLazy() error {
	if !w.lazy {
		// Not prepared once: this PRAGMA does its work when it is prepared.
		if err := w.exec("PRAGMA synchronous = NORMAL"); err != nil {
			return err
		}
		w.lazy = true
	}
	return w.stmts.begin.run()
}

func (w *writer) commitNow() error { return w.stmts.commit.run() }

// within runs f in a transaction of its own, which a power cut may undo: what f writes
// stands in a journal as well, or can be found out again. In the write-ahead log it
// precedes whatever is committed later, so the next fsync makes it last, too. After a
// failure it does wait for the disk: what it commits says that the store can be written.
func (w *writer) within(f func() error) error {
	begin := w.beginLazy
	if w.failed {
		begin = w.begin
	}
	if err := begin(); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = w.commitNow()
	}
	if err != nil {
		w.rollback()
		w.s.metrics.commitFailures.Inc()
	}
	return err
}

// rollback leaves the connection outside any transaction. SQLite may have rolled
// back by itself already, and says so as an error; that is fine.
func (w *writer) rollback() { _ = w.stmts.rollback.run() }

func (w *writer) exec(query string, args ...any) error {
	_, err := w.conn.ExecContext(context.Background(), query, args...)
	return err
}

// Append queues accounting records (radiusd.Journal).
func (s *Store) Append(records []*macwatch.Record) int { return s.queue.appendRecords(records) }

// AwaitRoom waits until the queue takes a good many records again (radiusd.Journal).
func (s *Store) AwaitRoom() { s.queue.awaitRoom() }

// Claim queues a first claim of slots (radiusd.Claims).
func (s *Store) Claim(c *macwatch.Claim) bool { return s.queue.push(op{claim: c}) }
