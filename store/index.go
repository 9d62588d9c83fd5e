package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"slices"

	"tallygate/macwatch"
)

// Sizes of the session index.
const (
	generationRows   = 1 << 16 // rows of a generation; an offset has 16 bits
	indexSlices      = 192     // rows of the table for each generation: one page each
	indexEntrySize   = 8 + 2   // key, offset
	filterGeneration = 16      // generations that share a filter
	sealStep         = 4       // slices that are written at once
)

// sessionIndex finds the row of a session's latest leg by its identity. SQLite's own
// index would do so too, but identities are scattered: each new session would dirty a
// page of its own, the more so the more sessions are known (performance.md section 5).
//
// So rows get their ids in order, and the index of the latest of them is kept here, in
// memory only: after a crash the rows themselves tell. When a generation of rows is full
// it is sealed: its part of the index is written, once, slice by slice. A filter over
// the sealed generations says of nearly every new session that it is not among them.
type sessionIndex struct {
	next    int64       // row of the next session
	sealed  int64       // generations before this one are sealed, or gone
	written int64       // slices of generation sealed that are written already
	open    []*openRows // generations from sealed on
	filters []filter    // each of so many generations before sealed; without lines while nothing was added
}

// openRows is the index of a generation that is not sealed yet: by slice, in order of the
// rows. Its filter spares nearly every new session the search.
type openRows struct {
	slices [indexSlices][]indexEntry
	filter filter
}

type indexEntry struct {
	key uint64
	off uint16
}

// generation is the one that a row belongs to; rows begin with 1.
func generation(row int64) int64 { return (row - 1) / generationRows }

// firstRow is the first of a generation's rows.
func firstRow(generation int64) int64 { return generation*generationRows + 1 }

// indexKey is what the index knows of an identity.
func indexKey(ident macwatch.Ident) uint64 { return binary.BigEndian.Uint64(ident[:]) }

// sliceOf is the part of a generation that holds a key.
func sliceOf(key uint64) int64 { return int64(key >> 32 * indexSlices >> 32) }

// added notes, after the commit, that a session was given a new row.
func (x *sessionIndex) added(ident macwatch.Ident, row int64) {
	g := generation(row) - x.sealed
	for int64(len(x.open)) <= g {
		x.open = append(x.open, &openRows{filter: newFilter(generationRows)})
	}
	key := indexKey(ident)
	s := &x.open[g].slices[sliceOf(key)]
	*s = append(*s, indexEntry{key, uint16(row - firstRow(generation(row)))})
	x.open[g].filter.add(key)
	x.next = max(x.next, row+1)
}

// due reports whether a generation is full and not sealed yet.
func (x *sessionIndex) due() bool { return generation(x.next) > x.sealed }

// filter is the one that a generation belongs to, made when it is needed.
func (x *sessionIndex) filter(generation int64) filter {
	i := int(generation / filterGeneration)
	for len(x.filters) <= i {
		x.filters = append(x.filters, filter{})
	}
	if x.filters[i].lines == nil {
		x.filters[i] = newFilter(filterGeneration * generationRows)
	}
	return x.filters[i]
}

// sealSome writes the next slices of a full generation, in a transaction of their own.
func (w *writer) sealSome() error {
	x := &w.index
	if !x.due() {
		return nil
	}
	g, upTo := x.open[0], min(x.written+sealStep, indexSlices)
	err := w.within(func() error {
		for s := x.written; s < upTo; s++ {
			if err := w.stmts.insertIndex.write(x.sealed*indexSlices+s, sliceBody(g.slices[s])); err != nil {
				return wrap("seal a generation of sessions", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if x.written = upTo; upTo < indexSlices {
		return nil
	}
	f := x.filter(x.sealed)
	for _, entries := range g.slices {
		for _, e := range entries {
			f.add(e.key)
		}
	}
	x.open = slices.Delete(x.open, 0, 1)
	x.sealed, x.written = x.sealed+1, 0
	return nil
}

// sliceBody writes entries in order of their keys.
func sliceBody(entries []indexEntry) []byte {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b indexEntry) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.off, b.off)) })
	body := make([]byte, 0, len(sorted)*indexEntrySize)
	for _, e := range sorted {
		body = binary.BigEndian.AppendUint64(body, e.key)
		body = binary.BigEndian.AppendUint16(body, e.off)
	}
	return body
}

// loadSession reads the latest leg; nil when there is none. The latest is the one with
// the highest row. Other identities may have the same key and rows may be gone, so only
// a row itself tells.
func (w *writer) loadSession(ident macwatch.Ident) (*macwatch.Session, error) {
	x := &w.index
	key := indexKey(ident)
	s := sliceOf(key)
	for g := len(x.open) - 1; g >= 0; g-- {
		if !x.open[g].filter.may(key) {
			continue
		}
		entries := x.open[g].slices[s]
		for i := len(entries) - 1; i >= 0; i-- {
			if entries[i].key != key {
				continue
			}
			if found, err := w.loadOf(ident, x.sealed+int64(g), entries[i].off); found != nil || err != nil {
				return found, err
			}
		}
	}
	for f := len(x.filters) - 1; f >= 0; f-- {
		if x.filters[f].lines == nil || !x.filters[f].may(key) {
			continue
		}
		for g := min(x.sealed, int64(f+1)*filterGeneration) - 1; g >= int64(f)*filterGeneration; g-- {
			if found, err := w.loadSealed(g, ident); found != nil || err != nil {
				return found, err
			}
		}
	}
	return nil, nil
}

// loadSealed looks for a session in one sealed generation.
func (w *writer) loadSealed(g int64, ident macwatch.Ident) (*macwatch.Session, error) {
	key := indexKey(ident)
	var row [1]driver.Value
	if found, err := w.stmts.selectIndex.row(row[:], g*indexSlices+sliceOf(key)); !found || err != nil {
		return nil, wrap("read the session index", err)
	}
	body, _ := row[0].([]byte)
	keyAt := func(i int) uint64 { return binary.BigEndian.Uint64(body[i*indexEntrySize:]) }
	// The last entry of this key is that of the highest row.
	lo, hi := 0, len(body)/indexEntrySize
	for lo < hi {
		if mid := (lo + hi) / 2; keyAt(mid) <= key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for i := lo - 1; i >= 0 && keyAt(i) == key; i-- {
		off := binary.BigEndian.Uint16(body[i*indexEntrySize+8:])
		if found, err := w.loadOf(ident, g, off); found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// loadOf reads the session in a row of a generation, if it is this one.
func (w *writer) loadOf(ident macwatch.Ident, g int64, off uint16) (*macwatch.Session, error) {
	s, err := w.loadRow(firstRow(g) + int64(off))
	if err != nil || s == nil || s.Ident != ident {
		return nil, err
	}
	return s, nil
}

// openIndex takes up what the database knows: of sealed generations the keys, for the
// filters; of later rows everything, from the rows themselves.
func (w *writer) openIndex(ctx context.Context) (err error) {
	x := &w.index
	sealed, err := w.conn.QueryContext(ctx, `SELECT id, body FROM session_index ORDER BY id`)
	if err != nil {
		return wrap("read the session index", err)
	}
	defer func() { err = errors.Join(err, sealed.Close()) }()
	for sealed.Next() {
		var id int64
		var body sql.RawBytes
		if err := sealed.Scan(&id, &body); err != nil {
			return wrap("read the session index", err)
		}
		f := x.filter(id / indexSlices)
		for ; len(body) >= indexEntrySize; body = body[indexEntrySize:] {
			f.add(binary.BigEndian.Uint64(body))
		}
		// One that was not sealed to its end is written again from its beginning.
		x.sealed = (id + 1) / indexSlices
	}
	if err := sealed.Err(); err != nil {
		return wrap("read the session index", err)
	}
	x.next = firstRow(x.sealed)
	latest, err := w.conn.QueryContext(ctx, `SELECT id, ident FROM sessions WHERE id >= ? ORDER BY id`, x.next)
	if err != nil {
		return wrap("read the sessions", err)
	}
	defer func() { err = errors.Join(err, latest.Close()) }()
	for latest.Next() {
		var row int64
		var ident sql.RawBytes
		if err := latest.Scan(&row, &ident); err != nil {
			return wrap("read the sessions", err)
		}
		if len(x.open) == 0 {
			x.sealed = generation(row) // what lies between was deleted
		}
		x.added(macwatch.Ident(ident), row)
	}
	return wrap("read the sessions", latest.Err())
}
