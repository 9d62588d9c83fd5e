package radiusd

import (
	"tallygate/licensing"
	"tallygate/radiusd/lanes"
)

// longestSecret is that of a client whose answers may be signed many at a time.
const longestSecret = lanes.Longest - smallReply

// signing is the answers of a sender that wait for their signatures, to get them side by
// side when all are sent.
type signing struct {
	hash   *hasher
	batch  lanes.Batch
	of     [batchSize]unsigned
	count  int
	chosen [lanes.Lanes]int // the answer in each lane
}

// unsigned is what a queued answer still needs; until then its header holds the request's
// Authenticator.
type unsigned struct {
	secret *secret // nil: it is signed
	at     int     // where the Message-Authenticator's value stands; 0: it carries none
	cache  *replyCache
	ticket ticket
	now    instant
}

// sign queues an answer that was written to buffer, and is signed, and kept for repeats, by
// flush; false: it is not of those that can wait.
func (s *sender) sign(q *request, b *reply, now instant) bool {
	if b.full || len(b.b) > smallReply || len(q.client.secret.text) > longestSecret {
		return false
	}
	b.close()
	s.signing.of[s.queued] = unsigned{secret: &q.client.secret, at: b.signAt, cache: q.socket.cache, ticket: q.ticket, now: now}
	s.signing.count++
	s.queue(&q.from, b.b)
	return true
}

// seal signs what waits for it. What was displaced meanwhile by a newer request is not sent;
// of accounting records both count, and both are answered.
func (s *sender) seal() {
	g := &s.signing
	if g.count == 0 {
		return
	}
	defer func() {
		if fault := recover(); fault != nil {
			s.forsake()
			s.panicked(fault)
		}
	}()
	sideBySide, taken := g.count >= fewLanes, 0
	for i := range s.queued {
		u := &g.of[i]
		switch {
		case u.secret == nil:
		case !sideBySide:
			g.hash.sign(s.answer(i), u.at, u.secret)
		default:
			g.chosen[taken] = i
			if taken++; taken == lanes.Lanes {
				s.signLanes(taken)
				taken = 0
			}
		}
	}
	s.signLanes(taken)
	g.count = 0
	displaced := false
	for i := range s.queued {
		u := &g.of[i]
		if u.secret == nil {
			continue
		}
		u.secret = nil
		answer := s.answer(i)
		if _, stale := u.cache.answer(u.ticket, answer, 0, u.now); stale && code(answer[0]) != accountingResponse {
			s.sizes[i], displaced = 0, true
		}
	}
	if displaced {
		s.keep(func(i int) bool { return s.sizes[i] != 0 })
	}
}

// forsake gives up what is not signed, when signing has broken: a repeat is tried anew.
func (s *sender) forsake() {
	g := &s.signing
	for i := range s.queued {
		if u := &g.of[i]; u.secret != nil {
			u.cache.forget(u.ticket)
			u.secret = nil
			s.sizes[i] = 0
			s.count.drop(licensing.ReasonInternalError)
		}
	}
	g.count = 0
	s.keep(func(i int) bool { return s.sizes[i] != 0 })
}

// signLanes signs so many chosen answers (RFC 3579 section 3.2: Message-Authenticator first).
func (s *sender) signLanes(taken int) {
	g := &s.signing
	g.batch.Clear()
	signed := false
	for lane, i := range g.chosen[:taken] {
		if u := &g.of[i]; u.at != 0 {
			g.batch.Put(lane, &u.secret.key.Inner, s.answer(i))
			signed = true
		}
	}
	if signed {
		g.batch.Sum()
		for lane, i := range g.chosen[:taken] {
			if u := &g.of[i]; u.at != 0 {
				sum := g.batch.Digest(lane)
				g.batch.Put(lane, &u.secret.key.Outer, sum[:])
			}
		}
		g.batch.Sum()
		for lane, i := range g.chosen[:taken] {
			if u := &g.of[i]; u.at != 0 {
				sum := g.batch.Digest(lane)
				copy(s.answer(i)[u.at:], sum[:])
			}
		}
	}
	for lane, i := range g.chosen[:taken] {
		g.batch.Put(lane, lanes.Start(), s.answer(i), g.of[i].secret.text)
	}
	g.batch.Sum()
	for lane, i := range g.chosen[:taken] {
		sum := g.batch.Digest(lane)
		copy(s.answer(i)[4:headerSize], sum[:])
	}
}
