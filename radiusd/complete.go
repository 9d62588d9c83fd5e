package radiusd

import (
	"encoding/binary"

	"tallygate/macwatch"
)

// complete adds to the identity of an accounting packet what earlier packets have said:
// who the guest is, where his login names him and this packet does not, and which
// Location it is about. It returns the Location; nil when that is not known.
func (r *reader) complete(p *packet, id *identity) *location {
	c, joins := r.client, r.server.joins
	status := statusOf(p)
	if status.OfNAS() {
		return c.locate(id)
	}
	nameless, several := id.mayJoin(), len(c.places) > 0
	var home *location
	if p.has(attrClass) && (nameless || several) {
		home = r.byToken(p, id, nameless)
	}
	if nameless {
		joins.want(c.ID)
	}
	if nameless || several && (id.ssid == nil || id.apSource == "") {
		if found := &r.found; joins.find(c.ID, p, id, status == macwatch.StatusStart, found) && (nameless && id.source != macwatch.SourceJoin || found.mac == id.mac) {
			id.take(found, nameless)
		}
	}
	switch {
	case id.mac != 0 && (several || joins.wants(c.ID)):
		joins.learn(c.ID, p, id, false)
	case id.nameless:
		// What was nobody's stays nobody's: one session must not become two when the
		// same user logs in again.
		joins.forsake(c.ID, p, id)
	}
	if home == nil {
		home = c.locate(id)
	}
	return home
}

// byToken reads our own Class token, which holds the device and the Location of the
// acceptance, and proves both by itself.
func (r *reader) byToken(p *packet, id *identity, nameless bool) *location {
	for class := range p.attributes().each(attrClass) { // RFC 2865 section 5.25 allows several
		at, mac, ok := r.hash.openClass(class, r.now)
		if !ok {
			continue
		}
		l := r.client.serves(at)
		switch {
		case l == nil:
			continue
		case nameless:
			id.mac, id.source, id.nameless = mac, macwatch.SourceJoin, false
			return l
		case mac == id.mac, l.venue.Veil != nil && mac == l.venue.Veil.Name(id.mac):
			return l
		}
	}
	return nil
}

// serves is the Location with this id, if the client serves it.
func (c *client) serves(id int64) *location {
	if c.home != nil && c.home.ID == id {
		return c.home
	}
	for i := range c.places {
		if c.places[i].location.ID == id {
			return c.places[i].location
		}
	}
	return nil
}

// remember notes an accepted login, where accounting may not name the device or the
// Location. What logs in by address alone, without a session id, leaves nothing to join by.
func (r *reader) remember() {
	if r.id.mac == 0 || !r.id.profile.joins && len(r.client.places) == 0 && !r.server.joins.wants(r.client.ID) {
		return
	}
	r.server.joins.learn(r.client.ID, &r.packet, &r.id, true)
}

// Remember takes in an open session of before the start whose accounting does not name
// its device, so that a restart loses no guest. It is called before Serve.
func (s *Server) Remember(open *macwatch.Session) {
	s.joins.want(open.Client)
	id := identity{mac: open.MAC, nas: []byte(open.NAS), ap: []byte(open.AP), ssid: []byte(open.SSID), userName: []byte(open.UserName)}
	id.joinedAP = open.AP != "" && open.AP != open.NAS
	e := entryOf(&id)
	s.joins.put(s.joins.key(joinSession, open.Client, id.nas, []byte(open.SessionID)), e)
	if open.MAC == 0 {
		return
	}
	if len(open.Class) > 0 && !ourClass(open.Class) {
		s.joins.put(s.joins.key(joinClass, open.Client, id.nas, open.Class), e)
	}
	if open.UserName != "" {
		s.joins.put(s.joins.key(joinUser, open.Client, id.nas, id.userName), e)
	}
}

func statusOf(p *packet) macwatch.Status {
	value := p.value(attrAcctStatusType)
	if len(value) != 4 {
		return 0
	}
	return macwatch.Status(binary.BigEndian.Uint32(value))
}
