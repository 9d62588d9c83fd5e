package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"tallygate/macwatch"
)

// MinRetention is the shortest time for which sessions can be kept: a record may come a
// day late (macwatch.MaxEventAge), and must find the session that it belongs to.
const MinRetention = 48 * time.Hour

// retentionStep is how many rows are deleted at once, four times a second: an answer may
// wait for that.
const retentionStep = 128

// retain deletes a few of what is older than it is to be kept: closed sessions, events of
// NAS, raw records, tickets and portals' credentials that are over: who was let in is
// known as long as what he did. What a device's row says, and every count, stays.
func (w *writer) retain() error {
	keep := w.s.keepSessions
	if keep == 0 || w.failed {
		return nil
	}
	begun := time.Now()
	old := micros(w.s.Now().Add(-max(keep, MinRetention)))
	var forgotten []macwatch.Ident
	var deleted [len(retainedKinds)]int64
	err := w.within(func() (err error) {
		if forgotten, err = w.deleteSessions(old); err != nil {
			return err
		}
		deleted[0] = int64(len(forgotten))
		for i, st := range []*stmt{w.stmts.deleteNASEvents, w.stmts.deleteRaw, w.stmts.deletePasses} {
			if deleted[i+1], err = st.exec(old, int64(retentionStep)); err != nil {
				return wrap("delete what is too old", err)
			}
		}
		if len(forgotten) < retentionStep {
			return w.trimIndex()
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, ident := range forgotten {
		w.sessions.forget(ident)
	}
	w.s.metrics.retained(time.Since(begun), deleted)
	return nil
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
		r.seen.key.MAC, r.seen.at = macwatch.MAC(mac), instantAt(dest[4])
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
		if _, err := w.stmts.raiseSeen.exec(micros(r.seen.at), r.seen.key.Location, int64(r.seen.key.MAC)); err != nil {
			return nil, wrap("write last_seen", err)
		}
		if _, err := w.stmts.deleteSession.exec(r.id); err != nil {
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
	_, err := w.stmts.trimIndex.exec(g*indexSlices, int64(indexSlices))
	return wrap("trim the session index", err)
}
