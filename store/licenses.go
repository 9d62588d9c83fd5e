package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"tallygate/licensing"
)

const licenseColumns = `id, number, terms, activated_at, provisioned_at, zone, started_at, started_by, proposed_at, proposed_start,
	operator_at, operator_reason, distributor_at, distributor_reason, distributor_order, paused_since, paused_days,
	undone_at, declined_at, held_until, confirmed_until, renewals, sequence,
	partner, hop, released_at, released_to`

func scanLicense(r *sql.Rows) (*licensing.License, error) {
	var l licensing.License
	var terms, confirmed, renewals string
	var activated int64
	var provisioned, started, proposedAt, proposedStart, operator, distributor, paused, undone, declined, held, released sql.NullInt64
	err := r.Scan(&l.ID, &l.Number, &terms, &activated, &provisioned, &l.Zone, &started, &l.StartedBy, &proposedAt, &proposedStart,
		&operator, &l.Operator.Reason, &distributor, &l.Distributor.Reason, &l.Distributor.Order, &paused, &l.PausedDays,
		&undone, &declined, &held, &confirmed, &renewals, &l.Sequence,
		&l.Partner, &l.Hop, &released, &l.ReleasedTo)
	if err != nil {
		return nil, err
	}
	l.ActivatedAt, l.ProvisionedAt, l.StartedAt = fromMicros(activated), fromNullMicros(provisioned), fromNullMicros(started)
	l.Proposal = licensing.Proposal{At: fromNullMicros(proposedAt), Start: fromNullMicros(proposedStart)}
	l.Operator.At, l.Distributor.At, l.PausedSince = fromNullMicros(operator), fromNullMicros(distributor), fromNullMicros(paused)
	l.UndoneAt, l.DeclinedAt, l.HeldUntil, l.ReleasedAt = fromNullMicros(undone), fromNullMicros(declined), fromNullMicros(held), fromNullMicros(released)
	return &l, errors.Join(l.ConfirmedUntil.UnmarshalText([]byte(confirmed)),
		json.Unmarshal([]byte(renewals), &l.Renewals), json.Unmarshal([]byte(terms), &l.Terms))
}

// saveLicense writes the facts of a license that is there already; its allotments are
// not among them.
func (t *tx) saveLicense(l *licensing.License) error { return saveLicense(t.ctx, t.conn, l) }

func saveLicense(ctx context.Context, conn *sql.Conn, l *licensing.License) error {
	terms, err := json.Marshal(l.Terms)
	if err != nil {
		return faultf("cannot write the terms: %w", err)
	}
	renewals, err := json.Marshal(append([]licensing.Term{}, l.Renewals...))
	if err != nil {
		return faultf("cannot write the renewals: %w", err)
	}
	_, err = conn.ExecContext(ctx, `UPDATE licenses SET terms = ?, activated_at = ?, provisioned_at = ?, zone = ?, started_at = ?, started_by = ?,
		proposed_at = ?, proposed_start = ?, operator_at = ?, operator_reason = ?, distributor_at = ?, distributor_reason = ?, distributor_order = ?,
		paused_since = ?, paused_days = ?, undone_at = ?, declined_at = ?, held_until = ?, confirmed_until = ?, renewals = ?, sequence = ?,
		partner = ?, hop = ?, released_at = ?, released_to = ? WHERE id = ?`,
		string(terms), micros(l.ActivatedAt), nullMicros(l.ProvisionedAt), l.Zone, nullMicros(l.StartedAt), string(l.StartedBy),
		nullMicros(l.Proposal.At), nullMicros(l.Proposal.Start), nullMicros(l.Operator.At), l.Operator.Reason,
		nullMicros(l.Distributor.At), l.Distributor.Reason, l.Distributor.Order, nullMicros(l.PausedSince), l.PausedDays,
		nullMicros(l.UndoneAt), nullMicros(l.DeclinedAt), nullMicros(l.HeldUntil), l.ConfirmedUntil.String(), string(renewals), l.Sequence,
		l.Partner, l.Hop, nullMicros(l.ReleasedAt), l.ReleasedTo, l.ID)
	return wrap("write a license", err)
}

func (st *state) license(number string) (*licensing.License, error) {
	plain, err := licensing.ParseNumber(number)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(st.licenses, func(l *licensing.License) bool { return l.Number == plain })
	if i < 0 {
		return nil, licensing.Errorf(licensing.CodeNotFound, "there is no license %s", plain).
			WithHint("`tallygate license list` shows the numbers")
	}
	return st.licenses[i], nil
}

// DenyLicense is the operator's denial: from now on nobody is let in under it and
// nothing is counted. The contract clock keeps running.
func (s *Store) DenyLicense(ctx context.Context, ch licensing.Change, number, reason string) (sum licensing.Summary, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		old, err := t.state.license(number)
		if err != nil {
			return err
		}
		l, err := old.Deny(reason, t.now)
		if err != nil {
			return err
		}
		for _, a := range l.Allotments {
			if err := t.endLab(t.state.locations[a.LocationID]); err != nil {
				return err
			}
		}
		if err := t.saveLicense(l); err != nil {
			return err
		}
		t.summarize(l, &sum)
		if err := t.emit(licensing.Event{Kind: licensing.EventDeny, At: t.now, License: l.Number,
			Data: map[string]any{"reason": reason, "by": "operator"}}); err != nil {
			return err
		}
		return t.log("license.deny", l.Number, l.Operator)
	})
	return sum, err
}

// RestoreLicense lifts the operator's denial. The distributor's it cannot lift.
func (s *Store) RestoreLicense(ctx context.Context, ch licensing.Change, number string) (sum licensing.Summary, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		old, err := t.state.license(number)
		if err != nil {
			return err
		}
		l, err := old.Restore(t.now)
		if err != nil {
			return err
		}
		if err := t.saveLicense(l); err != nil {
			return err
		}
		t.summarize(l, &sum)
		if err := t.emit(licensing.Event{Kind: licensing.EventRestore, At: t.now, License: l.Number,
			Data: map[string]any{"by": "operator"}}); err != nil {
			return err
		}
		return t.log("license.restore", l.Number, map[string]licensing.Denial{"lifted": old.Operator})
	})
	return sum, err
}

// readReceipt reads the start receipt; nil before the start.
func readReceipt(ctx context.Context, q querier, license int64) (*licensing.Receipt, error) {
	var text string
	err := q.QueryRowContext(ctx, `SELECT text FROM receipts WHERE license_id = ? AND void = ''`, license).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("read a start receipt", err)
	}
	var r licensing.Receipt
	return &r, wrap("read a start receipt", json.Unmarshal([]byte(text), &r))
}
