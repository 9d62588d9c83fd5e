package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"tallygate/licensing"
)

const licenseColumns = `id, number, terms, activated_at, provisioned_at, zone, started_at,
	operator_at, operator_reason, distributor_at, distributor_reason, paused_days`

func scanLicense(r *sql.Rows) (*licensing.License, error) {
	var l licensing.License
	var terms string
	var activated int64
	var provisioned, started, operator, distributor sql.NullInt64
	err := r.Scan(&l.ID, &l.Number, &terms, &activated, &provisioned, &l.Zone, &started,
		&operator, &l.Operator.Reason, &distributor, &l.Distributor.Reason, &l.PausedDays)
	if err != nil {
		return nil, err
	}
	l.ActivatedAt, l.ProvisionedAt, l.StartedAt = fromMicros(activated), fromNullMicros(provisioned), fromNullMicros(started)
	l.Operator.At, l.Distributor.At = fromNullMicros(operator), fromNullMicros(distributor)
	return &l, json.Unmarshal([]byte(terms), &l.Terms)
}

// saveLicense writes the facts of a license that is there already; its terms and its
// allotments are not among them.
func (t *tx) saveLicense(l *licensing.License) error {
	_, err := t.exec(nil, `UPDATE licenses SET activated_at = ?, provisioned_at = ?, zone = ?, started_at = ?,
		operator_at = ?, operator_reason = ?, distributor_at = ?, distributor_reason = ?, paused_days = ? WHERE id = ?`,
		micros(l.ActivatedAt), nullMicros(l.ProvisionedAt), l.Zone, nullMicros(l.StartedAt), nullMicros(l.Operator.At), l.Operator.Reason,
		nullMicros(l.Distributor.At), l.Distributor.Reason, l.PausedDays, l.ID)
	return err
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

// Licenses lists those that the filter lets through, oldest first.
func (s *Store) Licenses(ctx context.Context, f licensing.Filter) ([]licensing.Summary, error) {
	st, now := s.state.Load(), s.Now()
	out := []licensing.Summary{}
	for _, l := range st.licenses {
		sum, err := st.summarize(ctx, s.readers, l, now)
		if err != nil {
			return nil, err
		}
		if f.State != nil && sum.State != *f.State {
			continue
		}
		if !f.EndsBefore.IsZero() && (sum.LastDay == nil || !sum.LastDay.Before(f.EndsBefore)) {
			continue
		}
		out = append(out, sum)
	}
	return out, nil
}

// License shows one as it stands, or stands at another time, past or to come.
func (s *Store) License(ctx context.Context, number string, asOf time.Time) (d licensing.Detail, err error) {
	st := s.state.Load()
	l, err := st.license(number)
	if err != nil {
		return d, err
	}
	if asOf.IsZero() {
		asOf = s.Now()
	}
	d.License, d.AsOf = *l, asOf
	if d.Summary, err = st.summarize(ctx, s.readers, l, asOf); err != nil {
		return d, err
	}
	d.Receipt, err = readReceipt(ctx, s.readers, l.ID)
	return d, err
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
		if err := t.log("license.deny", l.Number, l.Operator); err != nil {
			return err
		}
		sum, err = t.state.summarize(t.ctx, t.conn, l, t.now)
		return err
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
		if err := t.log("license.restore", l.Number, map[string]licensing.Denial{"lifted": old.Operator}); err != nil {
			return err
		}
		sum, err = t.state.summarize(t.ctx, t.conn, l, t.now)
		return err
	})
	return sum, err
}

// UnassignLicense takes a license back from the Locations it was entered at, while
// nothing has been counted. Its key can then be entered at the right one.
func (s *Store) UnassignLicense(ctx context.Context, ch licensing.Change, number string) (sum licensing.Summary, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		old, err := t.state.license(number)
		if err != nil {
			return err
		}
		var counted int
		if err := t.conn.QueryRowContext(t.ctx, `SELECT coalesce(sum(devices), 0) FROM counts WHERE license_id = ?`, old.ID).Scan(&counted); err != nil {
			return wrap("read the count", err)
		}
		l, err := old.Unassign(counted, t.now)
		if err != nil {
			return err
		}
		if _, err := t.exec(nil, `DELETE FROM allotments WHERE license_id = ?`, l.ID); err != nil {
			return err
		}
		if err := t.saveLicense(l); err != nil {
			return err
		}
		if err := t.log("license.unassign", l.Number, map[string]any{"from": old.Allotments}); err != nil {
			return err
		}
		sum, err = t.state.summarize(t.ctx, t.conn, l, t.now)
		return err
	})
	return sum, err
}

// summarize is one line of `license list` at a time.
func (st *state) summarize(ctx context.Context, q querier, l *licensing.License, now time.Time) (licensing.Summary, error) {
	sum := licensing.Summary{
		Number: l.Number, Organization: l.Terms.Organization, State: l.StateAt(now), Threshold: l.Terms.Threshold,
		APs: licensing.Usage{Limit: l.Terms.APs}, Rooms: licensing.Usage{Limit: l.Terms.Rooms},
		Modules: append([]string{}, l.Terms.Modules...), Locations: []string{},
	}
	if d, denied := l.DenialAt(now); denied {
		sum.Reason = d.Reason
	}
	if at, ok := l.Starts(); ok {
		sum.StartsAt = &at
	}
	if at, ok := l.End(); ok {
		sum.EndsAt = &at
	}
	if day, ok := l.LastDay(); ok {
		sum.LastDay = &day
	}
	for _, a := range l.Allotments {
		sum.Locations = append(sum.Locations, a.Location)
		if g := licensing.Governing(st.locations[a.LocationID].Licenses, now); g == nil || g.ID != l.ID {
			continue // it waits in the queue, or is over: another one's slots are in use
		}
		v := st.venues[a.LocationID]
		sum.APs.InUse += v.APs.Used(now)
		sum.Rooms.InUse += v.Rooms.Used(now)
	}
	var err error
	sum.DevicesCounted, err = devicesCounted(ctx, q, l, now)
	return sum, err
}

// devicesCounted is the largest count of the license's Locations: the first of them
// to reach the threshold starts it. Under a count window it is the present window's.
func devicesCounted(ctx context.Context, q querier, l *licensing.License, now time.Time) (n int, err error) {
	query, args := `SELECT coalesce(max(devices), 0) FROM counts WHERE license_id = ?`, []any{l.ID}
	if w := l.Terms.CountWindow; w > 0 {
		query = `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM counted WHERE license_id = ? AND last_at > ? GROUP BY location_id)`
		args = append(args, micros(now.Add(-w)))
	}
	err = q.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, wrap("read the count", err)
}

// readReceipt reads the start receipt; nil before the start.
func readReceipt(ctx context.Context, q querier, license int64) (*licensing.Receipt, error) {
	var text string
	err := q.QueryRowContext(ctx, `SELECT text FROM receipts WHERE license_id = ?`, license).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("read a start receipt", err)
	}
	var r licensing.Receipt
	return &r, wrap("read a start receipt", json.Unmarshal([]byte(text), &r))
}
