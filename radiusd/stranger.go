package radiusd

import (
	"encoding/binary"
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
	if v := guessVendor(&r.packet); v != "" {
		found.vendor = v
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

// vendorNumbers are the enterprise numbers that give a make away.
var vendorNumbers = map[uint32]macwatch.Vendor{
	9: macwatch.VendorCisco9800, 388: macwatch.VendorExtremeWiNG, 2011: macwatch.VendorHuawei, 2356: macwatch.VendorLANCOM,
	3041: macwatch.VendorAlcatel, 6527: macwatch.VendorAlcatel, 7367: macwatch.VendorDrayTek, 11863: macwatch.VendorOmada,
	12356: macwatch.VendorFortinet, 14179: macwatch.VendorCiscoAireOS, 14559: macwatch.VendorCoovaChilli, 14823: macwatch.VendorArubaInstant,
	14988: macwatch.VendorMikroTikHotspot, 17713: macwatch.VendorCambium, 25053: macwatch.VendorRuckusSmartZone,
	26928: macwatch.VendorAerohive, 29671: macwatch.VendorMeraki, 41112: macwatch.VendorUniFiAP, 42397: macwatch.VendorGrandstream,
}

// guessVendor goes by the Vendor-Specific attributes (RFC 2865 section 5.26); "" when
// none tells.
func guessVendor(p *packet) macwatch.Vendor {
	for value := range p.attributes().each(attrVendorSpecific) {
		if len(value) < 4 {
			continue
		}
		if v, ok := vendorNumbers[binary.BigEndian.Uint32(value)]; ok {
			return v
		}
	}
	return ""
}
