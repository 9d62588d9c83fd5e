package store

import (
	"context"
	"database/sql"
	"net/netip"
	"slices"
	"time"

	"tallygate/macwatch"
)

const slotColumns = `id, location_id, kind, name, declared, first_seen, claimed_at, released_at, note, vendor, nas_address, apart, last_seen, refused_at`

func scanSlot(r *sql.Rows, location *int64, kind *macwatch.Kind) (s macwatch.Slot, err error) {
	var first, seen, refused int64
	var claimed, released sql.NullInt64
	var address string
	err = r.Scan(&s.ID, location, kind, &s.Name, &s.Declared, &first, &claimed, &released, &s.Note, &s.Vendor, &address, &s.Apart, &seen, &refused)
	s.Aliases = []string{}
	s.FirstSeen, s.ClaimedAt, s.ReleasedAt = fromMicros(first), fromNullMicros(claimed), fromNullMicros(released)
	s.LastSeen, s.RefusedAt = fromZeroMicros(seen), fromZeroMicros(refused)
	s.NASAddress, _ = netip.ParseAddr(address) // none where there is no text
	return s, err
}

// fromZeroMicros is the zero time for 0, which stands for never.
func fromZeroMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicros(us)
}

// saveSlot writes the slot's own row and gives it its id when it is new.
func saveSlot(ctx context.Context, conn *sql.Conn, location int64, kind macwatch.Kind, s *macwatch.Slot) error {
	address := ""
	if s.NASAddress.IsValid() {
		address = s.NASAddress.String()
	}
	err := conn.QueryRowContext(ctx, `
		INSERT INTO slots (location_id, kind, name, declared, first_seen, claimed_at, released_at, note, vendor, nas_address, apart)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (location_id, kind, name) DO UPDATE SET declared = excluded.declared, claimed_at = excluded.claimed_at,
		released_at = excluded.released_at, note = excluded.note, vendor = excluded.vendor, nas_address = excluded.nas_address,
		apart = excluded.apart RETURNING id`,
		location, string(kind), s.Name, s.Declared, micros(s.FirstSeen), nullMicros(s.ClaimedAt), nullMicros(s.ReleasedAt),
		s.Note, string(s.Vendor), address, s.Apart).Scan(&s.ID)
	return wrap("write a slot", err)
}

// learnAlias keeps that a name is one of the slot's, by whose rule.
func learnAlias(ctx context.Context, conn *sql.Conn, location int64, s *macwatch.Slot, l macwatch.Learned) error {
	s.Aliases = inOrder(s.Aliases, l.Alias)
	s.Learned = append(s.Learned[:len(s.Learned):len(s.Learned)], l)
	_, err := conn.ExecContext(ctx, `INSERT INTO slot_aliases (location_id, kind, alias, slot_id, learned, at) VALUES (?, ?, ?, ?, ?, ?)`,
		location, string(macwatch.KindAP), l.Alias, s.ID, string(l.Vendor), micros(l.At))
	return wrap("keep an alias", err)
}

// inOrder is a list with more names in it, in order, as they are read from the rows.
func inOrder(list []string, more ...string) []string {
	list = append(slices.Clone(list), more...)
	slices.Sort(list)
	return list
}

// absorb makes an AP that was only observed a part of another one: it is forgotten, and
// its aliases are the other's. Its own name is left to the caller.
func absorb(ctx context.Context, conn *sql.Conn, into *macwatch.Slot, gone macwatch.Slot) error {
	if _, err := conn.ExecContext(ctx, `UPDATE slot_aliases SET slot_id = ? WHERE slot_id = ?`, into.ID, gone.ID); err != nil {
		return wrap("move aliases", err)
	}
	if _, err := conn.ExecContext(ctx, `DELETE FROM slots WHERE id = ?`, gone.ID); err != nil {
		return wrap("forget an AP", err)
	}
	into.Aliases = inOrder(into.Aliases, gone.Aliases...)
	into.Learned = append(into.Learned[:len(into.Learned):len(into.Learned)], gone.Learned...)
	if into.Note == "" {
		into.Note = gone.Note
	}
	return nil
}
