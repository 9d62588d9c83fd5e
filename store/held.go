package store

import (
	lru "github.com/hashicorp/golang-lru/v2/simplelru"

	"tallygate/macwatch"
)

// openSessions is how many sessions are kept in memory, about 450 octets each, besides those
// that wait to be folded. One that is not is read again when its next record comes.
const openSessions = 1 << 17

// held is a session in memory: the state of its latest leg that was committed last.
type held struct {
	session *macwatch.Session // nil: it is packed
	packed  packed
	since   int64 // the first journal row with a state that its row does not hold; 0: it holds all
}

// row is the id of its row; 0: it has none yet.
func (h *held) row() int64 {
	if h.session == nil {
		return h.packed.row()
	}
	return h.session.ID
}

// heldSessions are the sessions in memory. Those that wait to be folded are never dropped,
// for their rows do not tell the truth.
type heldSessions struct {
	recent *lru.LRU[macwatch.Ident, *held]
	kept   map[macwatch.Ident]*held // dropped by recent, and waiting
}

func newHeldSessions() (h heldSessions, err error) {
	h.kept = map[macwatch.Ident]*held{}
	h.recent, err = lru.NewLRU(openSessions, func(ident macwatch.Ident, s *held) {
		if s.since != 0 {
			h.kept[ident] = s
		}
	})
	return h, err
}

// get finds a session; nil when it is not in memory.
func (h *heldSessions) get(ident macwatch.Ident) *held {
	if s, ok := h.recent.Get(ident); ok {
		return s
	}
	if len(h.kept) > 0 {
		return h.kept[ident]
	}
	return nil
}

// put keeps a session's state, and hands out where.
func (h *heldSessions) put(s *macwatch.Session) *held {
	at := h.get(s.Ident)
	if at == nil {
		at = &held{}
		h.recent.Add(s.Ident, at)
	}
	at.session, at.packed = s, ""
	return at
}

// folded notes that the session's row holds all.
func (h *heldSessions) folded(s *held) {
	s.since = 0
	if len(h.kept) > 0 {
		delete(h.kept, s.session.Ident)
	}
}

// forget drops a session whose row is gone. One that waits is kept, and gets another row.
func (h *heldSessions) forget(ident macwatch.Ident) {
	if s := h.get(ident); s != nil && s.since != 0 {
		s.session.ID = 0
		return
	}
	h.recent.Remove(ident)
}

// drop drops a session whose row holds all.
func (h *heldSessions) drop(ident macwatch.Ident) { h.recent.Remove(ident) }

// purge drops all but those that wait.
func (h *heldSessions) purge() { h.recent.Purge() }

// inHand is a session in the hands of a batch: a copy, which it may change.
type inHand struct {
	session *macwatch.Session // nil: there is none yet
	held    *held             // where memory holds it; nil: nowhere
	changed bool              // memory must hold it, once the batch is committed
	touched bool              // its row does not hold it: it must be journaled
}

// hold finds the latest leg of a session. Whoever changes it says so with touch.
func (b *batch) hold(ident macwatch.Ident) (*inHand, error) {
	if h, ok := b.sessions[ident]; ok {
		return h, nil
	}
	h := b.hand()
	h.held = b.w.sessions.get(ident)
	var err error
	switch {
	case h.held == nil:
		h.session, err = b.w.loadSession(ident)
	case h.held.session == nil:
		h.session, err = h.held.packed.session(b.w.spare.take(), &b.w.names)
	default:
		h.session = h.held.session.CloneInto(b.w.spare.take())
		h.session.ID = b.rowOf(h.held.session)
	}
	if err != nil {
		return nil, err
	}
	b.sessions[ident] = h
	return h, nil
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

// spareSessions are sessions that nobody uses any more, for the next copies: two of three
// records need one.
type spareSessions struct{ all []*macwatch.Session }

// maxSpare is more than a batch needs.
const maxSpare = 2 * maxBatch

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
