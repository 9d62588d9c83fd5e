package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"tallygate/macwatch"
)

// Sizes of looking for silent sessions.
const (
	silenceStep  = 256             // sessions that are looked at in one turn
	silencePause = 5 * time.Second // between two walks over all open sessions
)

// silence is how far the walk over the open sessions is. Sessions of which nothing more is
// heard are closed a few at a time, like everything that need not be done at once.
type silence struct {
	at     int64         // row
	next   time.Duration // uptime of the next walk
	since  time.Duration // uptime since when the NASes could be heard without a break
	closed int           // in this run
}

// excuse says that until now nobody could be heard, or nobody can say for how long: each
// NAS first gets the time of an interval to report again.
func (l *silence) excuse(now time.Duration) { l.since = now }

// closeSilent closes some of the open sessions that were silent for too long. A power cut
// may undo it: then it is done again.
func (w *writer) closeSilent() error {
	now := w.s.uptime()
	if w.failed || w.silence.at == 0 && now < w.silence.next {
		return nil
	}
	open, err := w.openRows(w.silence.at)
	if err != nil {
		return err
	}
	var silent []*macwatch.Session
	for _, row := range open {
		s, err := w.loadRow(row)
		if err != nil {
			return err
		}
		w.silence.at = row
		if s != nil && w.silentFor(s) {
			silent = append(silent, s)
		}
	}
	if len(open) < silenceStep {
		w.silence.at, w.silence.next = 0, now+silencePause
	}
	if len(silent) == 0 {
		return nil
	}
	err = w.within(func() error {
		for _, s := range silent {
			s.Lapse()
			if err := w.updateSession(s, s.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range silent {
		w.silence.closed++
		w.s.metrics.lapsed.Inc()
		// Memory holds what its row has held until now, or a later leg.
		if held := w.sessions.get(s.Ident); held != nil && held.row() == s.ID {
			w.sessions.drop(held)
		}
		w.follow(s)
	}
	return nil
}

// silentFor reports whether a session, as its row tells of it, was silent for too long.
func (w *writer) silentFor(s *macwatch.Session) bool {
	// Of one that waits to be folded its row does not tell the latest.
	if held := w.sessions.get(s.Ident); held != nil && held.since != 0 {
		return false
	}
	allowed, grace := w.silenceOf(s), macwatch.ShortestSilence
	if l := w.state.locations[s.Location]; l != nil {
		grace = max(grace, time.Duration(max(l.Settings.Reply.InterimInterval, int(s.Gap)))*time.Second)
	}
	return w.s.Now().Sub(s.SilentSince()) > allowed && w.s.uptime()-w.silence.since > min(grace, allowed)
}

// openRows are the next open sessions after a row.
func (w *writer) openRows(after int64) (found []int64, err error) {
	st := w.stmts.selectSilent
	rows, err := st.raw.QueryContext(context.Background(), st.bind([]driver.Value{after, int64(silenceStep)}))
	if err != nil {
		return nil, wrap("find open sessions", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for dest := make([]driver.Value, 1); ; {
		switch err := rows.Next(dest); {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, wrap("find open sessions", err)
		}
		row, _ := dest[0].(int64)
		found = append(found, row)
	}
}
