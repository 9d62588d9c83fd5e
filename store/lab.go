package store

import (
	"context"
	"database/sql"

	"tallygate/licensing"
)

// StartLab starts lab mode at a Location; it ends by itself (licensing.LabEnd).
func (s *Store) StartLab(ctx context.Context, ch licensing.Change, location string) (p licensing.LabPeriod, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		if err := licensing.CheckLab(l, t.now); err != nil {
			return err
		}
		p = licensing.LabPeriod{Start: t.now, End: licensing.LabEnd(l, t.now)}
		if _, err := t.exec(nil, `INSERT INTO labs (location_id, started_at, ends_at) VALUES (?, ?, ?)`, l.ID, micros(p.Start), micros(p.End)); err != nil {
			return err
		}
		return t.log("lab.start", l.Code, p)
	})
	return p, err
}

// StopLab ends it early.
func (s *Store) StopLab(ctx context.Context, ch licensing.Change, location string) (p licensing.LabPeriod, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		running, ok := l.LabAt(t.now)
		if !ok {
			return licensing.Errorf(licensing.CodeConflict, "lab mode does not run at %s", l.Code).
				WithHint("`tallygate lab status --location %s` shows when it ran", l.Code)
		}
		p = licensing.LabPeriod{Start: running.Start, End: t.now}
		return t.endLab(l)
	})
	return p, err
}

// endLab ends lab mode where it runs, with its audit entry.
func (t *tx) endLab(l *licensing.Location) error {
	if _, running := l.LabAt(t.now); !running {
		return nil
	}
	if _, err := t.exec(nil, `UPDATE labs SET ends_at = ?1 WHERE location_id = ?2 AND started_at <= ?1 AND ends_at > ?1`, micros(t.now), l.ID); err != nil {
		return err
	}
	return t.log("lab.stop", l.Code, map[string]any{"at": t.now})
}

// Labs lists every lab period of a Location, oldest first.
func (s *Store) Labs(ctx context.Context, location string) ([]licensing.LabPeriod, error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return nil, err
	}
	return rows(ctx, s.readers, func(r *sql.Rows) (licensing.LabPeriod, error) {
		var start, end int64
		err := r.Scan(&start, &end)
		return licensing.LabPeriod{Start: fromMicros(start), End: fromMicros(end)}, err
	}, `SELECT started_at, ends_at FROM labs WHERE location_id = ? ORDER BY started_at, id`, l.ID)
}
