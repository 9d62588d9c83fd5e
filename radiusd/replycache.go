package radiusd

import (
	"hash/maphash"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// replyLifetime is how long an answer is repeated to whoever repeats the request.
// RFC 5080 section 2.2.2 suggests 5 to 30 s; clients that follow its section 2.2.1
// space their repeats up to 30 s apart.
const replyLifetime = 30 * time.Second

// Room for answers: nearly all fit a small one. Long Proxy-States make larger ones,
// of which there is one place per largeShare entries.
const (
	smallReply = 256
	largeShare = 64
)

// replyKey tells requests apart on one socket (RFC 5080 section 2.2.2). The address
// that was asked belongs to it: a wildcard socket stands for many.
type replyKey struct {
	source, asked [16]byte
	scope         uint32 // of an IPv6 link-local source
	port          uint16
	identifier    uint8
}

// ticket names a request's place in the cache. It turns stale when the place is
// given to another request; nothing is done for a stale ticket.
type ticket struct {
	place      int32
	generation uint32
}

// replyCache keeps the answers of one socket for repeats, in a fixed number of
// places and no more memory than they need. An entry that waits for its answer never
// goes, since whoever holds its ticket always comes back; an answered one goes after
// replyLifetime, or, when all places are taken, the longest answered one makes room.
// Its repeat would then be processed anew, which changes nothing: the store knows
// repeats by itself. To refuse instead would let a client that takes a new port for
// each request, at some thousand a second, shut out everybody. Only where all wait is
// a new request refused. The reader takes places, the store and the
// rejector fill them: hence the lock, which nobody holds longer than a copy.
type replyCache struct {
	mu      sync.Mutex
	seed    maphash.Seed
	buckets []int32      // hash to first place, -1: none
	places  []replyPlace // no pointers: the collector does not look inside
	small   []byte       // smallReply octets per place
	large   [][]byte     // made when first needed
	spare   []int32      // free ones among large
	used    int32        // places ever used: the rest is untouched memory
	free    int32        // first free place, chained by next, -1: none
	oldest  int32        // answered places by time of expiry
	newest  int32
}

type placeState uint8

const (
	placeFree placeState = iota
	placePending
	placeAnswered
)

type replyPlace struct {
	key           replyKey
	authenticator [authenticatorSize]byte
	due           instant // not to be sent before (delayed Access-Reject); 0: it has been sent
	expires       instant
	generation    uint32
	next          int32 // in its bucket, or among the free
	older, newer  int32 // among the answered
	large         int32 // index of the large buffer, -1: the small one
	size          uint16
	code          code
	state         placeState
}

// newReplyCache makes a cache of so many places; large of them may hold an answer longer
// than smallReply at a time.
func newReplyCache(places, large int) *replyCache {
	places = max(places, 1)
	c := &replyCache{
		seed:    maphash.MakeSeed(),
		buckets: make([]int32, places),
		places:  make([]replyPlace, places),
		small:   pages(places * smallReply),
		large:   make([][]byte, max(large, 1)),
		free:    -1,
		oldest:  -1,
		newest:  -1,
	}
	runtime.AddCleanup(c, unmap, c.small)
	for i := range c.buckets {
		c.buckets[i] = -1
	}
	for i := range c.large {
		c.spare = append(c.spare, int32(i))
	}
	return c
}

// mappedFrom is the size from which memory is taken from the kernel itself.
const mappedFrom = 1 << 20

// pages is memory for answers. Most of it is rarely touched; in the collector's own it would
// count all the same, and let the heap grow by twice as much before it is collected.
func pages(octets int) []byte {
	if octets >= mappedFrom {
		if p, err := unix.Mmap(-1, 0, octets, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE); err == nil {
			return p
		}
	}
	return make([]byte, octets)
}

// unmap gives them back.
func unmap(p []byte) {
	if len(p) >= mappedFrom {
		_ = unix.Munmap(p) // refuses what is not from Mmap
	}
}

// arrival is what the cache says to a request.
type arrival uint8

const (
	arrivalFresh      arrival = iota // process it; the ticket is its place
	arrivalReplaced                  // so, and it displaced a request still without an answer
	arrivalRepeated                  // a repeat: the answer has been copied out
	arrivalInProgress                // a repeat of what has no answer yet
	arrivalRefused                   // all places are taken by requests without an answer
)

// admit looks a request up. For a repeat within replyLifetime the answer is copied
// to buffer. Another Authenticator under the same key is another request, which
// takes the place over.
func (c *replyCache) admit(key replyKey, kind code, authenticator []byte, now instant, buffer []byte) (arrival, ticket, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(now)
	bucket := &c.buckets[maphash.Comparable(c.seed, key)%uint64(len(c.buckets))]
	for i := *bucket; i >= 0; i = c.places[i].next {
		p := &c.places[i]
		if p.key != key {
			continue
		}
		waiting := p.state == placePending || now < p.due
		if p.code == kind && string(p.authenticator[:]) == string(authenticator) && (waiting || now < p.expires) {
			if waiting {
				return arrivalInProgress, ticket{}, nil
			}
			return arrivalRepeated, ticket{}, append(buffer[:0], c.reply(i)...)
		}
		result := arrivalFresh
		if waiting {
			result = arrivalReplaced
		}
		c.drop(i)
		return result, c.take(bucket, key, kind, authenticator), nil
	}
	if c.free < 0 && int(c.used) == len(c.places) && !c.evict() {
		return arrivalRefused, ticket{}, nil
	}
	return arrivalFresh, c.take(bucket, key, kind, authenticator), nil
}

// answer keeps the reply of a pending request, to be sent from due on. stale: the
// request has been displaced. kept is false when there is no room for so long a
// reply; the place is free again then, and the reply must not be sent.
func (c *replyCache) answer(t ticket, reply []byte, due, now instant) (kept, stale bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.valid(t) {
		return false, true
	}
	p := &c.places[t.place]
	p.large = -1
	if len(reply) > smallReply {
		if len(c.spare) == 0 && !c.evictLarge() {
			c.drop(t.place)
			return false, false
		}
		p.large = c.spare[len(c.spare)-1]
		c.spare = c.spare[:len(c.spare)-1]
		if c.large[p.large] == nil {
			c.large[p.large] = make([]byte, maxPacket)
		}
	}
	p.size = uint16(len(reply))
	copy(c.reply(t.place), reply)
	p.state, p.due = placeAnswered, due
	if due <= now {
		p.due = 0
	}
	p.expires = max(due, now) + instant(replyLifetime)
	p.older, p.newer = c.newest, -1
	if c.newest >= 0 {
		c.places[c.newest].newer = t.place
	} else {
		c.oldest = t.place
	}
	c.newest = t.place
	return true, false
}

// fetch copies a kept reply to buffer, and lets repeats have it from now on. It is
// nil when the ticket is stale.
func (c *replyCache) fetch(t ticket, buffer []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.valid(t) || c.places[t.place].state != placeAnswered {
		return nil
	}
	c.places[t.place].due = 0
	return append(buffer[:0], c.reply(t.place)...)
}

// forget gives a place up, so that a repeat is processed anew.
func (c *replyCache) forget(t ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.valid(t) {
		c.drop(t.place)
	}
}

// close gives all memory back: no ticket is valid any more. Nothing may be admitted
// afterwards.
func (c *replyCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buckets, c.places, c.small, c.large, c.spare = nil, nil, nil, nil, nil
}

func (c *replyCache) valid(t ticket) bool {
	return t.generation != 0 && int(t.place) < len(c.places) && c.places[t.place].generation == t.generation && c.places[t.place].state != placeFree
}

// reply is where the answer of a place is kept.
func (c *replyCache) reply(i int32) []byte {
	p := &c.places[i]
	if p.large >= 0 {
		return c.large[p.large][:p.size]
	}
	return c.small[int(i)*smallReply:][:p.size]
}

// expire frees what is past its time. Each request clears away at most a few, so
// that no packet waits for the leftovers of a storm; that is faster than they come.
func (c *replyCache) expire(now instant) {
	for range 4 {
		if c.oldest < 0 || c.places[c.oldest].expires > now {
			return
		}
		c.drop(c.oldest)
	}
}

// evict frees the longest answered place, unless its answer has yet to be sent.
func (c *replyCache) evict() bool {
	if c.oldest < 0 || c.places[c.oldest].due != 0 {
		return false
	}
	c.drop(c.oldest)
	return true
}

// evictLarge frees the large buffer that was answered longest ago, if it is among those
// soonest found and its answer has been sent.
func (c *replyCache) evictLarge() bool {
	const looks = 256
	i := c.oldest
	for n := 0; n < looks && i >= 0; n++ {
		if p := &c.places[i]; p.large >= 0 && p.due == 0 {
			c.drop(i)
			return true
		}
		i = c.places[i].newer
	}
	return false
}

// take gives a free place to a request; there is one.
func (c *replyCache) take(bucket *int32, key replyKey, kind code, authenticator []byte) ticket {
	i := c.free
	if i >= 0 {
		c.free = c.places[i].next
	} else {
		i = c.used
		c.used++
	}
	p := &c.places[i]
	generation := p.generation + 1
	if generation == 0 { // the zero ticket is never valid
		generation = 1
	}
	*p = replyPlace{key: key, code: kind, generation: generation, next: *bucket, older: -1, newer: -1, large: -1, state: placePending}
	copy(p.authenticator[:], authenticator)
	*bucket = i
	return ticket{i, generation}
}

// drop takes a place out of its bucket and out of the answered ones, and frees it.
func (c *replyCache) drop(i int32) {
	p := &c.places[i]
	link := &c.buckets[maphash.Comparable(c.seed, p.key)%uint64(len(c.buckets))]
	for *link != i {
		link = &c.places[*link].next
	}
	*link = p.next
	if p.state == placeAnswered {
		if p.older >= 0 {
			c.places[p.older].newer = p.newer
		} else {
			c.oldest = p.newer
		}
		if p.newer >= 0 {
			c.places[p.newer].older = p.older
		} else {
			c.newest = p.older
		}
	}
	if p.large >= 0 {
		c.spare = append(c.spare, p.large)
	}
	p.state, p.large = placeFree, -1
	p.next, c.free = c.free, i
}
