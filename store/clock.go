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

// restoreClock takes up the latest time seen by the run before. What it finds out
// is reported once there is a state to be settled.
func (w *writer) restoreClock(ctx context.Context) (licensing.ClockEvent, error) {
	var clock licensing.Clock
	var text string
	err := w.conn.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'clock'`).Scan(&text)
	if err == nil {
		err = json.Unmarshal([]byte(text), &clock)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return licensing.ClockSteady, faultf("cannot read the latest time seen: %w", err)
	}
	w.s.clock.Store(&clock)
	return w.s.readClock(), nil
}

// saveClock notes the latest time seen, in the transaction that is open.
func (w *writer) saveClock() error { return w.keepClock(*w.s.clock.Load()) }

func (w *writer) keepClock(clock licensing.Clock) error {
	text, err := json.Marshal(clock)
	if err != nil {
		return faultf("cannot note the time: %w", err)
	}
	return w.exec(`INSERT INTO meta (key, value) VALUES ('clock', ?) ON CONFLICT DO UPDATE SET value = excluded.value`, string(text))
}

// reportClock puts what happened to the clock into the log and the audit log. Where
// a jump was withdrawn, what was entered during it must not lie in the future.
func (w *writer) reportClock(event licensing.ClockEvent) error {
	// What is settled is settled in the tables.
	if err := w.foldSome(len(w.backlog.order)); err != nil {
		return err
	}
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

// settle brings back to now whatever a withdrawn jump has put into the future. Left
// there, a denial would lift itself, lab mode would switch itself on one day, a slot
// would stay taken for years, and a fifth device would start a contract in 2036.
func (t *tx) settle() error {
	for _, l := range t.state.licenses {
		settled := l.Settled(t.now)
		if reflect.DeepEqual(settled, l) {
			continue
		}
		if err := t.saveLicense(settled); err != nil {
			return err
		}
		if !settled.StartedAt.Equal(l.StartedAt) && settled.StartedAt.IsZero() {
			if err := errors.Join(t.voidReceipt(l, "withdrawn"), t.log("license.start-withdrawn", l.Number, l.StartedAt)); err != nil {
				return err
			}
		}
	}
	for _, query := range []string{
		`UPDATE allotments SET at = ?1 WHERE at > ?1`,
		`UPDATE counted SET first_at = min(first_at, ?1), last_at = min(last_at, ?1) WHERE max(first_at, last_at) > ?1`,
		`INSERT OR IGNORE INTO window_sightings (license_id, location_id, at, mac, ap, session)
			SELECT license_id, location_id, ?1, mac, ap, session FROM window_sightings WHERE at > ?1`,
		`DELETE FROM window_sightings WHERE at > ?1`,
		`UPDATE proposed_sightings SET at = ?1 WHERE at > ?1`,
		`UPDATE devices SET first_seen = min(first_seen, ?1), last_seen = min(last_seen, ?1) WHERE max(first_seen, last_seen) > ?1`,
		`UPDATE labs SET started_at = ?1, ends_at = ?1 WHERE started_at > ?1`,
		`UPDATE transfers SET requested_at = ?1, expires_at = expires_at - (requested_at - ?1) WHERE requested_at > ?1`,
		`UPDATE transfers SET decided_at = ?1 WHERE decided_at > ?1`,
		`UPDATE moves SET at = ?1 WHERE at > ?1`,
		`UPDATE slots SET first_seen = min(first_seen, ?1), claimed_at = min(claimed_at, ?1), released_at = min(released_at, ?1)
			WHERE max(first_seen, coalesce(claimed_at, 0), coalesce(released_at, 0)) > ?1`,
		`UPDATE slots SET last_seen = min(last_seen, ?1), refused_at = min(refused_at, ?1) WHERE max(last_seen, refused_at) > ?1`,
		`UPDATE sessions SET started_at = min(started_at, ?1), updated_at = min(updated_at, ?1), ended_at = min(ended_at, ?1), heard_at = min(heard_at, ?1)
			WHERE max(started_at, updated_at, coalesce(ended_at, 0), heard_at) > ?1`,
		// To before now, or the next event of the same NAS would seem to be a repeat.
		`UPDATE nas_events SET event_at = min(event_at, ?1 - 10000000), recorded_at = min(recorded_at, ?1) WHERE max(event_at, recorded_at) > ?1`,
		`UPDATE reporters SET reported_at = ?1 WHERE reported_at > ?1`,
		`UPDATE retired_guests SET at = ?1 WHERE at > ?1`,
		`UPDATE passes SET first_use_at = ?1, ended_at = iif(valid_for > 0, min(ended_at, ?1 + valid_for), ended_at) WHERE first_use_at > ?1`,
		`UPDATE passes SET revoked_at = ?1 WHERE revoked_at > ?1`,
		// Days that have not come yet, and those of which not everything is known: they are
		// reckoned up again.
		`DELETE FROM days WHERE day >= date(?1 / 1000000 - 2 * 86400, 'unixepoch')`,
	} {
		if _, err := t.exec(nil, query, micros(t.now)); err != nil {
			return err
		}
	}
	// What is at hand in memory holds the old times.
	t.committed = append(t.committed, func() {
		t.w.sessions.purge()
		t.w.seen.settle(t.now)
		t.w.boots.settle(t.now)
		t.w.reporters.settle(t.now)
		if err := t.w.loadPasses(t.ctx, t.now); err != nil {
			t.w.s.log.Error("passes could not be read again after the clock was set back; they are at the next start", zap.Error(err))
		}
	})
	return nil
}

// resetClock carries out a signed order that lowers the latest time seen, after the
// clock was wrong for longer than it may mend by itself. As with a withdrawn jump, what
// was entered meanwhile must not lie in the future.
func (s *Store) resetClock(ctx context.Context, ch licensing.Change, text string) (a licensing.Activation, err error) {
	o, err := licensing.VerifyOrder(text, *s.issuers.Load())
	if err != nil {
		return a, err
	}
	if o.Gateway != s.keys.public {
		return a, licensing.Errorf(licensing.CodeRefused, "the order is for another gateway: %s", o.Gateway).
			WithHint("enter it there, or send your distributor this gateway's key: %s", s.keys.public)
	}
	a = licensing.Activation{Kind: o.Kind, DryRun: ch.DryRun, Licenses: []licensing.Summary{}, CutOff: licensing.CutOff{APs: []string{}, Rooms: []string{}}}
	err = s.change(ctx, ch, func(t *tx) error {
		if err := t.keepOrder(o.ID, keptOrder{Kind: string(o.Kind), Text: text}); err != nil {
			return err
		}
		before := t.now
		clock, err := s.clock.Load().Reset(*o.ClockReset, s.wall(), s.uptime())
		if err != nil {
			return err
		}
		t.now = clock.Now(s.wall()).Truncate(time.Microsecond)
		if err := errors.Join(t.settle(), t.w.keepClock(clock)); err != nil {
			return err
		}
		t.committed = append(t.committed, func() { s.clock.Store(&clock) })
		a.Changes = []licensing.ChangeLine{{What: "latest time seen", From: before.UTC().Format(time.RFC3339), To: t.now.UTC().Format(time.RFC3339)}}
		a.Summary = []string{"The latest time seen was lowered to " + a.Changes[0].To + "; the dates decide anew."}
		return t.log("clock.reset", "clock", map[string]any{"id": o.ID, "issuer": o.Issuer, "from": before, "to": t.now})
	})
	return a, err
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
