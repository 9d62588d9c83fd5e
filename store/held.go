package store

import (
	"tallygate/macwatch"
)

// openSessions is how many sessions are kept in memory, about 450 octets each, besides those
// that wait to be folded. One that is not is read again when its next record comes.
const openSessions = 1 << 17

// held is a session in memory: the state of its latest leg that was committed last.
type held struct {
	ident   macwatch.Ident
	session *macwatch.Session // nil: it is packed
	packed  packed            // empty, too: a batch has it in hand that is new, or was read from its row
	since   int64             // the first journal row with a state that its row does not hold; 0: it holds all
	hand    *inHand           // in that of the batch under way; nil: it has none in hand

	newer, older *held // among the recent ones
	recent       bool
}

// row is the id of its row; 0: it has none yet.
func (h *held) row() int64 {
	if h.session == nil {
		return h.packed.row()
	}
	return h.session.ID
}

// heldSessions are the sessions in memory. Those that wait to be folded are never dropped,
// for their rows do not tell the truth. Not golang-lru: its lists are made anew for each
// session, and the collector would have as much to do with them as with all the rest.
type heldSessions struct {
	all            map[macwatch.Ident]*held
	newest, oldest *held // of the recent ones
	recent         int
	limit          int     // of them
	spare          []*held // of sessions that were dropped
}

func newHeldSessions() heldSessions {
	return heldSessions{all: map[macwatch.Ident]*held{}, limit: openSessions}
}

// get finds a session; nil when it is not in memory.
func (h *heldSessions) get(ident macwatch.Ident) *held {
	s := h.all[ident]
	if s != nil && s != h.newest {
		h.retire(s)
		h.refresh(s)
	}
	return s
}

// add makes room for a session that get has not found.
func (h *heldSessions) add(ident macwatch.Ident) *held {
	var s *held
	if n := len(h.spare); n > 0 {
		s, h.spare = h.spare[n-1], h.spare[:n-1]
	} else {
		s = new(held)
	}
	s.ident = ident
	h.all[ident] = s
	h.refresh(s)
	return s
}

// refresh makes a session the most recent one, for which the oldest make room.
func (h *heldSessions) refresh(s *held) {
	s.older, s.recent = h.newest, true
	if h.newest != nil {
		h.newest.newer = s
	} else {
		h.oldest = s
	}
	h.newest = s
	for h.recent++; h.recent > h.limit; {
		oldest := h.oldest
		h.retire(oldest)
		h.settle(oldest)
	}
}

// retire takes a session out of the recent ones, if it is one.
func (h *heldSessions) retire(s *held) {
	if !s.recent {
		return
	}
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		h.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		h.oldest = s.newer
	}
	s.newer, s.older, s.recent = nil, nil, false
	h.recent--
}

// settle drops a session that is neither recent nor needed.
func (h *heldSessions) settle(s *held) {
	if !s.recent && s.since == 0 && s.hand == nil {
		h.drop(s)
	}
}

// drop drops a session whose row holds all, if there is one.
func (h *heldSessions) drop(s *held) {
	if s.hand != nil {
		s.hand.held = nil
	}
	h.retire(s)
	delete(h.all, s.ident)
	*s = held{}
	if len(h.spare) < maxSpare {
		h.spare = append(h.spare, s)
	}
}

// forget drops a session whose row is gone. One that waits is kept, and gets another row.
func (h *heldSessions) forget(ident macwatch.Ident) {
	switch s := h.all[ident]; {
	case s == nil:
	case s.since != 0:
		s.session.ID = 0
	default:
		h.drop(s)
	}
}

// purge drops all but those that wait.
func (h *heldSessions) purge() {
	for h.oldest != nil {
		s := h.oldest
		h.retire(s)
		h.settle(s)
	}
}

// inHand is a session in the hands of a batch: a copy, which it may change.
type inHand struct {
	session *macwatch.Session // nil: there is none yet
	held    *held             // where memory holds it, or will
	changed bool              // memory must hold it, once the batch is committed
	touched bool              // its row does not hold it: it must be journaled
}

// hold finds the latest leg of a session. Whoever changes it says so with touch.
func (b *batch) hold(ident macwatch.Ident) (*inHand, error) {
	at := b.w.sessions.get(ident)
	switch {
	case at == nil:
		at = b.w.sessions.add(ident)
	case at.hand != nil:
		return at.hand, nil
	}
	h := b.hand()
	h.held, at.hand = at, h
	var err error
	switch {
	case at.session != nil:
		h.session = at.session.CloneInto(b.w.spare.take())
	case at.packed != "":
		h.session, err = at.packed.session(b.w.spare.take(), &b.w.names)
	default:
		h.session, err = b.w.loadSession(ident)
	}
	return h, err
}

// hand is an empty one, of an earlier batch if there is one.
func (b *batch) hand() *inHand {
	if b.inUse == len(b.hands) {
		b.hands = append(b.hands, new(inHand))
	}
	h := b.hands[b.inUse]
	b.inUse++
	*h = inHand{}
	return h
}

// end lets go of everything, whether the batch was committed or not: what it only looked for
// is not to stay in memory.
func (b *batch) end() {
	for _, h := range b.hands[:b.inUse] {
		at := h.held
		if at == nil {
			continue
		}
		at.hand, h.held = nil, nil
		if at.session == nil && at.packed == "" {
			b.w.sessions.drop(at)
		} else {
			b.w.sessions.settle(at)
		}
	}
	b.inUse = 0
	for _, s := range b.folded.fresh {
		s.ID = 0 // its row was rolled back
	}
	b.folded.fresh = b.folded.fresh[:0]
}

// spareSessions are sessions that nobody uses any more, for the next copies: two of three
// records need one.
type spareSessions struct{ all []*macwatch.Session }

// maxSpare is as many as are folded before the next wave of guests.
const maxSpare = backlogSize / 2

func (p *spareSessions) take() *macwatch.Session {
	if len(p.all) == 0 {
		return new(macwatch.Session)
	}
	s := p.all[len(p.all)-1]
	p.all = p.all[:len(p.all)-1]
	return s
}

func (p *spareSessions) give(s *macwatch.Session) {
	if len(p.all) < maxSpare {
		p.all = append(p.all, s)
	}
}

// touch says that a session was changed, and is to be journaled.
func (b *batch) touch(h *inHand) {
	b.noteChange(h)
	h.touched = true
}

func (b *batch) noteChange(h *inHand) {
	if !h.changed {
		h.changed = true
		b.order = append(b.order, h)
	}
}

// replace puts a session that the batch has written to its row in the place of what
// memory holds of it.
func (b *batch) replace(s *macwatch.Session) error {
	h, err := b.hold(s.Ident)
	if err != nil || h.session != nil && h.session.Leg > s.Leg {
		return err
	}
	h.session = s
	b.noteChange(h)
	return nil
}
