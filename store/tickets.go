package store

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// ticketPrefix is what may stand before the codes of a batch.
var ticketPrefix = regexp.MustCompile(`^[A-Z0-9]{0,10}$`)

// maxNote is how long a note, a room or a portal's name for a guest may be, in octets.
const maxNote = 200

// CreateTickets makes a batch. The codes are in the answer; `ticket list` shows them again.
func (s *Store) CreateTickets(ctx context.Context, ch licensing.Change, location string, o macwatch.TicketOrder) (made macwatch.NewTickets, err error) {
	o.Prefix = strings.ToUpper(strings.TrimSpace(o.Prefix))
	if err := checkTickets(&o, s.Now()); err != nil {
		return made, err
	}
	err = s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		made = macwatch.NewTickets{TicketBatch: macwatch.TicketBatch{CreatedAt: t.now, CreatedBy: t.by, Tickets: o.Count, Note: o.Note, Unused: o.Count}}
		length, err := t.codeLength(l, o)
		if err != nil {
			return err
		}
		if err := t.conn.QueryRowContext(t.ctx, `INSERT INTO ticket_batches (location_id, created_at, created_by, tickets, note) VALUES (?, ?, ?, ?, ?) RETURNING id`,
			l.ID, micros(t.now), t.by, o.Count, o.Note).Scan(&made.ID); err != nil {
			return wrap("write a batch of tickets", err)
		}
		for range o.Count {
			p, err := t.newTicket(l.ID, made.ID, o, length)
			if err != nil {
				return err
			}
			i := p.Info(t.now)
			i.CreatedAt, i.CreatedBy, i.Note = t.now, t.by, o.Note
			made.List = append(made.List, i)
		}
		return t.log("ticket.create", l.Code, map[string]any{"batch": made.ID, "tickets": o.Count, "devices": o.Devices,
			"valid_for": o.ValidFor.String(), "expires_at": o.ExpiresAt, "note": o.Note})
	})
	return made, err
}

func checkTickets(o *macwatch.TicketOrder, now time.Time) error {
	invalid := func(hint, format string, args ...any) error {
		return licensing.Errorf(licensing.CodeInvalid, format, args...).WithHint("%s", hint)
	}
	switch {
	case o.Count < 1 || o.Count > macwatch.MaxTickets:
		return invalid("make several batches of more", "a batch has 1 to %d tickets, not %d", macwatch.MaxTickets, o.Count)
	case o.ValidFor == 0 && o.ExpiresAt.IsZero():
		return invalid("say how long from the first use, or until when", "tickets need an end")
	case !ticketPrefix.MatchString(o.Prefix):
		return invalid("for example LOBBY", "a prefix has up to 10 letters and digits, not %q", o.Prefix)
	case o.Length != 0 && (o.Length < macwatch.MinCode || o.Length > macwatch.MaxCode):
		return invalid("leave it out for the length that is safe", "codes have %d to %d symbols, not %d", macwatch.MinCode, macwatch.MaxCode, o.Length)
	}
	return checkPass(&macwatch.Pass{Devices: o.Devices, ValidFor: o.ValidFor, ExpiresAt: o.ExpiresAt, Down: o.Down, Up: o.Up}, now, o.Note)
}

// checkPass checks what tickets and portals' credentials have in common.
func checkPass(p *macwatch.Pass, now time.Time, texts ...string) error {
	switch {
	case p.Devices < 1 || p.Devices > macwatch.MaxPassDevices:
		return licensing.Errorf(licensing.CodeInvalid, "1 to %d devices may share one, not %d", macwatch.MaxPassDevices, p.Devices).WithHint("1 is usual")
	case p.ValidFor < 0 || p.ValidFor > macwatch.MaxPassTime || p.ValidFor > 0 && p.ValidFor < time.Minute:
		return licensing.Errorf(licensing.CodeInvalid, "it can be good for a minute to ten years, not %s", p.ValidFor).WithHint("for example 24h")
	case !p.ExpiresAt.IsZero() && !p.ExpiresAt.After(now):
		return licensing.Errorf(licensing.CodeInvalid, "it would be over already").WithHint("give a time that is still to come")
	case p.Down < 0 || p.Up < 0 || p.Down > macwatch.MaxBandwidth || p.Up > macwatch.MaxBandwidth:
		return licensing.Errorf(licensing.CodeInvalid, "a bandwidth is from 0 to %d bit/s", macwatch.MaxBandwidth).WithHint("0 leaves it to the Location")
	}
	for _, text := range texts {
		if len(text) > maxNote || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' }) {
			return licensing.Errorf(licensing.CodeInvalid, "notes, rooms and ids have up to %d octets, on one line", maxNote)
		}
	}
	return nil
}

// codeLength is how long the codes are: as long as was asked, unless they could be guessed then.
func (t *tx) codeLength(l *licensing.Location, o macwatch.TicketOrder) (int, error) {
	good := o.Count
	err := t.conn.QueryRowContext(t.ctx, `SELECT ? + count(*) FROM passes WHERE location_id = ? AND kind = ? AND revoked_at IS NULL AND (ended_at IS NULL OR ended_at > ?)`,
		o.Count, l.ID, string(macwatch.PassTicket), micros(t.now)).Scan(&good)
	if err != nil {
		return 0, wrap("count the tickets", err)
	}
	least := macwatch.CodeLengthFor(good)
	if o.Length == 0 {
		return max(least, macwatch.DefaultCode), nil
	}
	if o.Length < least {
		return 0, licensing.Errorf(licensing.CodeInvalid, "codes of %d symbols could be guessed: %d tickets would be good at %s", o.Length, good, l.Code).
			WithHint("take %d or more, or leave --code-length out", least)
	}
	return o.Length, nil
}

func (t *tx) newTicket(location, batch int64, o macwatch.TicketOrder, length int) (*macwatch.Pass, error) {
	for {
		code := macwatch.NewCode(o.Prefix, length)
		p := &macwatch.Pass{
			Location: location, Key: string(macwatch.PassKey(nil, []byte(code))), Kind: macwatch.PassTicket, Batch: batch,
			UserName: code, Password: code, Devices: o.Devices, ValidFor: o.ValidFor, ExpiresAt: o.ExpiresAt, Down: o.Down, Up: o.Up,
		}
		fresh, err := insertPass(t.ctx, t.conn, passAccount{Pass: p, note: o.Note, createdAt: t.now, createdBy: t.by})
		if err != nil {
			return nil, err
		}
		if fresh { // else there was this code already
			t.passes.set(p)
			return p, nil
		}
	}
}

// passQuery reads passes with all there is to show of them.
const passQuery = `SELECT ` + guestColumns + `, user_id, note, created_at, created_by,
	(SELECT group_concat(mac) FROM (SELECT mac FROM pass_devices WHERE pass_id = passes.id ORDER BY place)) FROM passes `

// eachPass hands over passes row by row.
func (s *Store) eachPass(ctx context.Context, each func(macwatch.PassInfo) error, where string, args ...any) error {
	now := s.Now()
	r, err := s.readers.QueryContext(ctx, passQuery+where, args...)
	if err != nil {
		return wrap("read the passes", err)
	}
	defer func() { _ = r.Close() }()
	for r.Next() {
		var userID, note, by string
		var created int64
		var bound sql.NullString
		p, err := scanPass(r, &userID, &note, &created, &by, &bound)
		if err != nil {
			return wrap("read the passes", err)
		}
		for mac := range strings.SplitSeq(bound.String, ",") {
			if n, err := strconv.ParseInt(mac, 10, 64); err == nil {
				p.Bound = append(p.Bound, macwatch.MAC(n))
			}
		}
		i := p.Info(now)
		i.UserID, i.Note, i.CreatedBy, i.CreatedAt = userID, note, by, fromMicros(created)
		if err := each(i); err != nil {
			return err
		}
	}
	return wrap("read the passes", r.Err())
}

// Tickets lists a Location's tickets, oldest first; of one batch, or of all (0).
func (s *Store) Tickets(ctx context.Context, location string, batch int64, each func(macwatch.PassInfo) error) error {
	l, err := s.Location(ctx, location)
	if err != nil {
		return err
	}
	return s.eachPass(ctx, each, `WHERE location_id = ? AND kind = ? AND (? = 0 OR batch_id = ?) ORDER BY id`, l.ID, string(macwatch.PassTicket), batch, batch)
}

// Ticket finds one by its code, in any spelling.
func (s *Store) Ticket(ctx context.Context, location, code string) (found macwatch.PassInfo, err error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return found, err
	}
	known := false
	err = s.eachPass(ctx, func(i macwatch.PassInfo) error { found, known = i, true; return nil },
		`WHERE location_id = ? AND key = ? AND kind = ?`, l.ID, string(macwatch.PassKey(nil, []byte(code))), string(macwatch.PassTicket))
	if err == nil && !known {
		err = noTicket(code, l.Code)
	}
	return found, err
}

func noTicket(code, location string) error {
	return licensing.Errorf(licensing.CodeNotFound, "there is no ticket %q at %s", code, location).
		WithHint("`tallygate ticket list --location %s` shows them", location)
}

// RevokeTicket makes a ticket worthless. Who is online with it stays so until the session ends.
func (s *Store) RevokeTicket(ctx context.Context, ch licensing.Change, location, code string) error {
	return s.revokePass(ctx, ch, location, code, macwatch.PassTicket, noTicket)
}

// RevokeBatch makes every ticket of a batch worthless.
func (s *Store) RevokeBatch(ctx context.Context, ch licensing.Change, location string, batch int64) error {
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		all, err := rows(t.ctx, t.conn, func(r *sql.Rows) (key string, err error) { return key, r.Scan(&key) },
			`SELECT key FROM passes WHERE location_id = ? AND batch_id = ? AND revoked_at IS NULL`, l.ID, batch)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return licensing.Errorf(licensing.CodeNotFound, "there is no batch %d at %s with tickets that could be revoked", batch, l.Code).
				WithHint("`tallygate ticket batch list --location %s` shows them", l.Code)
		}
		for _, key := range all {
			if err := t.revoke(l.ID, key); err != nil {
				return err
			}
		}
		return t.log("ticket-batch.revoke", l.Code, map[string]any{"batch": batch, "tickets": len(all)})
	})
}

// TicketBatches lists the batches of a Location, oldest first, with what has become of
// their tickets.
func (s *Store) TicketBatches(ctx context.Context, location string) ([]macwatch.TicketBatch, error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return nil, err
	}
	now := micros(s.Now())
	return rows(ctx, s.readers, func(r *sql.Rows) (b macwatch.TicketBatch, err error) {
		var created int64
		err = r.Scan(&b.ID, &created, &b.CreatedBy, &b.Tickets, &b.Note, &b.Unused, &b.InUse, &b.Expired, &b.Revoked)
		b.CreatedAt = fromMicros(created)
		return b, err
	}, `SELECT b.id, b.created_at, b.created_by, b.tickets, b.note,
		count(*) FILTER (WHERE p.id IS NOT NULL AND p.revoked_at IS NULL AND p.first_use_at IS NULL AND coalesce(p.ended_at > ?1, 1)),
		count(*) FILTER (WHERE p.revoked_at IS NULL AND p.first_use_at IS NOT NULL AND coalesce(p.ended_at > ?1, 1)),
		count(*) FILTER (WHERE p.revoked_at IS NULL AND p.ended_at <= ?1),
		count(*) FILTER (WHERE p.revoked_at IS NOT NULL)
		FROM ticket_batches b LEFT JOIN passes p ON p.batch_id = b.id WHERE b.location_id = ?2 GROUP BY b.id ORDER BY b.id`, now, l.ID)
}

// revokePass revokes one pass of a kind.
func (s *Store) revokePass(ctx context.Context, ch licensing.Change, location, name string, kind macwatch.PassKind, missing func(name, location string) error) error {
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		key := string(macwatch.PassKey(nil, []byte(name)))
		var id, batch int64
		err = t.conn.QueryRowContext(t.ctx, `SELECT id, coalesce(batch_id, 0) FROM passes WHERE location_id = ? AND key = ? AND kind = ? AND revoked_at IS NULL`,
			l.ID, key, string(kind)).Scan(&id, &batch)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return missing(name, l.Code)
		case err != nil:
			return wrap("read a pass", err)
		}
		if err := t.revoke(l.ID, key); err != nil {
			return err
		}
		return t.log(string(kind)+".revoke", l.Code, map[string]any{"id": id, "batch": batch}) // a code is a secret
	})
}

func (t *tx) revoke(location int64, key string) error {
	_, err := t.exec(nil, `UPDATE passes SET revoked_at = ?1, ended_at = min(coalesce(ended_at, ?1), ?1) WHERE location_id = ?2 AND key = ?3`, micros(t.now), location, key)
	if p := t.passes.find(location, key); p != nil && err == nil {
		revoked := *p
		revoked.RevokedAt = t.now
		t.passes.set(&revoked)
	}
	if err != nil {
		return err
	}
	return t.retire(location, key, 0) // whoever is there by it must go
}
