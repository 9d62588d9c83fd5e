package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Sizes of the sweep.
const (
	sweepRest = time.Hour // between two sweeps
	sweepStep = 1024      // devices that are looked at at once
)

// sweep goes through what no index finds by age: kind after kind, a step each time; then
// it rests.
type sweep struct {
	stage int
	after macwatch.DeviceKey // of devices: those up to here were looked at
	due   time.Time          // of the next sweep
}

// sweepOnce makes a step; false while it rests, or nothing is to be swept. A clock that
// may yet be set back to before a contract's end stops what a count rests on.
func (w *writer) sweepOnce(deleted *purged) (bool, error) {
	k, now := w.s.keep, w.s.Now()
	if !k.sweeps() || now.Before(w.sweep.due) {
		return false, nil
	}
	provisional := w.s.clock.Load().Provisional()
	stages := []struct {
		on   bool
		step func(*purged) (more bool, err error)
	}{
		{k.Devices > 0 && !provisional && w.known.complete, w.sweepDevices}, // what is learned must not bring back what went
		{k.Counted > 0 && !provisional, func(d *purged) (bool, error) {
			return w.sweepEnded(k.Counted, `DELETE FROM counted WHERE (license_id, location_id, mac) IN
				(SELECT license_id, location_id, mac FROM counted WHERE license_id = ? LIMIT ?)`, &d[kindCounted])
		}},
		{k.ReceiptDevices > 0 && !provisional, func(d *purged) (bool, error) {
			return w.sweepEnded(k.ReceiptDevices, `DELETE FROM receipt_devices WHERE (license_id, pseudonym) IN
				(SELECT license_id, pseudonym FROM receipt_devices WHERE license_id = ? LIMIT ?)`, &d[kindReceiptDevice])
		}},
		{k.Notices > 0, w.sweepNotices},
	}
	for ; w.sweep.stage < len(stages); w.sweep.stage++ {
		s := stages[w.sweep.stage]
		if !s.on {
			continue
		}
		more, err := s.step(deleted)
		if err != nil {
			return true, err
		}
		if !more {
			w.sweep.stage++
		}
		return true, nil
	}
	w.sweep = sweep{due: now.Add(sweepRest)}
	return true, nil
}

// sweepDevices looks at the next devices, and deletes those that were not seen for long.
// The row of one that counts for a license that has not started, or under a count window,
// stays: `license explain` tells of it. The count itself is elsewhere.
func (w *writer) sweepDevices(deleted *purged) (more bool, err error) {
	old, looked := w.before(w.s.keep.Devices), 0
	var gone []macwatch.DeviceKey
	err = w.within(func() error {
		found, last, n, err := w.oldDevices(old)
		if err != nil {
			return err
		}
		looked, w.sweep.after = n, last
		for _, key := range found {
			needed, err := w.needed(key)
			if err != nil {
				return err
			}
			if needed {
				continue
			}
			if err := w.exec(`DELETE FROM devices WHERE location_id = ? AND mac = ?`, key.Location, int64(key.MAC)); err != nil {
				return wrap("delete a device", err)
			}
			gone = append(gone, key)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, key := range gone {
		// It has no row any more: should it come again, no short cut may pass that over.
		w.s.cache.Forget(key)
		w.known.forget(key)
	}
	deleted[kindDevice] = int64(len(gone))
	return looked == sweepStep, nil
}

// oldDevices looks at the next step of devices; n is how many it has looked at.
func (w *writer) oldDevices(old int64) (found []macwatch.DeviceKey, last macwatch.DeviceKey, n int, err error) {
	last = w.sweep.after
	st := w.stmts.nextDevices
	r, err := st.raw.QueryContext(context.Background(), st.bind([]driver.Value{last.Location, int64(last.MAC), int64(sweepStep)}))
	if err != nil {
		return nil, last, 0, wrap("look for old devices", err)
	}
	for dest := make([]driver.Value, 3); ; n++ {
		if err = r.Next(dest); err != nil {
			break
		}
		last.Location, _ = dest[0].(int64)
		mac, _ := dest[1].(int64)
		last.MAC = macwatch.MAC(mac)
		if seen, _ := dest[2].(int64); seen < old {
			found = append(found, last)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return found, last, n, wrap("look for old devices", errors.Join(err, r.Close()))
}

// needed reports whether something still rests on a device's row, or knows better when it
// was seen.
func (w *writer) needed(key macwatch.DeviceKey) (bool, error) {
	_, fresh := w.seen.fresh[key]
	_, draining := w.seen.at[key]
	if fresh || draining && len(w.seen.keys) > 0 || w.newcomers.find(key) != nil {
		return true, nil
	}
	at, now := w.state.locations[key.Location], w.s.Now()
	if at == nil {
		return false, nil
	}
	for _, l := range at.Licenses {
		if l.StateAt(now) == licensing.ContractFinalized || !l.StartedAt.IsZero() && l.Terms.CountWindow == 0 {
			continue
		}
		var count [1]driver.Value
		found, err := w.stmts.selectCounted.row(count[:], l.ID, key.Location, int64(w.countedAs(key.Location, key.MAC, l.ID)))
		if found || err != nil {
			return found, wrap("read the counted devices", err)
		}
	}
	return false, nil
}

// sweepEnded deletes rows of licenses whose contract has ended so long ago.
func (w *writer) sweepEnded(keep time.Duration, query string, deleted *int64) (more bool, err error) {
	old := w.s.Now().Add(-max(keep, MinRetention))
	for _, l := range w.state.licenses {
		if end, known := l.End(); !known || end.After(old) || l.StateAt(w.s.Now()) != licensing.ContractFinalized {
			continue
		}
		err := w.within(func() error {
			res, err := w.conn.ExecContext(context.Background(), query, l.ID, retentionStep)
			if err == nil {
				*deleted, err = res.RowsAffected()
			}
			return wrap("delete what is too old", err)
		})
		if *deleted > 0 || err != nil {
			return true, err
		}
	}
	return false, nil
}

// sweepNotices erases who was written to: what mail servers answered names mailboxes, and
// so does a recipient that was removed. That a notice was sent stays known.
func (w *writer) sweepNotices(deleted *purged) (more bool, err error) {
	old := w.before(w.s.keep.Notices)
	err = w.within(func() error {
		for _, query := range []string{
			`UPDATE attempts SET answer = '' WHERE (delivery_id, number) IN (SELECT delivery_id, number FROM attempts
				WHERE at < ?1 AND answer <> '' AND result <> '' LIMIT ?2)`,
			`UPDATE recipients SET address = '', secret = '', old_secret = '' WHERE id IN (SELECT id FROM recipients
				WHERE removed_at < ?1 AND address <> '' LIMIT ?2)`,
		} {
			res, err := w.conn.ExecContext(context.Background(), query, old, retentionStep)
			if err != nil {
				return wrap("erase who was written to", err)
			}
			n, err := res.RowsAffected()
			if err != nil {
				return wrap("erase who was written to", err)
			}
			deleted[kindNotice] += n
		}
		return nil
	})
	return deleted[kindNotice] > 0, err
}
