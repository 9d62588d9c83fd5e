package store

import (
	"context"
	"database/sql"
	"time"

	"tallygate/macwatch"
)

// keepRetired is how long it is remembered that an account or a MAC input was removed:
// sessions that began with it are over by then.
const keepRetired = 7 * 24 * time.Hour

// retire remembers that an account, or a MAC input, is removed now.
func (t *tx) retire(location int64, userName string, mac macwatch.MAC) error {
	if _, err := t.exec(nil, `DELETE FROM retired_guests WHERE at < ?`, micros(t.now.Add(-keepRetired))); err != nil {
		return err
	}
	_, err := t.exec(nil, `INSERT OR REPLACE INTO retired_guests (location_id, user_name, mac, at) VALUES (?, ?, ?, ?)`,
		location, userName, int64(mac), micros(t.now))
	return err
}

func (st *state) loadRetired(ctx context.Context, q querier, now time.Time) error {
	_, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var location, mac, at int64
		var userName string
		if err = r.Scan(&location, &userName, &mac, &at); err != nil {
			return none, err
		}
		v := st.venues[location]
		if v.RetiredAccounts == nil {
			v.RetiredAccounts, v.RetiredInputs = map[string]time.Time{}, map[macwatch.MAC]time.Time{}
		}
		if userName != "" {
			v.RetiredAccounts[userName] = fromMicros(at)
		} else {
			v.RetiredInputs[macwatch.MAC(mac)] = fromMicros(at)
		}
		return none, nil
	}, `SELECT location_id, user_name, mac, at FROM retired_guests WHERE at >= ?`, micros(now.Add(-keepRetired)))
	return err
}
