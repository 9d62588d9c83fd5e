package radiusd

import (
	"container/heap"
	"hash/maphash"
	"net/netip"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// shelf keeps refusals and drops until they are looked at. Repeats become one entry
// with a number. When it is full, the party with most entries loses its oldest one:
// whoever refuses a thousand guests, or sends a thousand kinds of rubbish, pushes out
// his own, and never the one refusal of somebody else. Among equals the oldest goes.
type shelf struct {
	capacity int
	seed     maphash.Seed
	entries  []shelved
	byKey    map[shelfKey]int32
	parties  map[party]*bin
	order    bins
}

// party is who shares the shelf: per client, reason and AP. What is not authentic has no
// AP: it could name a new one each time.
type party struct {
	result result
	reason licensing.Reason
	client int64
	ap     uint64 // hash of its identity
}

// shelfKey is what makes two refusals one entry.
type shelfKey struct {
	party
	mac    macwatch.MAC
	user   uint64
	source netip.Addr // of those who are no client
}

// shelved is an entry, in the list of its party, oldest first.
type shelved struct {
	event
	key            shelfKey
	previous, next int32 // -1: none
}

// bin is the entries of one party.
type bin struct {
	of          party
	first, last int32
	size, place int
	oldest      uint64 // sequence of first
}

// bins is a heap: the bin that has to give next comes first.
type bins []*bin

func (b bins) Len() int { return len(b) }
func (b bins) Less(i, j int) bool {
	if b[i].size != b[j].size {
		return b[i].size > b[j].size
	}
	return b[i].oldest < b[j].oldest
}
func (b bins) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].place, b[j].place = i, j
}
func (b *bins) Push(x any) {
	added := x.(*bin) // heap.Push below is the only caller
	added.place = len(*b)
	*b = append(*b, added)
}
func (b *bins) Pop() any {
	last := len(*b) - 1
	gone := (*b)[last]
	(*b)[last] = nil
	*b = (*b)[:last]
	return gone
}

func newShelf(capacity int) shelf {
	return shelf{capacity: capacity, seed: maphash.MakeSeed(), byKey: map[shelfKey]int32{}, parties: map[party]*bin{}}
}

// key tells which entry an event belongs to.
func (s *shelf) key(e *event) shelfKey {
	k := shelfKey{party: party{result: e.result, reason: e.reason, client: e.client}}
	if e.client == 0 {
		k.source = e.source.Addr()
	}
	if e.authentic() {
		k.ap = maphash.Bytes(s.seed, e.ap.bytes())
		k.mac = e.mac
		k.user = maphash.Bytes(s.seed, e.user.bytes())
	}
	return k
}

// authentic reports whether the packet was: only then its texts tell entries apart.
func (e *event) authentic() bool {
	switch e.reason {
	case licensing.ReasonUnknownClient, licensing.ReasonMalformed, licensing.ReasonBadAuthenticator,
		licensing.ReasonMissingMessageAuthenticator, licensing.ReasonProxyStateUnsigned, licensing.ReasonWrongCode, licensing.ReasonInternalError:
		return false
	default:
		return true
	}
}

// add keeps an event, or counts it as a repeat.
func (s *shelf) add(e *event) {
	k := s.key(e)
	if at, ok := s.byKey[k]; ok {
		entry := &s.entries[at]
		since, count := entry.since, entry.count
		s.unlink(at)
		entry.event = *e
		entry.since, entry.count = since, count+1
		s.link(at)
		return
	}
	at := int32(len(s.entries))
	if len(s.entries) < s.capacity {
		s.entries = append(s.entries, shelved{})
	} else {
		at = s.order[0].first
		delete(s.byKey, s.entries[at].key)
		s.unlink(at)
	}
	s.entries[at].event, s.entries[at].key = *e, k
	s.byKey[k] = at
	s.link(at)
}

// link makes an entry the latest of its party.
func (s *shelf) link(at int32) {
	entry := &s.entries[at]
	b := s.parties[entry.key.party]
	if b == nil {
		b = &bin{of: entry.key.party, first: at, last: -1, oldest: entry.sequence}
		s.parties[b.of] = b
		heap.Push(&s.order, b)
	}
	entry.previous, entry.next = b.last, -1
	if b.last >= 0 {
		s.entries[b.last].next = at
	}
	b.last = at
	b.size++
	heap.Fix(&s.order, b.place)
}

// unlink takes an entry out of its party, which goes with its last one.
func (s *shelf) unlink(at int32) {
	entry := &s.entries[at]
	b := s.parties[entry.key.party]
	if entry.previous >= 0 {
		s.entries[entry.previous].next = entry.next
	} else {
		b.first = entry.next
	}
	if entry.next >= 0 {
		s.entries[entry.next].previous = entry.previous
	} else {
		b.last = entry.previous
	}
	if b.size--; b.size == 0 {
		heap.Remove(&s.order, b.place)
		delete(s.parties, b.of)
		return
	}
	b.oldest = s.entries[b.first].sequence
	heap.Fix(&s.order, b.place)
}
