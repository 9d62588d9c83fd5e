package radiusd

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"tallygate/macwatch"
)

const (
	// maxStrangers is how many source addresses of nobody are remembered. Those that come
	// back have a part of the memory for themselves: addresses that somebody invents, each
	// once, push out each other only.
	maxStrangers = 512
	// strangerPace is how many packets of strangers are looked at a second.
	strangerPace = 1000
)

// strangers remembers who sends without being a client. Most often that is an access
// point that somebody forgot to enter.
type strangers struct {
	pace  sharedQuota
	mu    sync.Mutex
	known *lru.TwoQueueCache[netip.Addr, *stranger]
}

type stranger struct {
	first, last time.Time
	packets     int
	listeners   [listeners]bool
	nas         clip
	address     netip.Addr
	vendor      macwatch.Vendor
	signs       bool
}

func newStrangers() *strangers {
	// A positive size cannot fail.
	known, _ := lru.New2Q[netip.Addr, *stranger](maxStrangers)
	return &strangers{known: known}
}

// meet looks at a datagram of a stranger, which may hold anything.
func (r *reader) meet(datagram []byte) {
	s := r.server.strangers
	if !s.pace.take(r.arrived, strangerPace) {
		return
	}
	well := r.packet.parse(datagram) == nil
	s.mu.Lock()
	defer s.mu.Unlock()
	from := r.source.Addr()
	found, ok := s.known.Get(from)
	if !ok {
		found = &stranger{first: r.now}
		s.known.Add(from, found)
	}
	found.last = r.now
	found.packets++
	found.listeners[r.socket.listener] = true
	if !well {
		return
	}
	if id := r.packet.value(attrNASIdentifier); len(id) > 0 {
		found.nas.set(id)
	}
	if a := nasAddress(&r.packet); a.IsValid() {
		found.address = a
	}
	if r.id.read(&r.packet, from, manner{}); r.id.rank != rankNone {
		found.vendor = r.id.detected
	}
	if r.packet.code() == accessRequest {
		found.signs = r.packet.has(attrMessageAuthenticator)
	}
}

// Strangers lists the source addresses that no client covers, by when they first came.
// Those that have become clients meanwhile are left out.
func (s *Server) Strangers() []macwatch.Stranger {
	v := s.view.Load()
	book := s.strangers
	book.mu.Lock()
	defer book.mu.Unlock()
	out := []macwatch.Stranger{}
	for _, source := range book.known.Keys() {
		found, ok := book.known.Peek(source)
		if !ok || v.client(source) != nil {
			continue
		}
		one := macwatch.Stranger{
			Source: source, NASIdentifier: found.nas.String(), Vendor: found.vendor, MessageAuthenticator: found.signs,
			FirstSeen: found.first.UTC(), LastSeen: found.last.UTC(), Packets: found.packets, Listeners: []string{},
		}
		if found.address.IsValid() {
			one.NASAddress = found.address.String()
		}
		for l, seen := range found.listeners {
			if seen {
				one.Listeners = append(one.Listeners, listener(l).String())
			}
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b macwatch.Stranger) int {
		if c := a.FirstSeen.Compare(b.FirstSeen); c != 0 {
			return c
		}
		return a.Source.Compare(b.Source)
	})
	return out
}
