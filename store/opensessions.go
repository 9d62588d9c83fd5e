package store

import (
	"context"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// OpenSessions hands out the open sessions of a Location by its id, with what their NAS
// calls them; a session is the receiver's own. Those whose row could not be written yet
// come last.
func (s *Store) OpenSessions(ctx context.Context, location int64, each func(*macwatch.Session) error) error {
	unfolded, err := s.flushSessions()
	if err != nil {
		return unavailable(err)
	}
	newer := map[int64]bool{}
	for _, session := range unfolded {
		newer[session.ID] = session.ID != 0
	}
	// The partial index holds open sessions only: however many are known, only those are read.
	err = s.scanSessions(ctx, func(session *macwatch.Session) error {
		if newer[session.ID] {
			return nil
		}
		if err := s.unseal(session); err != nil {
			return err
		}
		return each(session)
	}, `INDEXED BY sessions_open WHERE ended_at IS NULL AND location_id = ?`, location)
	if err != nil {
		return err
	}
	for _, session := range unfolded {
		if session.Location == location && session.EndedAt.IsZero() {
			if err := each(session); err != nil {
				return err
			}
		}
	}
	return nil
}

// NoteEnd writes the audit entry of an operator who asks for so many sessions to end.
func (s *Store) NoteEnd(ctx context.Context, ch licensing.Change, location string, which macwatch.SessionSelector, sessions int) error {
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		detail := map[string]any{"sessions": sessions}
		if which.SessionID != "" {
			detail["session_id"] = text(which.SessionID)
		}
		if which.MAC != 0 {
			detail["device"] = t.pseudonym(which.MAC)
		}
		if which.AP != "" {
			detail["ap"] = text(which.AP)
		}
		if which.All {
			detail["all"] = true
		}
		return t.log("session.end", l.Code, detail)
	})
}
