package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"tallygate/licensing"
)

// maxAnswer is how much of what the other side said is kept, in octets.
const maxAnswer = 500

// ResumeDeliveries takes up what a run before has left: attempts that were under way
// when it ended are made again, and what waited for other settings is tried with the
// present ones.
func (s *Store) ResumeDeliveries(ctx context.Context) error {
	return s.ledger(ctx, func(n *notices) (func() error, error) {
		return func() error {
			if err := n.exec(`UPDATE attempts SET result = ?, answer = 'the gateway ended during this attempt: it may have arrived' WHERE result = ''`,
				string(licensing.AttemptInterrupted)); err != nil {
				return err
			}
			if err := n.exec(`UPDATE deliveries SET state = stop, stop = '', next_at = NULL WHERE state = ? AND stop <> ''`, string(licensing.DeliverySending)); err != nil {
				return err
			}
			return n.exec(`UPDATE deliveries SET state = ?1, next_at = ?2 WHERE state = ?3 OR state = ?1 AND next_at IS NULL`,
				string(licensing.DeliveryWaiting), micros(n.now), string(licensing.DeliverySending))
		}, nil
	})
}

// TakeDeliveries takes up to limit deliveries whose time has come, those that wait
// longest first, and notes that an attempt at each begins. Next is when the next one
// is to be tried (zero: none), open is how many have not arrived yet.
func (s *Store) TakeDeliveries(ctx context.Context, limit int) (taken []licensing.Delivery, next time.Time, open int, err error) {
	err = s.ledger(ctx, func(n *notices) (func() error, error) {
		due, err := n.due(limit)
		if err != nil {
			return nil, err
		}
		if len(due) == 0 {
			return nil, n.outlook(&next, &open)
		}
		return func() error {
			for _, id := range due {
				if err := n.exec(`UPDATE deliveries SET state = ?, tries = tries + 1, next_at = NULL, reason = '' WHERE id = ?`, string(licensing.DeliverySending), id); err != nil {
					return err
				}
				d, err := n.begin(id)
				if err != nil {
					return err
				}
				taken = append(taken, d)
			}
			return n.outlook(&next, &open)
		}, nil
	})
	if err != nil {
		return nil, next, open, err
	}
	return taken, next, open, nil
}

// due lists deliveries whose time has come. One that lies further ahead than any
// attempt is ever put off was planned by a clock that was wrong.
func (n *notices) due(limit int) ([]string, error) {
	return rows(n.ctx, n.conn, func(r *sql.Rows) (id string, err error) {
		err = r.Scan(&id)
		return id, err
	}, `SELECT id FROM deliveries WHERE state = ? AND (next_at <= ? OR next_at > ?) ORDER BY next_at, outbox_seq, recipient_id LIMIT ?`,
		string(licensing.DeliveryWaiting), micros(n.now), micros(n.now.Add(licensing.LongestRetry)), limit)
}

func (n *notices) outlook(next *time.Time, open *int) error {
	var at sql.NullInt64
	err := n.conn.QueryRowContext(n.ctx, `SELECT min(next_at) FILTER (WHERE state = 'waiting'), count(*) FROM deliveries WHERE state IN ('waiting', 'sending')`).
		Scan(&at, open)
	*next = fromNullMicros(at)
	return wrap("read the ledger of notices", err)
}

// begin notes that an attempt at a delivery begins, and reads what it takes to make it.
func (n *notices) begin(id string) (d licensing.Delivery, err error) {
	d.ID = id
	err = n.conn.QueryRowContext(n.ctx, `INSERT INTO attempts (delivery_id, number, at, result, answer)
		SELECT ?1, 1 + count(*), ?2, '', '' FROM attempts WHERE delivery_id = ?1 RETURNING number`, id, micros(n.now)).Scan(&d.Attempt)
	if err != nil {
		return d, wrap("note an attempt", err)
	}
	var at, recipient int64
	var data, about string
	err = n.conn.QueryRowContext(n.ctx, `SELECT o.id, o.kind, o.at, o.license, o.location, o.data, coalesce(o.context, '{}'), d.recipient_id
		FROM deliveries d JOIN outbox o ON o.seq = d.outbox_seq WHERE d.id = ?`, id).
		Scan(&d.Event.ID, &d.Event.Kind, &at, &d.Event.License, &d.Event.Location, &data, &about, &recipient)
	if err != nil {
		return d, wrap("read a delivery", err)
	}
	d.Event.At = fromMicros(at)
	for text, into := range map[string]any{data: &d.Event.Data, about: &d.Context} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return d, wrap("read a delivery", err)
		}
	}
	found, err := rows(n.ctx, n.conn, scanRecipient, `SELECT `+recipientColumns+` FROM recipients WHERE id = ?`, recipient)
	if err == nil && len(found) == 0 {
		err = faultf("delivery %s has no recipient", id)
	}
	if err != nil {
		return d, err
	}
	d.Recipient = found[0]
	return d, nil
}

// FinishDelivery notes how the attempt at a delivery has ended, and what is to become
// of it.
func (s *Store) FinishDelivery(ctx context.Context, d licensing.Delivery, o licensing.Outcome) error {
	if len(o.Answer) > maxAnswer {
		o.Answer = o.Answer[:maxAnswer] + "…"
	}
	o.Answer = text(o.Answer)
	return s.ledger(ctx, func(n *notices) (func() error, error) {
		return func() error { return n.finish(d, o) }, nil
	})
}

func (n *notices) finish(d licensing.Delivery, o licensing.Outcome) error {
	if err := n.exec(`UPDATE attempts SET result = ?, answer = ? WHERE delivery_id = ? AND number = ?`, string(o.Result), o.Answer, d.ID, d.Attempt); err != nil {
		return err
	}
	var stop string
	var tries int
	err := n.conn.QueryRowContext(n.ctx, `SELECT stop, tries FROM deliveries WHERE id = ?`, d.ID).Scan(&stop, &tries)
	if err != nil {
		return wrap("read a delivery", err)
	}
	if o.Result == licensing.AttemptHeld {
		tries-- // nothing was tried: it does not use up an attempt
	}
	state, reason, next := n.outcome(d, o, tries)
	if stop != "" && state == licensing.DeliveryWaiting {
		state, next = licensing.DeliveryState(stop), nil
	}
	if err := n.exec(`UPDATE deliveries SET state = ?, stop = '', reason = ?, next_at = ?, tries = ? WHERE id = ?`,
		string(state), reason, next, tries, d.ID); err != nil {
		return err
	}
	switch {
	case o.Gone:
		return n.switchOff(d.Recipient.ID, reason)
	case o.Result == licensing.AttemptSent && d.Event.Kind == licensing.EventTest && d.Recipient.OffReason != "":
		return n.exec(`UPDATE recipients SET off_reason = '' WHERE id = ?`, d.Recipient.ID)
	}
	return nil
}

// outcome is what becomes of a delivery after an attempt.
func (n *notices) outcome(d licensing.Delivery, o licensing.Outcome, tries int) (state licensing.DeliveryState, reason string, next any) {
	test := d.Event.Kind == licensing.EventTest
	switch {
	case o.Result == licensing.AttemptSent:
		return licensing.DeliverySent, "", nil
	case o.Result == licensing.AttemptFailed || test:
		return licensing.DeliveryFailed, o.Answer, nil
	case o.Result == licensing.AttemptHeld:
		return licensing.DeliveryWaiting, o.Answer, nil
	}
	wait, again := licensing.RetryAfter(tries)
	if !again {
		return licensing.DeliveryFailed, fmt.Sprintf("given up after %d attempts: %s", tries, o.Answer), nil
	}
	return licensing.DeliveryWaiting, o.Answer, micros(n.now.Add(wait))
}

// switchOff ends what waits for a recipient that wants nothing any more.
func (n *notices) switchOff(recipient int64, reason string) error {
	if err := n.exec(`UPDATE recipients SET off_reason = ? WHERE id = ?`, reason, recipient); err != nil {
		return err
	}
	return n.stopAll(recipient, licensing.DeliveryFailed, reason)
}

// TestRecipient enters a test into the ledger, its one attempt begun: whoever asked
// makes it and finishes it with FinishDelivery.
func (s *Store) TestRecipient(ctx context.Context, ch licensing.Change, name string) (d licensing.Delivery, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		n := t.notices()
		r, err := n.recipient(name)
		if err != nil {
			return err
		}
		off := r.OffReason
		r.OffReason = "" // a test is how it is switched on again
		e := licensing.Event{Kind: licensing.EventTest, At: t.now}
		e.ID = licensing.EventID(e, itoa(r.ID))
		var seq int64
		err = t.conn.QueryRowContext(t.ctx, `INSERT INTO outbox (id, kind, at, license, location, data, addressed_at, context)
			VALUES (?, ?, ?, '', '', '{}', ?, '{}') RETURNING seq`, e.ID, e.Kind, micros(e.At), micros(e.At)).Scan(&seq)
		if err != nil {
			return wrap("write a test", err)
		}
		if err := n.deliver(seq, e.ID, r, licensing.DeliverySending); err != nil {
			return err
		}
		if d, err = n.begin(licensing.DeliveryID(e.ID, r.ID)); err != nil {
			return err
		}
		d.Recipient.OffReason = off
		return t.log("recipient.test", r.Name, map[string]string{"delivery": d.ID})
	})
	return d, err
}

// ReplayDelivery sends a delivery again that failed, or arrived and was lost there. It
// keeps its id.
func (s *Store) ReplayDelivery(ctx context.Context, ch licensing.Change, id string) (e licensing.LedgerEntry, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		n := t.notices()
		var state, name, off string
		var removed sql.NullInt64
		err := t.conn.QueryRowContext(t.ctx, `SELECT d.state, r.name, r.off_reason, r.removed_at FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
			WHERE d.id = ?`, id).Scan(&state, &name, &off, &removed)
		switch s := licensing.DeliveryState(state); {
		case noRows(err):
			return licensing.Errorf(licensing.CodeNotFound, "there is no delivery %q", id).WithHint("`tallygate notify list` shows their ids")
		case err != nil:
			return wrap("read a delivery", err)
		case removed.Valid:
			return licensing.Errorf(licensing.CodeConflict, "recipient %q was removed", name).WithHint("add it again with `tallygate notify recipient add`; it is told of what happens then")
		case off != "":
			return licensing.Errorf(licensing.CodeConflict, "recipient %q is switched off: %s", name, off).WithHint("`tallygate notify test %s` switches it on again, if it arrives", name)
		case s != licensing.DeliveryFailed && s != licensing.DeliverySent:
			return licensing.Errorf(licensing.CodeConflict, "the delivery is %s: there is nothing to send again", s).
				WithHint("only what has failed or was sent can be sent again")
		}
		if err := n.exec(`UPDATE deliveries SET state = ?, reason = '', next_at = ?, tries = 0 WHERE id = ?`,
			string(licensing.DeliveryWaiting), micros(t.now), id); err != nil {
			return err
		}
		if err := t.log("recipient.replay", name, map[string]string{"delivery": id}); err != nil {
			return err
		}
		t.w.s.noticesChanged()
		return readLedger(t.ctx, t.conn, ledgerByID, []any{id}, func(found licensing.LedgerEntry) error {
			e = found
			return nil
		})
	})
	return e, err
}
