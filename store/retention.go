package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"tallygate/macwatch"
)

// MinRetention is the shortest time for which anything can be kept: a record may come a
// day late (macwatch.MaxEventAge), and must find the session that it belongs to.
const MinRetention = 48 * time.Hour

// Retention is how long each kind of data is kept; zero: for ever. Receipts, counts and
// the audit log are what licenses are proved with: they stay.
type Retention struct {
	Preset         string        // its name, to be shown
	Sessions       time.Duration // closed ones, since their end
	NASEvents      time.Duration // Accounting-On and -Off; zero: as Sessions
	RawRecords     time.Duration // zero: as Sessions
	Devices        time.Duration // since they were seen; not those that a count still rests on
	Counted        time.Duration // devices behind a count, after the contract's end
	ReceiptDevices time.Duration // addresses behind a start receipt, after the contract's end
	Notices        time.Duration // answers of mail servers, and addresses of recipients that were removed
}

// retentionStep is how many rows are deleted at once, four times a second: an answer may
// wait for that.
const retentionStep = 128

// purged is how many rows of each of retainedKinds were deleted.
type purged [len(retainedKinds)]int64

// sum is 0 when there was nothing to delete.
func (p *purged) sum() (n int64) {
	for _, rows := range p {
		n += rows
	}
	return n
}

// retain deletes a few of what is older than it is to be kept. What a receipt says, and
// every count, stays.
func (w *writer) retain() error {
	if w.failed {
		return nil
	}
	_, err := w.retainOnce()
	return err
}

// retainOnce deletes up to a step of each kind of sessions' data, and of what the sweep has
// come to.
func (w *writer) retainOnce() (deleted purged, err error) {
	begun, keep := time.Now(), w.s.keep
	var forgotten []macwatch.Ident
	idle := keep.Sessions == 0 && keep.NASEvents == 0 && keep.RawRecords == 0
	if !idle {
		if forgotten, err = w.retainSessions(&deleted); err != nil {
			return deleted, err
		}
	}
	for _, ident := range forgotten {
		w.sessions.forget(ident)
	}
	swept, err := w.sweepOnce(&deleted)
	if err != nil {
		return deleted, err
	}
	if !idle || swept {
		w.s.metrics.retained(time.Since(begun), deleted)
	}
	return deleted, nil
}

// before is the instant before which something kept for so long is too old.
func (w *writer) before(keep time.Duration) int64 {
	return micros(w.s.Now().Add(-max(keep, MinRetention)))
}

func (w *writer) retainSessions(deleted *purged) (forgotten []macwatch.Ident, err error) {
	keep := w.s.keep
	err = w.within(func() (err error) {
		if keep.Sessions > 0 {
			if forgotten, err = w.deleteSessions(w.before(keep.Sessions)); err != nil {
				return err
			}
		}
		deleted[kindSession] = int64(len(forgotten))
		for kind, d := range map[int]struct {
			keep time.Duration
			st   *stmt
		}{
			kindNASEvent: {keep.NASEvents, w.stmts.deleteNASEvents}, kindRaw: {keep.RawRecords, w.stmts.deleteRaw},
			kindPass: {keep.Sessions, w.stmts.deletePasses}, // who was let in is known as long as what he did
		} {
			if d.keep == 0 {
				continue
			}
			if deleted[kind], err = d.st.exec(w.before(d.keep), int64(retentionStep)); err != nil {
				return wrap("delete what is too old", err)
			}
		}
		if len(forgotten) < retentionStep {
			return w.trimIndex()
		}
		return nil
	})
	return forgotten, err
}

// deleteSessions deletes closed sessions that ended before old, the oldest first.
func (w *writer) deleteSessions(old int64) (forgotten []macwatch.Ident, err error) {
	type row struct {
		id    int64
		ident macwatch.Ident
		seen  seenAt
	}
	var found []row
	st := w.stmts.selectOld
	rows, err := st.raw.QueryContext(context.Background(), st.bind([]driver.Value{old, int64(retentionStep)}))
	if err != nil {
		return nil, wrap("find old sessions", err)
	}
	for dest := make([]driver.Value, 5); ; {
		if err = rows.Next(dest); err != nil {
			break
		}
		var r row
		r.id, _ = dest[0].(int64)
		ident, _ := dest[1].([]byte)
		copy(r.ident[:], ident)
		r.seen.key.Location, _ = dest[2].(int64)
		mac, _ := dest[3].(int64)
		r.seen.key.MAC = macwatch.MAC(mac)
		r.seen.at, _ = dest[4].(int64)
		found = append(found, r)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, rows.Close()); err != nil {
		return nil, wrap("find old sessions", err)
	}
	for _, r := range found {
		// Its device's last_seen may not be written yet, and could not be recovered any more.
		if err := w.stmts.raiseSeen.write(r.seen.at, r.seen.key.Location, int64(r.seen.key.MAC)); err != nil {
			return nil, wrap("write last_seen", err)
		}
		if err := w.stmts.deleteSession.write(r.id); err != nil {
			return nil, wrap("delete an old session", err)
		}
		forgotten = append(forgotten, r.ident)
	}
	return forgotten, nil
}

// trimIndex forgets the index of a generation whose rows are all gone.
func (w *writer) trimIndex() error {
	var oldest [1]driver.Value
	if _, err := w.stmts.oldestSession.row(oldest[:]); err != nil {
		return wrap("find the oldest session", err)
	}
	first, ok := oldest[0].(int64)
	g := w.index.sealed
	if ok {
		g = min(g, generation(first))
	}
	err := w.stmts.trimIndex.write(g*indexSlices, int64(indexSlices))
	return wrap("trim the session index", err)
}
