package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"tallygate/licensing"
)

// AuditEntries hands out the log's entries that the filter lets through, oldest first.
func (s *Store) AuditEntries(ctx context.Context, f licensing.AuditFilter, each func(licensing.AuditEntry) error) error {
	r, err := s.readers.QueryContext(ctx, `SELECT seq, at, actor, action, subject, detail FROM audit
		WHERE at >= ?1 AND (?2 = 0 OR at < ?2) AND (?3 = '' OR subject = ?3 COLLATE NOCASE)
		AND (?4 = '' OR instr(lower(actor), lower(?4)) > 0) AND (?5 = '' OR action = ?5 OR instr(action, ?5 || '.') = 1) ORDER BY seq`,
		sinceMicros(f.Since), sinceMicros(f.Until), f.Subject, f.Actor, f.Action)
	if err != nil {
		return wrap("read the audit log", err)
	}
	defer func() { _ = r.Close() }()
	for r.Next() {
		e, err := scanAudit(r)
		if err != nil {
			return wrap("read the audit log", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return wrap("read the audit log", r.Err())
}

// sinceMicros is 0 for no time, unlike micros.
func sinceMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}

func scanAudit(r *sql.Rows) (e licensing.AuditEntry, err error) {
	var at int64
	var detail string
	err = r.Scan(&e.Seq, &at, &e.Actor, &e.Action, &e.Subject, &detail)
	e.At, e.Detail = fromMicros(at), json.RawMessage(detail)
	if !json.Valid(e.Detail) { // somebody has altered it, as `audit verify` tells
		e.Detail, err = json.Marshal(detail)
	}
	return e, err
}

// History tells the life of a license, oldest first, with what the calendar did in
// between.
func (s *Store) History(ctx context.Context, number string) ([]licensing.HistoryEntry, error) {
	l, err := s.state.Load().license(number)
	if err != nil {
		return nil, err
	}
	versions, remarks, err := readVersions(ctx, s.readers, l.Number)
	if err != nil {
		return nil, err
	}
	return append([]licensing.HistoryEntry{}, licensing.History(versions, remarks, s.Now())...), nil
}

// readVersions reads from the log what a license was, change by change, and what else
// the log says about it.
func readVersions(ctx context.Context, q querier, number string) (versions []licensing.Version, remarks []licensing.Remark, err error) {
	entries, err := rows(ctx, q, scanAudit, `SELECT seq, at, actor, action, subject, detail FROM audit
		WHERE subject = ?1 OR subject IN (SELECT id FROM orders WHERE license = ?1) ORDER BY seq`, number)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		switch e.Action {
		case actionFacts:
			v := licensing.Version{At: e.At, By: e.Actor}
			if err := json.Unmarshal(e.Detail, &v.License); err != nil {
				continue // altered, as `audit verify` tells
			}
			// One change may be logged in several steps, such as a key that is entered and assigned.
			if n := len(versions); n > 0 && versions[n-1].At.Equal(e.At) && versions[n-1].By == e.Actor {
				versions = versions[:n-1]
			}
			versions = append(versions, v)
		case actionOrder:
			var kept keptOrder
			told := slices.ContainsFunc(remarks, func(r licensing.Remark) bool { return r.Order == e.Subject })
			if err := json.Unmarshal(e.Detail, &kept); err == nil && kept.Kind != string(licensing.OrderGrant) && !told {
				remarks = append(remarks, licensing.Remark{At: e.At, By: e.Actor, Kind: kept.Kind, Order: e.Subject})
			}
		default:
			remarks = append(remarks, remarkOf(e))
		}
	}
	return versions, remarks, nil
}

// remarkOf is an entry that stands beside the facts. Most say what the facts of the
// same instant say; those without such facts are told by themselves.
func remarkOf(e licensing.AuditEntry) licensing.Remark {
	r := licensing.Remark{At: e.At, By: e.Actor, Kind: e.Action}
	if e.Action == actionMismatch {
		var problem string
		_ = json.Unmarshal(e.Detail, &problem) // without it the sentence is shorter
		r.Text = "The database had been altered and was put back: " + problem + "."
	}
	if text := transferRemark(e); text != "" {
		r.Text = text
	}
	return r
}
