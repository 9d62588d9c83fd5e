package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"go.uber.org/zap"

	"tallygate/licensing"
)

// guard puts back what was altered in the database while the gateway ran, before a
// change reads it there and takes it for its own.
func (t *tx) guard() error {
	found, err := t.w.altered(t.ctx)
	if err != nil {
		return err
	}
	return t.putBack(found)
}

// putBack mends and reports.
func (t *tx) putBack(found []mismatch) error {
	for _, m := range found {
		t.w.s.log.Error("a license was altered in the database", zap.String("license", m.number), zap.String("problem", m.problem),
			zap.String("what_to_do", "find out who can write to the data directory; what the gateway itself had written is in force"))
		if err := t.restore(m); err != nil {
			return err
		}
		if err := t.log(actionMismatch, m.number, m.problem); err != nil {
			return err
		}
	}
	return nil
}

// verifyLogged holds licenses, receipts, orders and moves against what the log says of
// them, and puts back what differs.
func (w *writer) verifyLogged(ctx context.Context, e *evidence) error {
	if fresh, err := w.reportBroken(ctx, e); err != nil || fresh {
		return err
	}
	found := w.unlikeLogged(e)
	receipts, err := w.receiptsUnlikeLogged(ctx, e)
	if err != nil {
		return err
	}
	orders, err := w.ordersUnlikeLogged(ctx, e)
	if err != nil {
		return err
	}
	moves, err := w.movesUnlikeLogged(ctx, e)
	if err != nil {
		return err
	}
	if len(found)+len(receipts)+len(orders)+len(moves) == 0 {
		return nil
	}
	return w.change(ctx, licensing.Change{By: "tallygate"}, func(t *tx) error {
		if err := t.putBack(found); err != nil {
			return err
		}
		return errors.Join(t.putBackRows("receipt", receipts), t.putBackRows("order", orders), t.putBackRows("move", moves))
	})
}

// reportBroken raises the alarm about a broken log. What was found at an earlier start
// is in the log already. What is fresh puts everything before it in doubt: the rows are
// logged as they stand, so that from here on they are guarded again.
func (w *writer) reportBroken(ctx context.Context, e *evidence) (fresh bool, err error) {
	if len(e.wrong) == 0 {
		return false, nil
	}
	problem := strings.Join(e.wrong, "; ")
	w.s.log.Error("the audit log is broken", zap.String("problem", problem),
		zap.String("what_to_do", "compare it with a backup: `tallygate audit verify` goes on reporting this"))
	if told, err := json.Marshal(problem); err != nil || string(told) == e.known {
		return false, nil
	}
	return true, w.change(ctx, licensing.Change{By: "tallygate"}, func(t *tx) error {
		if err := t.log(actionBroken, "audit", problem); err != nil {
			return err
		}
		return t.anchor()
	})
}

// anchor logs everything that is held against the log, as it stands.
func (t *tx) anchor() error {
	for _, l := range t.state.licenses {
		if err := t.log(actionFacts, l.Number, loggedLicense{l.ID, *l}); err != nil {
			return err
		}
		receipt, err := readReceipt(t.ctx, t.conn, l.ID)
		if err != nil {
			return err
		}
		if receipt != nil {
			if err := t.log(actionReceipt, l.Number, receipt); err != nil {
				return err
			}
		}
		moves, err := t.movesOf(l)
		if err != nil {
			return err
		}
		for _, m := range moves {
			if err := t.logMove(l.ID, m); err != nil {
				return err
			}
		}
	}
	type order struct {
		id string
		keptOrder
	}
	orders, err := rows(t.ctx, t.conn, func(r *sql.Rows) (o order, err error) {
		err = r.Scan(&o.id, &o.Kind, &o.License, &o.Sequence, &o.Text)
		return o, err
	}, `SELECT id, kind, license, sequence, text FROM orders ORDER BY applied_at, id`)
	for _, o := range orders {
		if err == nil {
			err = t.log(actionOrder, o.id, o.keptOrder)
		}
	}
	return err
}

// unlikeLogged lists the licenses that are not as the log's latest facts say.
func (w *writer) unlikeLogged(e *evidence) []mismatch {
	var should []*licensing.License
	for _, f := range e.facts {
		var l loggedLicense
		if !e.proves(f) || json.Unmarshal([]byte(f.detail), &l) != nil {
			continue
		}
		l.ID = l.Row
		should = append(should, &l.License)
	}
	slices.SortFunc(should, func(a, b *licensing.License) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Number, b.Number))
	})
	return compareFacts(w.state.licenses, should, "was altered in the database")
}

// lostRow is a row of a table with a text per key that is not what the log says.
type lostRow struct {
	key     string // license number, or order id
	problem string
	mend    func(*tx) error
}

func (w *writer) receiptsUnlikeLogged(ctx context.Context, e *evidence) (lost []lostRow, err error) {
	for number, f := range e.receipts {
		facts, ok := e.facts[number]
		var l licensing.License
		var logged licensing.Receipt
		if !ok || !e.proves(f) || !e.proves(facts) || json.Unmarshal([]byte(facts.detail), &l) != nil || json.Unmarshal([]byte(f.detail), &logged) != nil {
			continue
		}
		if l.StartedAt.IsZero() || !logged.RecordedAt.After(l.UndoneAt) {
			continue // an order has undone this start
		}
		row, err := readText(ctx, w.conn, `SELECT text FROM receipts r JOIN licenses l ON l.id = r.license_id WHERE l.number = ? AND r.void = ''`, number)
		if err != nil {
			return nil, err
		}
		if row == f.detail {
			continue
		}
		lost = append(lost, lostRow{number, "its start receipt was altered or removed in the database", func(t *tx) error {
			if _, err := t.exec(nil, `DELETE FROM receipts WHERE license_id = (SELECT id FROM licenses WHERE number = ?1) AND (void = '' OR text = ?2)`,
				number, f.detail); err != nil {
				return err
			}
			_, err := t.exec(nil, `INSERT INTO receipts (license_id, text) SELECT id, ? FROM licenses WHERE number = ?`, f.detail, number)
			return err
		}})
	}
	return lost, nil
}

func (w *writer) ordersUnlikeLogged(ctx context.Context, e *evidence) (lost []lostRow, err error) {
	for id, f := range e.orders {
		var kept keptOrder
		if !e.proves(f) || json.Unmarshal([]byte(f.detail), &kept) != nil {
			continue
		}
		n, err := readText(ctx, w.conn, `SELECT count(*) FROM orders WHERE id = ? AND kind = ? AND license = ? AND sequence = ? AND text = ?`,
			id, kept.Kind, kept.License, kept.Sequence, kept.Text)
		if err != nil {
			return nil, err
		}
		if n == "1" {
			continue
		}
		lost = append(lost, lostRow{id, "the signed text was altered or removed in the database", func(t *tx) error {
			_, err := t.exec(nil, `INSERT OR REPLACE INTO orders (id, kind, text, applied_at, license, sequence) VALUES (?, ?, ?, ?, ?, ?)`,
				id, kept.Kind, kept.Text, micros(f.at), kept.License, kept.Sequence)
			return err
		}})
	}
	ids, err := rows(ctx, w.conn, func(r *sql.Rows) (id string, err error) {
		err = r.Scan(&id)
		return id, err
	}, `SELECT id FROM orders ORDER BY id`)
	for _, id := range ids {
		if _, known := e.orders[id]; !known && len(e.wrong) == 0 {
			lost = append(lost, lostRow{id, "the order was added by somebody else", func(t *tx) error {
				_, err := t.exec(nil, `DELETE FROM orders WHERE id = ?`, id)
				return err
			}})
		}
	}
	return lost, err
}

func (w *writer) movesUnlikeLogged(ctx context.Context, e *evidence) (lost []lostRow, err error) {
	for key, f := range e.moves {
		var kept keptMove
		if !e.proves(f) || json.Unmarshal([]byte(f.detail), &kept) != nil {
			continue
		}
		n, err := readText(ctx, w.conn, `SELECT count(*) FROM moves m JOIN licenses l ON l.id = m.license_id
			WHERE l.number = ? AND m.hop = ? AND m.from_gateway = ? AND m.to_gateway = ? AND m.text = ?`, kept.License, kept.Hop, kept.From, kept.To, kept.Text)
		if err != nil {
			return nil, err
		}
		if n == "1" {
			continue
		}
		lost = append(lost, lostRow{key, "its move to another gateway was altered or removed in the database", func(t *tx) error {
			_, err := t.exec(nil, `INSERT OR REPLACE INTO moves (license_id, hop, from_gateway, to_gateway, at, text)
				SELECT id, ?, ?, ?, ?, ? FROM licenses WHERE number = ?`, kept.Hop, kept.From, kept.To, micros(f.at), kept.Text, kept.License)
			return err
		}})
	}
	return lost, nil
}

func (t *tx) putBackRows(noun string, lost []lostRow) error {
	for _, row := range lost {
		t.w.s.log.Error("evidence was altered in the database", zap.String(noun, row.key), zap.String("problem", row.problem),
			zap.String("what_to_do", "find out who can write to the data directory; what the gateway itself had written was put back"))
		if err := row.mend(t); err != nil {
			return err
		}
		if err := t.log(actionMismatch, row.key, row.problem); err != nil {
			return err
		}
	}
	return nil
}

// readText reads one text; empty when there is no such row.
func readText(ctx context.Context, q querier, query string, args ...any) (text string, err error) {
	err = q.QueryRowContext(ctx, query, args...).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, wrap("read the store", err)
}
