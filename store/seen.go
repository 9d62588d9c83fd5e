package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tallygate/macwatch"
)

// seenStep is how many last_seen values are written at once: each dirties a page of
// its own, and an answer may wait for all of them.
const seenStep = 256

// lateSeen is the last_seen values that are not written yet. They are written late,
// in key order and a step at a time: with each record they would cost more than all
// the rest of it. After a crash they are recovered from the sessions.
type lateSeen struct {
	fresh map[macwatch.DeviceKey]time.Time
	draining
}

// draining is what is on its way to the table.
type draining struct {
	round int       // of draining
	began time.Time // everything sighted until then is among it, or written
	at    map[macwatch.DeviceKey]time.Time
	keys  []macwatch.DeviceKey // in order of the table, without those written
}

func (l *lateSeen) note(key macwatch.DeviceKey, at time.Time) {
	if at.After(l.fresh[key]) {
		l.fresh[key] = at
	}
}

func (l *lateSeen) empty() bool { return len(l.fresh) == 0 && len(l.keys) == 0 }

func (l *lateSeen) size() int { return len(l.fresh) + len(l.keys) }

// steps is how many times up to n values must be written for all that are known now.
func (l *lateSeen) steps(n int) int { return (len(l.keys)+n-1)/n + (len(l.fresh)+n-1)/n }

// settle brings times after now back to it (a jump of the clock was withdrawn).
func (l *lateSeen) settle(now time.Time) {
	for _, values := range []map[macwatch.DeviceKey]time.Time{l.fresh, l.at} {
		for key, at := range values {
			if at.After(now) {
				values[key] = now
			}
		}
	}
}

// writeSeen writes up to n values in the open transaction, and returns what is left
// of them, to be taken over at the commit.
func (w *writer) writeSeen(n int) (left draining, err error) {
	left = w.seen.draining
	if len(left.keys) == 0 {
		if len(w.seen.fresh) == 0 {
			return left, nil
		}
		left = draining{round: left.round + 1, began: w.s.Now(), at: w.seen.fresh}
		for key := range left.at {
			left.keys = append(left.keys, key)
		}
		slices.SortFunc(left.keys, func(a, b macwatch.DeviceKey) int {
			return cmp.Or(cmp.Compare(a.Location, b.Location), cmp.Compare(a.MAC, b.MAC))
		})
	}
	n = min(n, len(left.keys))
	for _, key := range left.keys[:n] {
		if _, err := w.stmts.raiseSeen.exec(micros(left.at[key]), key.Location, int64(key.MAC)); err != nil {
			return left, wrap("write last_seen", err)
		}
	}
	if left.keys = left.keys[n:]; len(left.keys) > 0 {
		return left, nil
	}
	return left, w.exec("INSERT INTO meta (key, value) VALUES ('seen_written', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
		itoa(micros(left.began)))
}

// wrote takes over, after the commit, what writeSeen has written.
func (l *lateSeen) wrote(left draining) {
	if left.round != l.round {
		l.fresh = map[macwatch.DeviceKey]time.Time{} // it is what is being drained
	}
	l.draining = left
}

// recoverSeen recovers what writeSeen had not yet written when the daemon ended. An
// event lies at most macwatch.MaxEventAge before its arrival.
func (w *writer) recoverSeen(ctx context.Context) error {
	_, err := w.conn.ExecContext(ctx, `
		WITH mark (at) AS (SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'seen_written'), 0) - ?),
		recent (location_id, mac, at) AS (
			SELECT location_id, mac, max(updated_at) FROM (
				SELECT location_id, mac, updated_at FROM sessions WHERE ended_at IS NULL AND updated_at >= (SELECT at FROM mark)
				UNION ALL
				SELECT location_id, mac, updated_at FROM sessions WHERE ended_at IS NOT NULL AND ended_at >= (SELECT at FROM mark)
			) WHERE mac <> 0 GROUP BY location_id, mac)
		UPDATE devices SET last_seen = recent.at FROM recent
		WHERE devices.location_id = recent.location_id AND devices.mac = recent.mac AND devices.last_seen < recent.at`,
		macwatch.MaxEventAge.Microseconds())
	return wrap("recover last_seen", err)
}

// flushSeen brings last_seen up to date before a list reads it.
func (s *Store) flushSeen() error {
	steps := 0
	if !s.onWriter(func() { steps = s.w.seen.steps(seenStep) }) {
		return errClosing()
	}
	for range steps {
		var err error
		if !s.onWriter(func() { err = s.w.writeLate(seenStep) }) {
			return errClosing()
		}
		if diskFault(err) {
			return nil // a list a few seconds old is better than none
		}
		if err != nil {
			return err
		}
	}
	return nil
}
