package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"tallygate/licensing"
)

const ledgerByID = ` WHERE d.id = ?`

// Ledger reads the ledger row by row, oldest first: every event, with each of its
// recipients, and every attempt.
func (s *Store) Ledger(ctx context.Context, f licensing.LedgerFilter, each func(licensing.LedgerEntry) error) error {
	query, args := ` WHERE 1`, []any{}
	narrow := func(condition, value string) {
		if value != "" {
			query += ` AND ` + condition
			args = append(args, value)
		}
	}
	if f.License != "" {
		number, err := licensing.ParseNumber(f.License)
		if err != nil {
			return err
		}
		f.License = number
	}
	narrow("o.license = ?", f.License)
	narrow("o.kind GLOB ?", f.Kind) // a kind, or a group such as notice.*
	narrow("r.name = ?", strings.TrimSpace(f.Recipient))
	return readLedger(ctx, s.readers, query, args, func(e licensing.LedgerEntry) error {
		if f.State != "" && e.State != f.State {
			return nil
		}
		return each(e)
	})
}

func readLedger(ctx context.Context, q querier, where string, args []any, each func(licensing.LedgerEntry) error) (err error) {
	r, err := q.QueryContext(ctx, `SELECT o.id, o.kind, o.at, o.license, o.location, o.state, o.reason, o.addressed_at IS NULL,
			d.id, d.state, d.reason, d.next_at, r.name, r.channel, r.address, r.language,
			(SELECT json_group_array(json_object('number', a.number, 'at', a.at, 'result', a.result, 'answer', a.answer) ORDER BY a.number)
				FROM attempts a WHERE a.delivery_id = d.id)
		FROM outbox o LEFT JOIN deliveries d ON d.outbox_seq = o.seq LEFT JOIN recipients r ON r.id = d.recipient_id`+where+` ORDER BY o.seq, d.recipient_id`, args...)
	if err != nil {
		return wrap("read the ledger of notices", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for r.Next() {
		e, err := scanLedger(r)
		if err != nil {
			return wrap("read the ledger of notices", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return wrap("read the ledger of notices", r.Err())
}

func scanLedger(r *sql.Rows) (e licensing.LedgerEntry, err error) {
	var at int64
	var fresh bool
	var state, reason, attempts string
	var id, ownState, ownReason, recipient, channel, address, language sql.NullString
	var next sql.NullInt64
	err = r.Scan(&e.Event, &e.Kind, &at, &e.License, &e.Location, &state, &reason, &fresh,
		&id, &ownState, &ownReason, &next, &recipient, &channel, &address, &language, &attempts)
	if err != nil {
		return e, err
	}
	e.At, e.ID, e.State, e.Reason = fromMicros(at), e.Event, licensing.DeliveryState(state), reason
	switch {
	case id.Valid:
		e.ID, e.State, e.Reason = id.String, licensing.DeliveryState(ownState.String), ownReason.String
		e.Recipient, e.Channel, e.Address, e.Language = recipient.String, licensing.Channel(channel.String), address.String, licensing.Language(language.String)
	case fresh:
		e.State, e.Reason = licensing.DeliveryWaiting, "it is about to be handed to its recipients"
	case state == "":
		e.State, e.Reason = licensing.DeliveryNobody, "nobody asked to be told of this"
	}
	if next.Valid {
		t := fromMicros(next.Int64)
		e.NextAt = &t
	}
	e.Attempts, err = scanAttempts(attempts)
	return e, err
}

func scanAttempts(text string) ([]licensing.Attempt, error) {
	var list []struct {
		Number int
		At     int64
		Result licensing.AttemptResult
		Answer string
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	attempts := make([]licensing.Attempt, len(list))
	for i, a := range list {
		attempts[i] = licensing.Attempt{Number: a.Number, At: fromMicros(a.At), Result: a.Result, Answer: a.Answer}
	}
	return attempts, nil
}

// UpcomingNotices lists what the ladders of all licenses hold for later, the next one first.
func (s *Store) UpcomingNotices(ctx context.Context) ([]licensing.UpcomingNotice, error) {
	st, now := s.state.Load(), s.Now()
	ladders, err := latestLadders(ctx, s.readers, st.licenses)
	if err != nil {
		return nil, err
	}
	recipients, err := readRecipients(ctx, s.readers)
	if err != nil {
		return nil, err
	}
	upcoming := []licensing.UpcomingNotice{}
	for _, l := range st.licenses {
		for _, notice := range ladders[l.ID].Notices() {
			if !notice.Due.After(now) {
				continue
			}
			u := licensing.UpcomingNotice{At: notice.Due, Kind: notice.Kind, License: l.Number, LastDay: ladders[l.ID].LastDay, Zone: l.Zone, Recipients: []string{}}
			e := licensing.Event{Kind: notice.Kind, License: l.Number}
			about := licensing.EventContext{Realm: l.Terms.Realm}
			for _, r := range recipients {
				if r.OffReason == "" && r.Wants(e, about) {
					u.Recipients = append(u.Recipients, r.Name)
				}
			}
			upcoming = append(upcoming, u)
		}
	}
	slices.SortStableFunc(upcoming, func(a, b licensing.UpcomingNotice) int { return a.At.Compare(b.At) })
	return upcoming, nil
}

func noRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
