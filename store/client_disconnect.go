package store

import (
	"context"
	"database/sql"
	"slices"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// checkDisconnect checks how a client's NAS are to be asked to end sessions.
func checkDisconnect(c macwatch.Client) error {
	if !c.Disconnect.Address.Valid() {
		return licensing.Errorf(licensing.CodeInvalid, "%q is no address for Disconnect-Requests", c.Disconnect.Address).
			WithHint("write source (who sent the session's packets), nas (its NAS-IP-Address), or an IP address")
	}
	return nil
}

// saveDisconnectSecret writes a client's secret for Disconnect-Requests: a column of its
// own, since what stands in the settings is shown.
func (t *tx) saveDisconnectSecret(c macwatch.Client) error {
	_, err := t.exec(nil, `UPDATE clients SET disconnect_secret = ? WHERE id = ?`, c.DisconnectSecret, c.ID)
	return err
}

func (st *state) loadDisconnectSecrets(ctx context.Context, q querier) error {
	_, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var id int64
		var secret string
		if err = r.Scan(&id, &secret); err != nil {
			return none, err
		}
		if i := slices.IndexFunc(st.clients, func(c macwatch.Client) bool { return c.ID == id }); i >= 0 {
			st.clients[i].DisconnectSecret = secret
		}
		return none, nil
	}, `SELECT id, disconnect_secret FROM clients WHERE disconnect_secret <> ''`)
	return err
}
