package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"tallygate/licensing"
)

// emit writes an event into the change's own transaction.
func (t *tx) emit(e licensing.Event) error {
	return t.w.s.emit(t.ctx, t.conn, e)
}

// emit writes an event into the batch's own transaction.
func (b *batch) emit(e licensing.Event) error {
	return b.w.s.emit(context.Background(), b.w.conn, e)
}

// emit writes an event; one whose id is there already is a repeat and writes nothing.
func (s *Store) emit(ctx context.Context, conn *sql.Conn, e licensing.Event) error {
	if e.ID == "" {
		e.ID = licensing.EventID(e, "")
	}
	data, err := json.Marshal(e.Data)
	if err != nil {
		return faultf("cannot write an event: %w", err)
	}
	_, err = conn.ExecContext(ctx, `INSERT INTO outbox (id, kind, at, license, location, data) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		e.ID, e.Kind, micros(e.At), e.License, e.Location, string(data))
	if err != nil {
		return wrap("write an event", err)
	}
	s.noticesChanged()
	return nil
}

// NoticeNews is signalled when an event was written, or a license got another end. Who
// is waked by it and asks the store then sees what was committed with it.
func (s *Store) NoticeNews() <-chan struct{} { return s.news }

func (s *Store) noticesChanged() {
	select {
	case s.news <- struct{}{}:
	default: // a signal is waiting already
	}
}

// tell is the last part of every change: what it means for the limits and for the ends
// of licenses, people are told of in the same transaction.
func (t *tx) tell(next *state) error {
	if err := t.emitCrossings(next); err != nil {
		return err
	}
	return t.notices().armChanged(t.state, next)
}

// tellStart tells of a start by counting, and begins the ladder of its end.
func (b *batch) tellStart(l *licensing.License, devices int) error {
	err := b.emit(licensing.Event{Kind: licensing.EventStart, At: b.now, License: l.Number,
		Data: map[string]any{"starts_at": l.StartedAt, "devices": devices}})
	if err != nil {
		return err
	}
	return b.notices().rearm(l)
}
