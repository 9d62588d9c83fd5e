package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tallygate/licensing"
)

// ladder is a row of ladders: an end that a license has, or had.
type ladder struct {
	licensing.Ladder
	row int64
}

// notices is the part of a transaction that tells people of things: it works on the
// writer's connection, inside whatever transaction is open there.
type notices struct {
	ctx  context.Context
	s    *Store
	conn *sql.Conn
	now  time.Time
}

func (t *tx) notices() *notices { return &notices{t.ctx, t.w.s, t.conn, t.now} }

func (b *batch) notices() *notices {
	return &notices{context.Background(), b.w.s, b.w.conn, b.now}
}

func (n *notices) exec(query string, args ...any) error {
	_, err := n.conn.ExecContext(n.ctx, query, args...)
	return wrap("write the ledger of notices", err)
}

// armChanged begins the ladder anew for every license whose end the change has moved.
func (n *notices) armChanged(before, after *state) error {
	old := make(map[int64]*licensing.License, len(before.licenses))
	for _, l := range before.licenses {
		old[l.ID] = l
	}
	for _, l := range after.licenses {
		was := licensing.Ladder{}
		if o := old[l.ID]; o != nil {
			was = o.Ladder(0, n.now)
		}
		if l.Ladder(0, n.now).SameEnd(was) {
			continue
		}
		if err := n.rearm(l); err != nil {
			return err
		}
	}
	return nil
}

// rearm begins the ladder of the license's present end, as of now.
func (n *notices) rearm(l *licensing.License) error {
	ladders, err := latestLadders(n.ctx, n.conn, []*licensing.License{l})
	if err != nil {
		return err
	}
	return n.arm(l, ladders[l.ID], "the end of the license was moved")
}

// arm makes the license's present end its next ladder. What the old one had not sent
// yet is cancelled, for this reason.
func (n *notices) arm(l *licensing.License, old ladder, reason string) error {
	next := l.Ladder(old.Turn+1, n.now)
	if next.LastDay.IsZero() && old.LastDay.IsZero() {
		return nil
	}
	if err := n.cancel(old, reason); err != nil {
		return err
	}
	n.s.noticesChanged()
	return n.exec(`INSERT INTO ladders (license_id, turn, last_day, ends_at, armed_at) VALUES (?, ?, ?, ?, ?)`,
		l.ID, next.Turn, next.LastDay.String(), micros(next.End), micros(n.now))
}

// cancel takes back what an old ladder had not sent yet: notices still to come, and
// those that wait for another attempt.
func (n *notices) cancel(old ladder, reason string) error {
	recorded, err := n.recorded()
	if err != nil {
		return err
	}
	for _, notice := range old.Notices() {
		if recorded[old.row][notice.ID] || notice.Due.Before(old.ArmedAt) {
			continue
		}
		if err := n.record(old, notice, licensing.DeliveryCancelled, reason); err != nil {
			return err
		}
	}
	return n.stop(old, 0, licensing.DeliveryCancelled, reason)
}

// stop ends the deliveries of a ladder's notices that have not arrived, all of them or
// (after > 0) those of notices written before that one.
func (n *notices) stop(l ladder, before int64, end licensing.DeliveryState, reason string) error {
	const which = ` WHERE outbox_seq IN (SELECT seq FROM outbox WHERE ladder_id = ? AND (? = 0 OR seq < ?)) AND state = ?`
	if err := n.exec(`UPDATE deliveries SET state = ?, reason = ?, next_at = NULL`+which,
		string(end), reason, l.row, before, before, string(licensing.DeliveryWaiting)); err != nil {
		return err
	}
	return n.exec(`UPDATE deliveries SET stop = ?`+which, string(end), l.row, before, before, string(licensing.DeliverySending))
}

// record writes a notice of a ladder into the outbox: to be sent (state ""), or not to
// be, and why.
func (n *notices) record(l ladder, notice licensing.Notice, state licensing.DeliveryState, reason string) error {
	addressed := any(nil)
	if state != "" {
		addressed = micros(n.now)
	}
	return n.exec(`INSERT INTO outbox (id, kind, at, license, location, data, ladder_id, state, reason, addressed_at)
		VALUES (?, ?, ?, ?, '', '{}', ?, ?, ?, ?)`,
		notice.ID, notice.Kind, micros(notice.Due), l.License, l.row, string(state), reason, addressed)
}

// recorded tells which notices of the present ladders stand in the outbox, by the row
// of the ladder.
func (n *notices) recorded() (map[int64]map[string]bool, error) {
	found := map[int64]map[string]bool{}
	_, err := rows(n.ctx, n.conn, func(r *sql.Rows) (none struct{}, err error) {
		var row int64
		var id string
		if err = r.Scan(&row, &id); err == nil {
			if found[row] == nil {
				found[row] = map[string]bool{}
			}
			found[row][id] = true
		}
		return none, err
	}, `SELECT ladder_id, id FROM outbox WHERE ladder_id IN (SELECT max(id) FROM ladders GROUP BY license_id)`)
	return found, err
}

// latestLadders reads the present ladder of each license that has one, by License.ID.
func latestLadders(ctx context.Context, q querier, licenses []*licensing.License) (map[int64]ladder, error) {
	byID := make(map[int64]*licensing.License, len(licenses))
	for _, l := range licenses {
		byID[l.ID] = l
	}
	found := map[int64]ladder{}
	_, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var row, license, ends, armed int64
		var turn int
		var day string
		if err = r.Scan(&row, &license, &turn, &day, &ends, &armed); err != nil || byID[license] == nil {
			return none, err
		}
		l := ladder{byID[license].Ladder(turn, fromMicros(armed)), row}
		l.End = fromMicros(ends)
		if err = l.LastDay.UnmarshalText([]byte(day)); err != nil {
			return none, fmt.Errorf("last day: %w", err)
		}
		if l.LastDay.IsZero() {
			l.End = time.Time{}
		}
		found[license] = l
		return none, nil
	}, `SELECT id, license_id, turn, last_day, ends_at, armed_at FROM ladders AS l
		WHERE turn = (SELECT max(turn) FROM ladders WHERE license_id = l.license_id)`)
	return found, err
}
