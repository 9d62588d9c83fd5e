package store

import (
	"context"
	"database/sql"
	"time"

	"go.uber.org/zap"
)

// Sizes of the write-ahead log, in pages of 4 KiB.
const (
	walLong    = 8000  // it is time for a checkpoint
	walTooLong = 64000 // the writer itself makes one, and everybody waits
	walLook    = 16    // turns of the writer between two looks at the log
)

// checkpointer copies the write-ahead log into the database. SQLite would do so within the
// COMMIT that makes the log too long, and the answers to that batch would wait for it; so
// another connection does most of it beside the writer. The log begins anew only when a
// checkpoint has caught up with a writer that stands still: so the writer makes another
// one right after. It has little left to do, for what was copied is on the disk by then.
type checkpointer struct {
	db    *sql.DB
	files *dbFiles
	log   *zap.Logger
	ask   chan struct{} // by the writer; closed at the end
	ready chan struct{} // answers it
	done  chan struct{}

	asked bool // the rest is the writer's alone
	turns int
}

func newCheckpointer(path string, files *dbFiles, log *zap.Logger) (*checkpointer, error) {
	db, err := sql.Open("sqlite3", dsn(path, writerPragmas))
	if err != nil {
		return nil, faultf("cannot open the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	c := &checkpointer{db: db, files: files, log: log, ask: make(chan struct{}, 1), ready: make(chan struct{}, 1), done: make(chan struct{})}
	go c.run()
	return c, nil
}

func (c *checkpointer) run() {
	defer close(c.done)
	failing := false
	for range c.ask {
		var err error
		// Again: what has come while the most was copied is less, and then hardly anything.
		for _, pause := range [...]time.Duration{settlePause, 0, 0} {
			if _, err = walFrames(c.db, "PASSIVE"); err != nil {
				break
			}
			c.files.settle(pause)
		}
		if err != nil && !failing {
			c.log.Warn("the write-ahead log cannot be copied into the database; it grows until it can",
				zap.Error(err), zap.String("what_to_do", "check that the disk has room"))
		}
		failing = err != nil
		c.ready <- struct{}{}
	}
}

func (c *checkpointer) close() error {
	close(c.ask)
	<-c.done
	return c.db.Close()
}

// walFrames makes a checkpoint of the kind (or none: NOOP) and returns how many pages
// the write-ahead log holds.
func walFrames(q querier, kind string) (frames int, err error) {
	var busy, done int
	err = q.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint("+kind+")").Scan(&busy, &frames, &done)
	return frames, wrap("checkpoint", err)
}

// checkpoint looks after the length of the write-ahead log, between two batches. Whether
// the store can be written is not decided here: what fails is tried again.
func (w *writer) checkpoint() {
	c := w.s.checkpointer
	select {
	case <-c.ready:
		c.asked = false
		_, _ = walFrames(w.conn, "PASSIVE")
		return
	default:
	}
	if c.turns++; c.turns < walLook {
		return
	}
	c.turns = 0
	frames, err := walFrames(w.conn, "NOOP")
	c.files.extend(frames)
	switch {
	case err != nil:
	case frames >= walTooLong:
		_, _ = walFrames(w.conn, "PASSIVE")
	case frames >= walLong && !c.asked:
		c.asked = true
		c.ask <- struct{}{}
	}
}
