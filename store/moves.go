package store

import (
	"database/sql"
	"time"

	"tallygate/licensing"
)

// move is one hop of a license from gateway to gateway, as the table holds it.
type move struct {
	hop      int
	from, to string // gateway keys; from is "" where an order moved it
	text     string // the signed release, without its facts, or the order
}

// movesOf reads the hops of a license, oldest first.
func (t *tx) movesOf(l *licensing.License) ([]move, error) {
	return rows(t.ctx, t.conn, func(r *sql.Rows) (m move, err error) {
		err = r.Scan(&m.hop, &m.from, &m.to, &m.text)
		return m, err
	}, `SELECT hop, from_gateway, to_gateway, text FROM moves WHERE license_id = ? ORDER BY hop`, l.ID)
}

// addMove appends a hop that takes place now.
func (t *tx) addMove(license int64, m move) error {
	_, err := t.exec(nil, `INSERT INTO moves (license_id, hop, from_gateway, to_gateway, at, text) VALUES (?, ?, ?, ?, ?, ?)`,
		license, m.hop, m.from, m.to, micros(t.now), m.text)
	if err != nil {
		return err
	}
	return t.logMove(license, m)
}

// whereabouts adds to a line of `license list` what is on its way: to another partner,
// or gone to another gateway.
func (st *state) whereabouts(sum *licensing.Summary, l *licensing.License, now time.Time) {
	if r, known := st.transfers[l.ID]; known {
		if r = r.At(now); r.State == licensing.TransferPending && !now.Before(r.RequestedAt) {
			sum.Transfer = &r
		}
	}
	if l.Released(now) {
		sum.ReleasedAt, sum.ReleasedTo = &l.ReleasedAt, l.ReleasedTo
	}
}
