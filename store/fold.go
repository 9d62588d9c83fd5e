package store

import (
	"context"
	"database/sql"
	"errors"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Sizes of folding, in sessions. The more of them wait, the more of a session's
// records become one write of its row, and the more rows share a page; the fewer are
// folded at once, the less an answer waits for it.
const (
	backlogSize = 8192 // beyond it folding follows each batch
	foldStep    = 32
	foldShare   = 16 // of what is beyond it, that part at once
)

// share is how many of those beyond a backlog are folded after a batch. Guests come in
// waves: were all of them folded at once, the answers of the next batch would wait for it;
// so the backlog takes up the waves, and what follows a batch is their mean. Less than a
// step is not worth a transaction yet.
func share(beyond int) int {
	if n := beyond / foldShare; n >= foldStep {
		return n
	}
	return 0
}

// backlog is the sessions whose latest state stands in the journal only. A record's
// transaction appends to the journal, which costs the same however large the tables
// are; their rows, which lie scattered, are written later, each once for many records.
type backlog struct {
	order []*held // by since, oldest first
	stuck []*held // those whose row cannot be written: the journal keeps them
}

// drop takes out the n oldest.
func (l *backlog) drop(n int) {
	rest := copy(l.order, l.order[n:])
	clear(l.order[rest:])
	l.order = l.order[:rest]
}

// folded is what a batch has folded: taken over when it is committed.
type folded struct {
	count int                 // from the front of the backlog
	fresh []*macwatch.Session // that were given rows, in order: none after all when the transaction fails
}

// fold writes the n oldest sessions of the backlog to their rows, and forgets what
// the journal needs to hold no longer. Where the batch has a newer state in hand,
// that one is written.
func (b *batch) fold(n int) error {
	l := &b.w.backlog
	n = min(b.folded.count+n, len(l.order))
	if n == b.folded.count {
		return nil
	}
	begin := len(b.folded.fresh)
	for _, h := range l.order[b.folded.count:n] {
		s := h.session
		if mine := h.hand; mine != nil && mine.changed {
			s, mine.touched = mine.session, false
		}
		if s.ID == 0 {
			b.folded.fresh = append(b.folded.fresh, s)
		} else if err := b.w.updateSession(s, s.ID); err != nil {
			return err
		}
	}
	if err := b.insertFrom(begin); err != nil {
		return err
	}
	for _, h := range l.order[b.folded.count:n] {
		if mine := h.hand; mine != nil && !mine.changed {
			mine.session.ID = h.session.ID // a copy of the batch's own
		}
	}
	b.folded.count = n
	keep := b.w.lastJournal + 1
	for _, h := range l.stuck {
		keep = min(keep, h.since)
	}
	if n < len(l.order) {
		keep = min(keep, l.order[n].since)
	}
	err := b.w.stmts.trimJournal.write(keep)
	return wrap("trim the journal", err)
}

// saveRow writes a session's row, a new one if it has none.
func (b *batch) saveRow(s *macwatch.Session) error {
	if s.ID != 0 {
		return b.w.updateSession(s, s.ID)
	}
	b.folded.fresh = append(b.folded.fresh, s)
	return b.insertFrom(len(b.folded.fresh) - 1)
}

// insertFrom gives rows to the fresh sessions from one on.
func (b *batch) insertFrom(begin int) error {
	fresh, row := b.folded.fresh[begin:], b.w.index.next+int64(begin)
	if err := b.w.insertSessions(fresh, row); err != nil {
		return err
	}
	for i, s := range fresh {
		s.ID = row + int64(i)
	}
	return nil
}

// foldAll writes everything, also what the batch itself has in hand, so that the
// table can be asked.
func (b *batch) foldAll() error {
	if err := b.fold(len(b.w.backlog.order)); err != nil {
		return err
	}
	for _, h := range b.order {
		if !h.touched {
			continue
		}
		h.touched = false
		if err := b.saveRow(h.session); err != nil {
			return err
		}
	}
	return nil
}

// journal appends what the batch has changed: one row for its sessions, one for its devices.
func (b *batch) journal() error {
	if err := errors.Join(b.saveCounts(), b.journalDevices()); err != nil {
		return err
	}
	image := append(b.w.image[:0], imageVersion)
	for _, h := range b.order {
		if h.touched {
			image = b.w.appendSession(image, h.session)
		}
	}
	b.w.image = image
	if len(image) == 1 {
		return nil
	}
	b.journaled = b.w.lastJournal + 1
	err := b.w.stmts.appendJournal.write(b.journaled, image)
	return wrap("append to the journal", err)
}

func (b *batch) journalDevices() error {
	if len(b.devices) == 0 {
		return nil
	}
	image := append(b.w.image[:0], imageVersion)
	for _, c := range b.devices {
		image = appendNewcomer(image, c)
	}
	b.w.image = image
	err := b.w.stmts.appendDevices.write(b.w.newcomers.lastJournal+1, image)
	return wrap("append to the device journal", err)
}

// settleFold takes over, after the commit, what was folded and what was journaled.
func (b *batch) settleFold() {
	for _, s := range b.folded.fresh {
		b.w.index.added(s.Ident, s.ID)
	}
	b.folded.fresh = b.folded.fresh[:0] // they stay what they are
	l := &b.w.backlog
	for _, h := range l.order[:b.folded.count] {
		h.since = 0
		b.w.seen.note(h.session)
	}
	for _, h := range b.order {
		at := h.held
		if at.session != nil && at.session != h.session {
			b.w.spare.give(at.session) // h's is a copy of it
		}
		b.w.follow(h.session)
		at.session, at.packed = h.session, ""
		switch {
		case !h.touched:
			b.w.seen.note(h.session)
		case at.since == 0:
			at.since = b.journaled
			l.order = append(l.order, at)
		}
	}
	for _, h := range l.order[:b.folded.count] {
		if h.since != 0 {
			continue
		}
		if s := h.session; !s.EndedAt.IsZero() {
			b.w.spare.give(s)
			b.w.sessions.drop(h) // nothing more is expected
		} else {
			h.packed, b.w.scratch = pack(b.w.scratch, s)
			b.w.spare.give(s)
			h.session = nil
			b.w.sessions.settle(h)
		}
	}
	l.drop(b.folded.count)
	b.w.lastJournal = max(b.w.lastJournal, b.journaled)
	if len(b.devices) > 0 {
		b.w.newcomers.lastJournal++
		for key, c := range b.devices {
			b.w.newcomers.fresh[key] = c
		}
	}
}

// foldSome folds up to n sessions, in a transaction of its own: an answer never
// depends on it. Where one session cannot be written it is set aside, so that it does
// not hold up the others; the error is one of the disk.
func (w *writer) foldSome(n int) error {
	n = min(n, len(w.backlog.order))
	if n == 0 {
		return nil
	}
	err := w.foldOnce(n)
	if err == nil || diskFault(err) {
		return err
	}
	for range n {
		if err = w.foldOnce(1); diskFault(err) {
			return err
		}
		if err != nil {
			w.s.log.Error("a session could not be written; the journal keeps it", zap.Error(err))
			w.backlog.stuck = append(w.backlog.stuck, w.backlog.order[0])
			w.backlog.drop(1)
		}
	}
	return nil
}

func (w *writer) foldOnce(n int) error {
	b := w.newBatch()
	defer b.end()
	if err := w.within(func() error { return b.fold(n) }); err != nil {
		return err
	}
	b.settleFold()
	return nil
}

// journalRow is a row of one of the two journals.
type journalRow struct {
	id   int64
	body []byte
}

func scanJournal(r *sql.Rows) (j journalRow, err error) {
	err = r.Scan(&j.id, &j.body)
	return j, err
}

// readJournal hands each image of a journal, in order, to read, which returns what follows
// it; it returns the last row.
func (w *writer) readJournal(ctx context.Context, query string, read func(row int64, version byte, b []byte) (rest []byte, err error)) (last int64, err error) {
	journal, err := rows(ctx, w.conn, scanJournal, query)
	if err != nil {
		return 0, err
	}
	for _, j := range journal {
		if err := j.each(func(version byte, b []byte) ([]byte, error) { return read(j.id, version, b) }); err != nil {
			return 0, err
		}
		last = j.id
	}
	return last, nil
}

// each hands each image of the row, in order, to read, which returns what follows it.
func (j journalRow) each(read func(version byte, b []byte) (rest []byte, err error)) (err error) {
	if len(j.body) == 0 || j.body[0] == 0 || j.body[0] > imageVersion {
		return unreadable(j.id)
	}
	for b := j.body[1:]; len(b) > 0; {
		if b, err = read(j.body[0], b); err != nil {
			return unreadable(j.id)
		}
	}
	return nil
}

// recoverJournal takes up what the run before had journaled and not folded.
func (w *writer) recoverJournal(ctx context.Context) (err error) {
	w.lastJournal, err = w.readJournal(ctx, `SELECT id, body FROM journal ORDER BY id`, func(row int64, version byte, b []byte) ([]byte, error) {
		s, rest, err := readImage(version, b)
		if err == nil {
			err = w.unseal(s)
		}
		if err != nil {
			return nil, err
		}
		h := w.sessions.get(s.Ident)
		if h == nil {
			h = w.sessions.add(s.Ident)
		}
		if h.session = s; h.since == 0 {
			h.since = row
			w.backlog.order = append(w.backlog.order, h)
		}
		return rest, nil
	})
	if err != nil {
		return err
	}
	for _, waiting := range w.backlog.order {
		if waiting.session.ID != 0 {
			continue
		}
		// Its row may have been written after this state was journaled.
		stored, err := w.loadSession(waiting.session.Ident)
		if err != nil {
			return err
		}
		if stored != nil && stored.Leg == waiting.session.Leg {
			waiting.session.ID = stored.ID
		}
	}
	return w.foldSome(len(w.backlog.order))
}

func unreadable(row int64) error {
	return licensing.Errorf(licensing.CodeInternal, "journal row %d of the database cannot be read: %w", row, errImage).
		WithHint("start the tallygate that wrote it, or restore a backup; nothing was changed")
}

// flushSessions folds all that waits now, before a list reads the table; step by
// step, so that no answer waits long. While the store cannot be written it hands out
// what still waits instead, so that a list shows everything that was acknowledged.
func (s *Store) flushSessions() (unfolded []*macwatch.Session, err error) {
	left := 0
	if !s.onWriter(func() { left = len(s.w.backlog.order) }) {
		return nil, errClosing()
	}
	for ; left > 0 && err == nil; left -= foldStep {
		if !s.onWriter(func() { err = s.w.foldSome(foldStep) }) {
			return nil, errClosing()
		}
	}
	if !s.onWriter(func() {
		for _, list := range [][]*held{s.w.backlog.stuck, s.w.backlog.order} {
			for _, h := range list {
				unfolded = append(unfolded, h.session.Clone())
			}
		}
	}) {
		return nil, errClosing()
	}
	if diskFault(err) {
		err = nil
	}
	return unfolded, err
}
