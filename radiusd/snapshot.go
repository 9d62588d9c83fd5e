package radiusd

import (
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Snapshot is everything an Access-Request is decided from, at one moment. It is
// immutable: readers hold it without a lock, a change publishes a new one.
type Snapshot struct {
	clients []client
	// A host's own prefix is looked up first, then the others from the longest on;
	// each length has its own map, so that a look-up costs a few of them however many
	// clients there are.
	hosts   map[netip.Addr]int32 // to clients
	lengths []prefixLength
	radsec  radsecIndex
	realms  map[string]string // lower case, to the Organization's name
}

// client is a configured RADIUS peer, with what every packet of its needs.
type client struct {
	macwatch.Client
	index  int // in Snapshot.clients
	secret secret
	signed map[netip.Addr]struct{} // sources that have proved to sign, for RequireAuto
	home   *location               // nil when the Location is not known
	manner manner                  // how its packets are read
	places []placeRule             // tried before home
}

// location is a Location with its venue and its compiled room rule.
type location struct {
	*licensing.Location
	venue *macwatch.Venue // never nil
	room  roomRule

	standing atomic.Pointer[licensing.Standing] // as it was worked out last; nil: not yet
}

// standingAt is how the Location's licenses stand at now. Readers that find it out of date
// at the same time all work it out; whose answer stays does not matter.
func (l *location) standingAt(now time.Time) *licensing.Standing {
	if s := l.standing.Load(); s != nil && s.Holds(now) {
		return s
	}
	s := licensing.StandingAt(l.Licenses, now)
	l.standing.Store(&s)
	return &s
}

// prefixLength holds the clients whose prefixes have one length, of one family.
type prefixLength struct {
	bits     int
	ipv6     bool
	prefixes map[netip.Prefix]int32
}

// NewSnapshot takes clients in any order, and Locations and venues by Location id.
// The caller changes none of them afterwards. A client whose LocationID is not
// among locations is answered with unknown-location. Licenses should have their zone
// resolved (License.ResolveZone), or every packet reads it anew.
func NewSnapshot(clients []macwatch.Client, locations map[int64]*licensing.Location, venues map[int64]*macwatch.Venue) *Snapshot {
	s := &Snapshot{clients: make([]client, len(clients)), hosts: make(map[netip.Addr]int32), realms: make(map[string]string)}
	places := make(map[int64]*location, len(locations))
	byCode := make(map[string]*location, len(locations))
	for id, l := range locations {
		venue := venues[id]
		if venue == nil {
			venue = &macwatch.Venue{}
		}
		places[id] = &location{Location: l, venue: venue, room: compileRoom(l.Settings.Room)}
		byCode[strings.ToLower(l.Code)] = places[id]
		if l.Realm != "" {
			s.realms[strings.ToLower(l.Realm)] = l.Organization
		}
	}
	for i, c := range clients {
		signed := make(map[netip.Addr]struct{}, len(c.Signed))
		for _, a := range c.Signed {
			signed[a.Unmap().WithZone("")] = struct{}{}
		}
		s.clients[i] = client{Client: c, index: i, secret: newSecret(c.Secret), signed: signed, home: places[c.LocationID], manner: mannerOf(c), places: compilePlaces(c.Locations, byCode)}
		if !c.RadSecOnly {
			s.index(c.Prefix, int32(i))
		}
		s.radsec.add(s.clients[i])
	}
	slices.SortFunc(s.lengths, func(a, b prefixLength) int { return b.bits - a.bits })
	return s
}

// mannerOf is how a client's packets are read.
func mannerOf(c macwatch.Client) manner {
	return manner{profile: profileOf(c.Vendor), found: profileOf(c.Detected), custom: compileCustom(c.ClientSettings)}
}

// index makes client i known by its prefix.
func (s *Snapshot) index(p netip.Prefix, i int32) {
	if !p.IsValid() {
		return
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	p = p.Masked()
	if p.IsSingleIP() {
		s.hosts[p.Addr()] = i
		return
	}
	for _, l := range s.lengths {
		if l.bits == p.Bits() && l.ipv6 == p.Addr().Is6() {
			l.prefixes[p] = i
			return
		}
	}
	s.lengths = append(s.lengths, prefixLength{p.Bits(), p.Addr().Is6(), map[netip.Prefix]int32{p: i}})
}

// client finds who sends from an address: by its longest prefix. The address is
// unmapped and has no zone. Nil: nobody.
func (s *Snapshot) client(source netip.Addr) *client {
	if i, ok := s.hosts[source]; ok {
		return &s.clients[i]
	}
	for _, l := range s.lengths {
		if l.ipv6 != source.Is6() {
			continue
		}
		// The length is one of this family's: Prefix cannot fail.
		p, _ := source.Prefix(l.bits)
		if i, ok := l.prefixes[p]; ok {
			return &s.clients[i]
		}
	}
	return nil
}
