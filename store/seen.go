package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"tallygate/macwatch"
)

// seenStep is how many last_seen values are written at once: each dirties a page of
// its own, and an answer may wait for all of them.
const seenStep = 64

// seenLimit is how many of them are kept in memory at most; the sessions know the others.
const seenLimit = 65536

// lateSeen is the last_seen values that are not written yet. They are written late,
// in key order and a step at a time: with each record they would cost more than all
// the rest of it. After a crash they are recovered from the sessions.
type lateSeen struct {
	fresh  sightings
	missed bool // there were more than seenLimit: the sessions must be asked
	draining
}

// sightings are times in microseconds since 1970: a time.Time has a pointer, which the
// collector would follow in each of 65 536.
type sightings map[macwatch.DeviceKey]int64

// seenAt is one sighting.
type seenAt struct {
	key macwatch.DeviceKey
	at  int64
}

// draining is what is on its way to the table.
type draining struct {
	round int       // of draining
	began time.Time // everything sighted until then is among it, or written
	at    sightings
	keys  []macwatch.DeviceKey // in order of the table, without those written
	later []seenAt             // not to be written before the device has a row
}

// note takes in what the row of a session, written now, knows of its device.
func (l *lateSeen) note(s *macwatch.Session) {
	if s.MAC.Device() {
		l.raise(macwatch.DeviceKey{Location: s.Location, MAC: s.MAC}, micros(s.UpdatedAt))
	}
}

func (l *lateSeen) raise(key macwatch.DeviceKey, at int64) {
	latest, ok := l.fresh[key]
	switch {
	case !ok && len(l.fresh) >= seenLimit:
		l.missed = true
	case at > latest:
		l.fresh[key] = at
	}
}

func (l *lateSeen) empty() bool { return len(l.fresh) == 0 && len(l.keys) == 0 }

func (l *lateSeen) size() int { return len(l.fresh) + len(l.keys) }

// steps is how many times up to n values must be written for all that are known now.
func (l *lateSeen) steps(n int) int { return (len(l.keys)+n-1)/n + (len(l.fresh)+n-1)/n }

// settle brings times after now back to it (a jump of the clock was withdrawn).
func (l *lateSeen) settle(now time.Time) {
	for _, values := range []sightings{l.fresh, l.at} {
		for key, at := range values {
			values[key] = min(at, micros(now))
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
		if w.newcomers.find(key) != nil {
			left.later = append(left.later, seenAt{key, left.at[key]})
			continue
		}
		if err := w.stmts.raiseSeen.write(left.at[key], key.Location, int64(key.MAC)); err != nil {
			return left, wrap("write last_seen", err)
		}
	}
	if left.keys = left.keys[n:]; len(left.keys) > 0 || w.seen.missed {
		return left, nil
	}
	return left, w.noteSeenWritten(left.began)
}

// wrote takes over, after the commit, what writeSeen has written.
func (l *lateSeen) wrote(left draining) {
	if left.round != l.round {
		// What was fresh is being drained; what was drained before is written.
		if l.fresh = l.at; l.fresh == nil {
			l.fresh = sightings{}
		}
		clear(l.fresh)
	}
	for _, v := range left.later {
		l.raise(v.key, v.at)
	}
	left.later = nil
	l.draining = left
}

// recentSightings are the latest sightings of devices since all was written, as the
// sessions know them. An event lies at most macwatch.MaxEventAge before its arrival.
const recentSightings = `
	WITH mark (at) AS (SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'seen_written'), 0) - ?)
	SELECT location_id, mac, max(updated_at) AS at FROM (
		SELECT location_id, mac, updated_at FROM sessions WHERE ended_at IS NULL AND updated_at >= (SELECT at FROM mark)
		UNION ALL
		SELECT location_id, mac, updated_at FROM sessions WHERE ended_at IS NOT NULL AND ended_at >= (SELECT at FROM mark)
	) WHERE mac <> 0 GROUP BY location_id, mac`

// recoverSeen recovers what writeSeen had not yet written when the daemon ended.
func (w *writer) recoverSeen(ctx context.Context) error {
	_, err := w.conn.ExecContext(ctx, `UPDATE devices SET last_seen = recent.at FROM (`+recentSightings+`) AS recent
		WHERE devices.location_id = recent.location_id AND devices.mac = recent.mac AND devices.last_seen < recent.at`,
		macwatch.MaxEventAge.Microseconds())
	return wrap("recover last_seen", err)
}

// flushDevices brings the rows of devices up to date before a list reads them; step by
// step, so that no answer waits long. While the store cannot be written a list is a few
// seconds old, which is better than none.
func (s *Store) flushDevices(ctx context.Context) error {
	// Sightings become known here when their sessions are folded.
	if _, err := s.flushSessions(); err != nil {
		return err
	}
	steps, missed := 0, false
	if !s.onWriter(func() {
		steps = (s.w.newcomers.len() + newcomerStep - 1) / newcomerStep
		missed = s.w.seen.missed
	}) {
		return errClosing()
	}
	err := s.inSteps(steps, func() error { return s.w.foldNewcomers(newcomerStep) })
	if err == nil {
		if !s.onWriter(func() { steps = s.w.seen.steps(seenStep) }) {
			return errClosing()
		}
		err = s.inSteps(steps, func() error { return s.w.writeLate(seenStep) })
	}
	if err == nil && missed {
		err = s.flushMissed(ctx)
	}
	if diskFault(err) {
		return nil
	}
	return err
}

// inSteps runs f on the writer so many times, until it fails.
func (s *Store) inSteps(n int, f func() error) (err error) {
	for range n {
		if !s.onWriter(func() { err = f() }) {
			return errClosing()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// flushMissed writes the sightings that did not fit into memory.
func (s *Store) flushMissed(ctx context.Context) error {
	var began time.Time
	if !s.onWriter(func() { began, s.w.seen.missed = s.Now(), false }) {
		return errClosing()
	}
	recent, err := rows(ctx, s.readers, func(r *sql.Rows) (v seenAt, err error) {
		err = r.Scan(&v.key.Location, &v.key.MAC, &v.at)
		return v, err
	}, recentSightings, macwatch.MaxEventAge.Microseconds())
	for ; len(recent) > 0 && err == nil; recent = recent[min(seenStep, len(recent)):] {
		err = s.inSteps(1, func() error { return s.w.raiseSeen(recent[:min(seenStep, len(recent))]) })
	}
	if err == nil {
		err = s.inSteps(1, func() error { return s.w.noteSeenWritten(began) })
	}
	if err != nil {
		s.onWriter(func() { s.w.seen.missed = true })
	}
	return err
}

// raiseSeen writes values of last_seen in a transaction of their own.
func (w *writer) raiseSeen(values []seenAt) error {
	return w.within(func() error {
		for _, v := range values {
			if err := w.stmts.raiseSeen.write(v.at, v.key.Location, int64(v.key.MAC)); err != nil {
				return wrap("write last_seen", err)
			}
		}
		return nil
	})
}

// noteSeenWritten notes that all sightings until then are written.
func (w *writer) noteSeenWritten(until time.Time) error {
	return w.exec("INSERT INTO meta (key, value) VALUES ('seen_written', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
		itoa(micros(until)))
}
