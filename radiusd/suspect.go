package radiusd

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"tallygate/macwatch"
)

// A shared secret that differs is invisible to the guest and to the access point: one
// side hears rubbish, the other nothing. It shows in three ways here.
const (
	evidenceAccounting = "the Request Authenticator of accounting is wrong"
	evidenceSigned     = "the Message-Authenticator is wrong"
	evidencePassword   = "the password comes out as garbage"
)

const (
	maxSuspects = 1024
	// garbageProves is how many passwords in a row must be garbage: one may be a slip.
	garbageProves = 3
	// passwordPace is how many passwords of unsigned requests are looked at a second and
	// socket: two MD5 each, where the Location does not ask for them.
	passwordPace = 50
)

// suspects remembers which sources have shown another secret than their client's. One
// authentic packet clears its source.
type suspects struct {
	mu     sync.Mutex
	known  *simplelru.LRU[suspectKey, *suspicion]
	counts map[int64]*atomic.Int32 // entries by client, for those who only ask whether there is one
}

type suspectKey struct {
	client int64
	source netip.Addr
}

type suspicion struct {
	since, last time.Time
	packets     int
	evidence    string
	garbage     int // passwords in a row; -1: proved otherwise
}

func newSuspects() *suspects {
	s := &suspects{counts: map[int64]*atomic.Int32{}}
	// A positive size cannot fail.
	s.known, _ = simplelru.NewLRU(maxSuspects, func(k suspectKey, _ *suspicion) {
		if n := s.counts[k.client]; n != nil {
			n.Add(-1)
		}
	})
	return s
}

// counters gives each client of a Snapshot its counter, and forgets clients that are gone.
func (s *suspects) counters(clients []client) []*atomic.Int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := make(map[int64]*atomic.Int32, len(clients))
	out := make([]*atomic.Int32, len(clients))
	for i := range clients {
		n := s.counts[clients[i].ID]
		if n == nil {
			n = new(atomic.Int32)
		}
		next[clients[i].ID], out[i] = n, n
	}
	for _, k := range s.known.Keys() {
		if next[k.client] == nil {
			s.known.Remove(k)
		}
	}
	s.counts = next
	return out
}

// add notes one more packet that speaks against a source.
func (s *suspects) add(client int64, source netip.Addr, evidence string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.counts[client]
	if n == nil {
		return // the client has just been removed
	}
	k := suspectKey{client, source}
	found, ok := s.known.Get(k)
	if !ok {
		found = &suspicion{since: at}
		s.known.Add(k, found)
		n.Add(1)
	}
	found.last, found.evidence = at, evidence
	found.packets++
	switch {
	case evidence != evidencePassword:
		found.garbage = -1
	case found.garbage >= 0:
		found.garbage++
	}
}

// clear is for a source that has shown the right secret.
func (s *suspects) clear(client int64, source netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known.Remove(suspectKey{client, source})
}

// of is the sources of a client whose secret differs, by address.
func (s *suspects) of(c *client) []macwatch.SecretDiffers {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []macwatch.SecretDiffers
	for _, k := range s.known.Keys() {
		found, _ := s.known.Peek(k)
		if k.client != c.ID || found.garbage >= 0 && found.garbage < garbageProves {
			continue
		}
		out = append(out, macwatch.SecretDiffers{
			Client: c.Name, Source: k.source, Since: found.since, Last: found.last, Packets: found.packets, Evidence: found.evidence,
		})
	}
	slices.SortFunc(out, func(a, b macwatch.SecretDiffers) int { return a.Source.Compare(b.Source) })
	return out
}

// SecretsThatDiffer lists the sources that have another shared secret than their client,
// by client, in the order of the clients.
func (s *Server) SecretsThatDiffer() []macwatch.SecretDiffers {
	out := []macwatch.SecretDiffers{}
	v := s.view.Load()
	for i := range v.clients {
		out = append(out, s.suspects.of(&v.clients[i])...)
	}
	return out
}

// suspect notes what in the packet in hand speaks for another secret. That of RadSec is
// the same for all, and no command mends it: the log says so.
func (r *reader) suspect(evidence string) {
	if r.socket.link != nil {
		return
	}
	r.server.suspects.add(r.client.ID, r.source.Addr(), evidence, r.now)
}

// proved notes that the packet in hand shows the right secret. Nearly always nobody is
// under suspicion, and it costs a look.
func (r *reader) proved() {
	if r.view.suspected[r.client.index].Load() != 0 {
		r.server.suspects.clear(r.client.ID, r.source.Addr())
	}
}

// samplePassword looks at the password of a request that nothing else authenticates.
func (r *reader) samplePassword() {
	p := &r.packet
	if !p.has(attrUserPassword) || !r.passwords.take(r.arrived, passwordPace) {
		return
	}
	plain, ok := r.hash.reveal(p.value(attrUserPassword), p.authenticator(), &r.client.secret)
	switch {
	case !ok:
	case garbage(plain):
		r.suspect(evidencePassword)
		r.remark = evidencePassword + ": the shared secret may differ"
	default:
		r.proved()
	}
}

// garbage reports whether a password cannot have been typed. Under a wrong secret all
// sixteen octets of a block are random: nine in ten such hold a control character, and
// hardly any is text. Passwords that are text, in whatever encoding, are none.
func garbage(plain []byte) bool {
	beyond := 0
	for _, c := range plain {
		switch {
		case c < ' ' || c == 0x7f:
			return true
		case c > 0x7f:
			beyond++
		}
	}
	return !utf8.Valid(plain) && 3*beyond > len(plain)
}
