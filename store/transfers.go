package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tallygate/licensing"
)

// Transfers lists every transfer between partners, oldest first, as it stands now.
func (s *Store) Transfers(ctx context.Context) ([]licensing.TransferRequest, error) {
	now := s.Now()
	out, err := rows(ctx, s.readers, func(r *sql.Rows) (licensing.TransferRequest, error) {
		_, t, err := scanTransfer(r)
		return t.At(now), err
	}, `SELECT `+transferColumns+` FROM transfers t JOIN licenses l ON l.id = t.license_id ORDER BY t.requested_at, t.license_id, t.turn`)
	return append([]licensing.TransferRequest{}, out...), err
}

// Consent carries out one partner's step of a transfer: request, approve, refuse or
// withdraw. Each needs the proof of the one partner that may take it.
func (s *Store) Consent(ctx context.Context, ch licensing.Change, c licensing.Consent) (r licensing.TransferRequest, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.license(c.License)
		if err != nil {
			return err
		}
		c.License = l.Number
		if c.Step == licensing.StepRequest {
			r, err = t.requestTransfer(l, c)
			return err
		}
		r, err = t.decideTransfer(l, c)
		return err
	})
	return r, err
}

func (t *tx) requestTransfer(l *licensing.License, c licensing.Consent) (licensing.TransferRequest, error) {
	from, err := t.state.partner(c.From)
	if err != nil {
		return licensing.TransferRequest{}, err
	}
	to, err := t.state.partner(c.To)
	if err != nil {
		return licensing.TransferRequest{}, err
	}
	r, err := l.Request(c, from, to, t.state.transfers[l.ID].At(t.now), t.now)
	if err != nil {
		return r, err
	}
	if err := t.expireTransfer(l); err != nil {
		return r, err
	}
	return r, t.addTransfer(l, r, "transfer.request")
}

// decideTransfer is approve, refuse or withdraw.
func (t *tx) decideTransfer(l *licensing.License, c licensing.Consent) (r licensing.TransferRequest, err error) {
	open, known := t.state.transfers[l.ID]
	if !known {
		return r, licensing.Errorf(licensing.CodeConflict, "no transfer of %s waits for approval", l.Number).
			WithHint("the partner that holds it requests one with `tallygate license transfer %s --to PARTNER-ID`", l.Number)
	}
	by, err := t.state.partner(c.Partner)
	if err != nil {
		return r, err
	}
	switch c.Step {
	case licensing.StepApprove:
		r, err = open.Approve(l, c, by, t.now)
	case licensing.StepRefuse:
		r, err = open.Refuse(c, by, t.now)
	case licensing.StepWithdraw:
		r, err = open.Withdraw(c, by, t.now)
	default:
		err = licensing.Errorf(licensing.CodeInvalid, "%.40q is no step of a transfer", c.Step).WithHint("use `tallygate license transfer`")
	}
	if err != nil {
		return r, err
	}
	if c.Step == licensing.StepApprove {
		taken := *l
		taken.Partner = r.To
		if err := t.saveLicense(&taken); err != nil {
			return r, err
		}
	}
	return r, t.saveTransfer(r, "transfer."+string(c.Step))
}

// addTransfer appends a transfer of l, and makes it what is known of it.
func (t *tx) addTransfer(l *licensing.License, r licensing.TransferRequest, action string) error {
	_, err := t.exec(errKnownTransfer(), `INSERT INTO transfers (id, license_id, turn, giver, receiver, state, requested_at, expires_at, decided_at, reason)
		SELECT ?2, ?1, coalesce(max(turn), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM transfers WHERE license_id = ?1`, l.ID, r.ID,
		r.From, r.To, string(r.State), micros(r.RequestedAt), micros(r.ExpiresAt), nullMicros(r.DecidedAt), r.Reason)
	if err != nil {
		return err
	}
	return t.log(action, l.Number, r)
}

func errKnownTransfer() error {
	return licensing.Errorf(licensing.CodeConflict, "this consent was used already").
		WithHint("a consent is good for one step; give a new one")
}

// saveTransfer writes what became of a transfer.
func (t *tx) saveTransfer(r licensing.TransferRequest, action string) error {
	if _, err := t.exec(nil, `UPDATE transfers SET state = ?, decided_at = ?, reason = ? WHERE id = ?`,
		string(r.State), nullMicros(r.DecidedAt), r.Reason, r.ID); err != nil {
		return err
	}
	return t.log(action, r.License, r)
}

// expireTransfer writes down that the latest transfer of l has expired, if it has.
func (t *tx) expireTransfer(l *licensing.License) error {
	old := t.state.transfers[l.ID]
	if r := old.At(t.now); r.State != old.State {
		return t.saveTransfer(r, "transfer.expire")
	}
	return nil
}

// supersedeTransfer ends the transfer that waits for l, if one does: what comes next
// has decided over its head.
func (t *tx) supersedeTransfer(l *licensing.License) error {
	if err := t.expireTransfer(l); err != nil {
		return err
	}
	if r := t.state.transfers[l.ID].At(t.now); r.State == licensing.TransferPending {
		return t.saveTransfer(r.Supersede(t.now), "transfer.supersede")
	}
	return nil
}

const transferColumns = `t.license_id, t.id, l.number, t.giver, t.receiver, t.state, t.requested_at, t.expires_at, t.decided_at, t.reason`

func scanTransfer(r *sql.Rows) (license int64, t licensing.TransferRequest, err error) {
	var requested, expires int64
	var decided sql.NullInt64
	err = r.Scan(&license, &t.ID, &t.License, &t.From, &t.To, &t.State, &requested, &expires, &decided, &t.Reason)
	t.RequestedAt, t.ExpiresAt, t.DecidedAt = fromMicros(requested), fromMicros(expires), fromNullMicros(decided)
	return license, t, err
}

// loadTransfers reads, per license, its latest transfer.
func (st *state) loadTransfers(ctx context.Context, q querier) error {
	st.transfers = map[int64]licensing.TransferRequest{}
	_, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		license, t, err := scanTransfer(r)
		if err == nil {
			st.transfers[license] = t
		}
		return none, err
	}, `SELECT `+transferColumns+` FROM transfers t JOIN licenses l ON l.id = t.license_id ORDER BY t.license_id, t.turn`)
	return err
}

// transferRemark tells, for the history of a license, what the log says of its way from
// partner to partner and from gateway to gateway; "" of other entries.
func transferRemark(e licensing.AuditEntry) string {
	if e.Action == actionImport {
		var r licensing.Release
		if json.Unmarshal(e.Detail, &r) != nil {
			return ""
		}
		return fmt.Sprintf("It came from gateway %s, which had released it on %s.", r.From, r.ReleasedAt.UTC().Format(time.RFC3339))
	}
	var r licensing.TransferRequest
	if !strings.HasPrefix(e.Action, "transfer.") || json.Unmarshal(e.Detail, &r) != nil {
		return ""
	}
	text := fmt.Sprintf("Transfer to partner %s: %s.", r.To, strings.ToLower(string(r.State)))
	if r.Reason != "" {
		text = fmt.Sprintf("Transfer to partner %s: %s: %s.", r.To, strings.ToLower(string(r.State)), strings.TrimSuffix(r.Reason, "."))
	}
	return text
}
