package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// learnStep is how many devices are learned at once; answers wait for that meanwhile.
const learnStep = 4096

// learned is a row of one of the two tables that tell of devices.
type learned struct {
	license int64 // 0: of devices
	key     macwatch.DeviceKey
	first   int64 // from when on a sighting changes nothing, in microseconds; of devices: 1 when something stands against it
}

// learnDevices tells the writer of all devices in the tables, a few at a time; then, each
// time counts were forgotten, of those again. It ends when the store is closed.
func (s *Store) learnDevices() {
	defer close(s.learner)
	// Whom something stands against comes first, so that the count of nobody is learned in
	// spite of it.
	err := s.learn(`SELECT 0, location_id, mac, reason <> '' FROM devices WHERE (location_id, mac) > (?, ?) ORDER BY location_id, mac LIMIT ?`,
		func(l learned) []any { return []any{l.key.Location, int64(l.key.MAC), learnStep} }, (*writer).learnRows)
	if err == nil {
		err = s.learnAllCounts()
	}
	if err != nil {
		s.log.Warn("the known devices could not be read; each new one costs two searches more", zap.Error(err))
	} else {
		s.onWriter(func() {
			s.w.known.complete = true
			s.metrics.learned.Set(1)
		})
	}
	close(s.learned)
	for {
		select {
		case <-s.forgot:
			if err := s.learnAllCounts(); err != nil {
				s.log.Warn("what counts could not be read again; each known device costs a search more, once", zap.Error(err))
			}
		case <-s.done:
			return
		}
	}
}

func (s *Store) learnAllCounts() error {
	// One that was erased and came again counts from before it was first seen (see settled).
	return s.learn(`SELECT license_id, c.location_id, c.mac, coalesce(max(first_at, first_seen), first_at)
		FROM counted c LEFT JOIN devices d ON d.location_id = c.location_id AND d.mac = c.mac
		WHERE (license_id, c.location_id, c.mac) > (?, ?, ?) ORDER BY license_id, c.location_id, c.mac LIMIT ?`,
		func(l learned) []any { return []any{l.license, l.key.Location, int64(l.key.MAC), learnStep} }, (*writer).learnCounts)
}

// relearnPause is for how long no operator may have changed anything before counts that were
// forgotten are learned again: the next change would make it all in vain.
const relearnPause = time.Second

// relearn asks for that when it is time.
func (w *writer) relearn() {
	changes, now := w.s.changes.Load(), w.s.uptime()
	if changes != w.changesSeen {
		w.changesSeen, w.changedAt = changes, now
	}
	if !w.known.forgot || !w.known.complete || now-w.changedAt < relearnPause {
		return
	}
	select {
	case w.s.forgot <- struct{}{}:
		w.known.forgot = false
	default: // the last one is under way
	}
}

// learn reads a table in order of its key; args are those of the query after a row. What
// an operator's change may have altered since it was read is taken for less.
func (s *Store) learn(query string, args func(after learned) []any, take func(*writer, []learned, bool)) (err error) {
	ctx := context.Background()
	conn, err := s.readers.Conn(ctx)
	if err != nil {
		return wrap("read the store", err)
	}
	defer func() {
		// Nobody needs the pages that it has gone through again.
		_, e := conn.ExecContext(ctx, "PRAGMA shrink_memory")
		err = errors.Join(err, e, conn.Close())
	}()
	for after := (learned{}); ; {
		changes := s.changes.Load()
		next, err := rows(ctx, conn, func(r *sql.Rows) (l learned, err error) {
			err = r.Scan(&l.license, &l.key.Location, &l.key.MAC, &l.first)
			return l, err
		}, query, args(after)...)
		if err != nil || len(next) == 0 {
			return err
		}
		if !s.onWriter(func() { take(s.w, next, changes == s.changes.Load()) }) {
			return nil
		}
		after = next[len(next)-1]
	}
}

// learnRows takes in rows of devices.
func (w *writer) learnRows(all []learned, _ bool) {
	for _, l := range all {
		if l.first == 0 {
			w.known.add(l.key)
		} else if e := w.known.add(l.key); e != nil && e.first == firstUnknown {
			e.first = firstDoubted // unless a sighting has told better meanwhile
		}
	}
}

// learnCounts takes in rows of counted; current says that they are as they were read.
func (w *writer) learnCounts(all []learned, current bool) {
	now := w.s.Now()
	location, governing, number := int64(0), int64(0), uint32(0)
	for _, l := range all {
		if l.key.Location != location {
			location, governing = l.key.Location, 0
			if at := w.state.locations[location]; at != nil {
				if license := licensing.Governing(at.Licenses, now); license != nil {
					governing, number = license.ID, w.epochOf(location, license.ID)
				}
			}
		}
		if current && l.license == governing {
			w.known.learnCount(l.key, number, fromMicros(l.first))
		} else if w.known.find(l.key) == nil {
			w.known.doubt(l.key)
		}
	}
}
