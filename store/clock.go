package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
)

// Now is the time that the gateway believes (see licensing.Clock); contracts begin
// and end by it.
func (s *Store) Now() time.Time { return s.clock.Load().Now(s.wall()) }

// readClock takes in the wall clock. Called by the writer only.
func (s *Store) readClock() licensing.ClockEvent {
	next, event := s.clock.Load().Seen(s.wall(), s.uptime())
	s.clock.Store(&next)
	return event
}

// restoreClock takes up the latest time seen by the run before.
func (w *writer) restoreClock(ctx context.Context) error {
	var clock licensing.Clock
	var text string
	err := w.conn.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'clock'`).Scan(&text)
	if err == nil {
		err = json.Unmarshal([]byte(text), &clock)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return faultf("cannot read the latest time seen: %w", err)
	}
	w.s.clock.Store(&clock)
	if event := w.s.readClock(); event != licensing.ClockSteady {
		w.s.log.Warn("the clock differs from the latest time seen", zap.Stringer("event", event),
			zap.Time("wall_clock", w.s.wall()), zap.Time("believed", w.s.Now()))
	}
	return nil
}

// saveClock notes the latest time seen, in the transaction that is open.
func (w *writer) saveClock() error {
	text, err := json.Marshal(w.s.clock.Load())
	if err != nil {
		return faultf("cannot note the time: %w", err)
	}
	return w.exec(`INSERT INTO meta (key, value) VALUES ('clock', ?) ON CONFLICT DO UPDATE SET value = excluded.value`, string(text))
}

// reportClock puts what happened to the clock into the log and the audit log. Where
// a jump was withdrawn, what was entered during it must not lie in the future.
func (w *writer) reportClock(event licensing.ClockEvent) error {
	wall, believed := w.s.wall(), w.s.Now()
	w.s.log.Error("the clock was set", zap.Stringer("event", event), zap.Time("wall_clock", wall), zap.Time("believed", believed),
		zap.String("what_to_do", "check the machine's time synchronisation"))
	return w.change(context.Background(), licensing.Change{By: "tallygate"}, func(t *tx) error {
		if event == licensing.ClockWithdrawn {
			if err := t.settle(); err != nil {
				return err
			}
		}
		if err := w.saveClock(); err != nil {
			return err
		}
		return t.log("clock."+event.String(), "clock", map[string]time.Time{"wall_clock": wall, "believed": believed})
	})
}

func (t *tx) settle() error {
	for _, l := range t.state.licenses {
		settled := l.Settled(t.now)
		if reflect.DeepEqual(settled, l) {
			continue
		}
		if err := t.saveLicense(settled); err != nil {
			return err
		}
		for _, a := range settled.Allotments {
			if _, err := t.exec(nil, `UPDATE allotments SET at = ? WHERE license_id = ? AND location_id = ?`, micros(a.At), l.ID, a.LocationID); err != nil {
				return err
			}
		}
	}
	return nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
