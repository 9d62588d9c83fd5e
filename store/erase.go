package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Erase erases a device: its sessions, its row, its raw records, the address behind
// receipts, and, if asked, what lists say of it. What a license was started by, and every
// count, stays, under a pseudonym: should the device come again, it is not counted again.
// What arrives of it afterwards is news, and stored as such.
func (s *Store) Erase(ctx context.Context, ch licensing.Change, o macwatch.ErasureOrder) (e macwatch.Erasure, err error) {
	e = macwatch.Erasure{MAC: o.MAC, Locations: []string{}, Erased: map[string]int{}, Kept: map[string]int{}, DryRun: ch.DryRun}
	if strings.TrimSpace(o.Reason) == "" {
		return e, needsReason()
	}
	all, err := s.asked(o.MAC, o.Location)
	if err != nil {
		return e, err
	}
	if err := s.flushDevices(ctx); err != nil {
		return e, err
	}
	// The writer is not kept waiting by a search: what is added meanwhile is looked at below.
	erasures := make([]erasure, len(all))
	for i, d := range all {
		erasures[i] = erasure{device: d, lists: o.Lists, kinds: e.Erased, kept: e.Kept}
		if err := erasures[i].find(ctx, s, s.readers); err != nil {
			return e, err
		}
	}
	if !s.onWriter(func() { err = s.w.erase(ctx, ch, o, erasures, &e) }) {
		return e, errClosing()
	}
	return e, unavailable(err)
}

// erase carries it out.
func (w *writer) erase(ctx context.Context, ch licensing.Change, o macwatch.ErasureOrder, all []erasure, e *macwatch.Erasure) error {
	if err := w.foldSome(len(w.backlog.order)); err != nil {
		return err
	}
	err := w.change(ctx, ch, func(t *tx) error {
		if err := t.graves(all); err != nil {
			return err
		}
		for i := range all {
			before := total(e.Erased) + total(e.Kept)
			if err := all[i].carryOut(t); err != nil {
				return err
			}
			if total(e.Erased)+total(e.Kept) > before {
				e.Locations = append(e.Locations, all[i].location.Code)
			}
		}
		if len(e.Locations) == 0 {
			return licensing.Errorf(licensing.CodeNotFound, "nothing is stored about %s", o.MAC).
				WithHint("`tallygate privacy show` tells what is stored of devices; a device may have another, random address at each network")
		}
		t.committed = append(t.committed, func() {
			if err := w.loadPasses(context.WithoutCancel(ctx), t.now); err != nil { // which devices own which
				w.s.log.Error("passes could not be read again after an erasure; they are at the next start", zap.Error(err))
			}
			for i := range all {
				for _, ident := range all[i].idents {
					w.sessions.forget(ident)
				}
			}
		})
		return t.log("privacy.erase", t.pseudonym(o.MAC), map[string]any{"locations": e.Locations, "erased": e.Erased, "kept": e.Kept, "reason": o.Reason})
	})
	if err != nil || ch.DryRun {
		return err
	}
	e.Rewritten, err = w.rewriteSmall()
	return err
}

// smallDatabase is what is rewritten in a second or so, in octets.
const smallDatabase = 256 << 20

// rewriteSmall rewrites the database as a whole, unless answers would wait long for that:
// pages that are free, or were written anew, may still hold what was deleted, and so may
// the log. Under pseudonyms there is nothing to be found in them.
func (w *writer) rewriteSmall() (done bool, err error) {
	var size int64
	if err := w.conn.QueryRowContext(context.Background(), `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&size); err != nil {
		return false, wrap("read the size of the database", err)
	}
	if w.s.veils.concealed || size > smallDatabase {
		return w.s.veils.concealed, nil
	}
	return true, w.rewrite()
}

// rewrite takes some seconds for each gigabyte, in which nothing is committed.
func (w *writer) rewrite() error {
	if err := w.exec(`VACUUM`); err != nil {
		return wrap("rewrite the database", err)
	}
	_, err := walFrames(w.conn, "TRUNCATE")
	return err
}

func total(kinds map[string]int) (n int) {
	for _, rows := range kinds {
		n += rows
	}
	return n
}

// graves makes sure that there is a key for pseudonyms, and that the database knows it.
func (t *tx) graves(all []erasure) error {
	v := t.w.s.veils
	if v.concealed || t.rehearsal {
		return nil
	}
	if err := v.create(); err != nil {
		return err
	}
	for i := range all {
		all[i].grave = v.tombstones(all[i].location.Code).Name(all[i].name)
	}
	t.committed = append(t.committed, t.w.reloadErased)
	return noteMeta(t.ctx, t.conn, metaKey, v.fingerprint())
}

// erasure is that of a device at one Location.
type erasure struct {
	device
	lists    bool
	sessions []int64 // rows
	idents   []macwatch.Ident
	raw      []int64
	kinds    map[string]int // rows of each kind that were erased
	kept     map[string]int
}

// find finds the rows that no key leads to; called again it finds those added since.
func (e *erasure) find(ctx context.Context, s *Store, q querier) error {
	if _, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var id int64
		var ident []byte
		err = r.Scan(&id, &ident)
		e.sessions = append(e.sessions, id)
		e.idents = append(e.idents, macwatch.Ident(ident))
		return none, err
	}, `SELECT id, ident FROM sessions WHERE id > ? AND location_id = ? AND mac = ? ORDER BY id`, last(e.sessions), e.location.ID, int64(e.name)); err != nil {
		return err
	}
	_, raw, err := s.rawOf(ctx, q, e.device, last(e.raw))
	e.raw = append(e.raw, raw...)
	return err
}

func last(rows []int64) int64 {
	if len(rows) == 0 {
		return 0
	}
	return rows[len(rows)-1]
}

func (e *erasure) carryOut(t *tx) error {
	if err := e.find(t.ctx, t.w.s, t.conn); err != nil {
		return err
	}
	for table, ids := range map[string][]int64{"sessions": e.sessions, "raw_records": e.raw} {
		for _, id := range ids {
			if err := e.delete(t, table, `DELETE FROM `+table+` WHERE id = ?`, id); err != nil {
				return err
			}
		}
	}
	tables, err := macTables(t.ctx, t.conn)
	if err != nil {
		return err
	}
	for _, table := range tables {
		where := ` FROM ` + table.name + ` WHERE mac = ? AND ` + table.location + ` IN (?, ?)`
		args := []any{int64(e.name), e.location.ID, e.location.ID}
		switch table.name {
		case "sessions":
			continue
		case "listed_devices", "mac_inputs":
			if !e.lists {
				if err := e.count(t, table.name, where, args); err != nil {
					return err
				}
				continue
			}
		case "counted", "counted_guests", "window_sightings", "proposed_sightings":
			if err := e.bury(t, table.name, where, args); err != nil {
				return err
			}
			continue
		case "receipt_devices":
			args[2] = 0 // one of no Location that is known
		}
		if err := e.delete(t, table.name, `DELETE`+where, args...); err != nil {
			return err
		}
	}
	return nil
}

func (e *erasure) delete(t *tx, kind, query string, args ...any) error {
	n, err := t.exec(nil, query, args...)
	if n > 0 {
		e.kinds[kind] += int(n)
	}
	return err
}

func (e *erasure) count(t *tx, kind, where string, args []any) error {
	var n int
	err := t.conn.QueryRowContext(t.ctx, `SELECT count(*)`+where, args...).Scan(&n)
	if n > 0 {
		e.kept[kind] += n
	}
	return wrap("read the store", err)
}

// bury leaves the pseudonym in the place of the device, where a start or a count rests on
// it.
func (e *erasure) bury(t *tx, table, where string, args []any) error {
	if err := e.count(t, table, where, args); err != nil {
		return err
	}
	var set []string
	if table != "counted_guests" {
		set = append(set, `session = ''`)
	}
	if e.grave != 0 {
		set = append(set, fmt.Sprintf(`mac = %d`, int64(e.grave)))
	}
	if len(set) == 0 {
		return nil
	}
	from := strings.TrimPrefix(where, ` FROM `+table)
	_, err := t.exec(nil, `UPDATE OR REPLACE `+table+` SET `+strings.Join(set, ", ")+from, args...)
	return err
}
