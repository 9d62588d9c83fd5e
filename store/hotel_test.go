package store

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"tallygate/macwatch"
)

// hotel is a simulated venue: access points with the habits of several vendors, guests who
// come, roam and leave, and a network that loses, delays and repeats. It knows nothing of
// sessions but what a NAS knows: what it began, counted and ended.
type hotel struct {
	rng    *rand.Rand
	begin  time.Time
	now    int // seconds since begin
	events events
	seq    int
	aps    []*hotelAP
	guests []*hotelGuest
	air    []*packet
	latest map[*hotelGuest]map[*hotelAP]*use

	location int64
}

// habit is what a make of access point or gateway does.
type habit struct {
	name      string
	reuses    bool          // a guest has the same session id at each visit
	stamp     string        // Event-Timestamp: true, none, 2008, tomorrow, slow (two hours)
	delays    bool          // tells the age of what it repeats; else it gives up
	announces bool          // Accounting-On after a boot
	perBSS    bool          // for each of its two BSSIDs
	multi     bool          // links hops
	narrow    bool          // counters of 32 bits, no gigawords
	stopStart bool          // Stop and Start each minute
	interval  time.Duration // between reports; 0: none
	site      string        // NAS-Identifier that several share, by their controller
}

func habits() []habit {
	return []habit{
		{name: "hostapd", reuses: true, stamp: "true", delays: true, announces: true, perBSS: true, interval: 10 * time.Minute},
		{name: "unifi", reuses: true, stamp: "true", delays: true, narrow: true, interval: 10 * time.Minute},
		{name: "aruba", stamp: "none", delays: true, multi: true, interval: 10 * time.Minute},
		{name: "aruba-controller", stamp: "none", delays: true, multi: true},
		{name: "mikrotik", reuses: true, stamp: "slow", delays: true, announces: true, interval: 5 * time.Minute},
		{name: "huawei", stamp: "2008", delays: true, announces: true, interval: 15 * time.Minute},
		{name: "ruckus", stamp: "tomorrow", delays: true, announces: true, multi: true, interval: 10 * time.Minute},
		{name: "site-a", stamp: "true", delays: true, site: "9f0c2a31-a", interval: 10 * time.Minute},
		{name: "site-b", stamp: "true", delays: true, site: "9f0c2a31-b", interval: 10 * time.Minute},
		{name: "pfsense", stamp: "none", announces: true, stopStart: true, interval: time.Minute},
	}
}

type hotelAP struct {
	habit
	n       int
	client  int64
	counter int
	down    bool
	cut     int // second until which it does not reach the gateway
}

func (ap *hotelAP) nas() string {
	if ap.site != "" {
		return ap.site
	}
	return fmt.Sprintf("%s-%d", ap.name, ap.n)
}

func (ap *hotelAP) bssid(radio int) macwatch.MAC {
	return macwatch.MAC(0x00aa_0000_0000 + ap.n<<8 + radio)
}

// hotelGuest is one device, and where it is.
type hotelGuest struct {
	n     int
	mac   macwatch.MAC
	until int // end of the visit
	use   *use
	heavy bool
	multi string
}

// use is one use of a session id, as its NAS knows it.
type use struct {
	ap            *hotelAP
	guest         *hotelGuest
	id, multi     string
	radio         int
	begin         int
	input, output uint64
	over          bool
	ended         int
	prior         *use // of the same id
	startLost     bool
	reports       int
	told          told // what the gateway has been told; see hotelledger_test.go
}

// packet is a record on its way.
type packet struct {
	at, sent int // seconds
	seq      int
	record   macwatch.Record
	use      *use // nil: of the NAS itself
	ap       *hotelAP
	of       *packet // what it repeats; itself when it is the first
	arrived  bool

	input, output uint64 // what the NAS has counted, whatever fits into the packet
}

type event struct {
	at, seq int
	do      func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// after does something so many seconds from now.
func (h *hotel) after(seconds int, do func()) {
	h.seq++
	heap.Push(&h.events, event{h.now + seconds, h.seq, do})
}

// until lets everything happen up to a moment.
func (h *hotel) runUntil(at int) {
	for len(h.events) > 0 && h.events[0].at <= at {
		e := heap.Pop(&h.events).(event)
		h.now = e.at
		e.do()
	}
	h.now = at
}

func (h *hotel) between(lo, hi int) int { return lo + h.rng.IntN(hi-lo+1) }
func (h *hotel) chance(percent int) bool {
	return h.rng.IntN(100) < percent
}

// open furnishes the hotel: so many APs of each make, so many guests for a week.
func (h *hotel) open(each, guests int, clients [2]int64) {
	for _, make := range habits() {
		n := each
		if make.stopStart {
			n = 1
		}
		for range n {
			ap := &hotelAP{habit: make, n: len(h.aps) + 1, client: clients[0]}
			if make.site != "" {
				ap.client = clients[1]
			}
			h.aps = append(h.aps, ap)
		}
	}
	for n := range guests {
		g := &hotelGuest{n: n, mac: guest(1000 + n), heavy: n%3 == 0}
		h.guests = append(h.guests, g)
		for day := range 7 {
			if !h.chance(70) {
				continue
			}
			from := day*86400 + h.between(7*3600, 21*3600)
			stay := h.between(20*60, 4*3600)
			h.after(from, func() {
				if g.use == nil {
					g.until = h.now + stay
					h.join(g, h.pick(g))
				}
			})
		}
	}
}

// pick is where a guest associates: near its room, and few through the gateway of the lobby.
func (h *hotel) pick(g *hotelGuest) *hotelAP {
	for {
		ap := h.aps[(g.n+h.between(0, 3))%len(h.aps)]
		if !ap.stopStart || g.n < 60 {
			return ap
		}
	}
}

// join begins a use of an id.
func (h *hotel) join(g *hotelGuest, ap *hotelAP) {
	if ap.down {
		h.after(h.between(60, 120), func() { h.rejoin(g) })
		return
	}
	ap.counter++
	u := &use{ap: ap, guest: g, begin: h.now, radio: g.n % 2, id: fmt.Sprintf("%s-%d-%d", ap.name, ap.n, ap.counter)}
	if ap.reuses {
		u.id = fmt.Sprintf("00000028-%08X", g.n)
		u.prior = h.latest[g][ap]
	}
	if ap.multi {
		if g.multi == "" {
			g.multi = fmt.Sprintf("%s-%d", g.mac, h.now)
		}
		u.multi = g.multi
	}
	h.begun(u)
	// A Start is missed only where later reports tell of it: counters that fell.
	p := u.prior
	u.startLost = h.chance(5) && !ap.stopStart && (p == nil || h.now-p.ended > 1000 && p.told.seconds > 1000 && p.told.input > 5_000_000 && p.told.output > 50_000_000)
	if !u.startLost {
		h.send(u, macwatch.StatusStart, 0)
	}
	if ap.interval > 0 {
		h.after(int(ap.interval/time.Second), func() { h.report(u) })
	}
	h.after(h.between(180, 3600), func() { h.move(u) })
}

func (h *hotel) begun(u *use) {
	if h.latest[u.guest] == nil {
		h.latest[u.guest] = map[*hotelAP]*use{}
	}
	h.latest[u.guest][u.ap], u.guest.use = u, u
}

func (h *hotel) rejoin(g *hotelGuest) {
	if g.use == nil && h.now < g.until {
		h.join(g, h.pick(g))
	}
}

// report is what is due each interval.
func (h *hotel) report(u *use) {
	if u.over {
		return
	}
	u.count(h)
	if u.ap.stopStart {
		h.send(u, macwatch.StatusStop, 10)
		next := &use{ap: u.ap, guest: u.guest, id: u.id, begin: h.now, radio: u.radio, prior: u}
		u.over = true
		h.begun(next)
		h.send(next, macwatch.StatusStart, 0)
		if h.now >= u.guest.until {
			h.leave(next)
			return
		}
		h.after(60, func() { h.report(next) })
		return
	}
	h.send(u, macwatch.StatusInterim, 0)
	h.after(int(u.ap.interval/time.Second), func() { h.report(u) })
}

// count moves some data.
func (u *use) count(h *hotel) {
	u.input += uint64(h.between(1000, 2_000_000))
	u.output += uint64(h.between(1000, 20_000_000))
	if u.guest.heavy && u.reports > 0 {
		u.output += uint64(h.between(500_000_000, 850_000_000))
	}
	u.reports++
}

// move ends a visit, or goes on to another access point, which reports first.
func (h *hotel) move(u *use) {
	if u.over || u.ap.stopStart {
		return
	}
	if h.now >= u.guest.until {
		h.leave(u)
		return
	}
	if to := h.pick(u.guest); to != u.ap && !to.down && !to.stopStart {
		h.after(h.between(0, 15), func() { h.end(u, 1) })
		h.join(u.guest, to)
		return
	}
	h.after(h.between(180, 3600), func() { h.move(u) })
}

func (h *hotel) leave(u *use) {
	u.guest.use, u.guest.multi = nil, ""
	h.end(u, 1)
}

// end tells of the end of a use, of which some Stops are lost.
func (h *hotel) end(u *use, cause uint32) {
	if u.over {
		return
	}
	u.count(h)
	u.over, u.ended = true, h.now
	if u.ap.stopStart || !h.chance(12) {
		h.send(u, macwatch.StatusStop, cause)
	}
}

// powerCut takes the power from access points: they lose what they had to say, and begin
// anew. lost is the percentage of those whose Accounting-On does not arrive.
func (h *hotel) powerCut(aps []*hotelAP, seconds, lost int) {
	for _, ap := range aps {
		ap.down = true
		kept := h.air[:0]
		for _, p := range h.air {
			if p.ap != ap || p.at <= h.now {
				kept = append(kept, p)
			}
		}
		h.air = kept
		for _, g := range h.guests {
			if u := g.use; u != nil && u.ap == ap {
				u.over, u.ended = true, h.now
				g.use, g.multi = nil, ""
				h.after(seconds+h.between(20, 90), func() { h.rejoin(g) })
			}
		}
		h.after(seconds, func() {
			ap.down = false
			if ap.announces && !h.chance(lost) {
				h.announce(ap)
			}
		})
	}
}

// cable cuts access points off from the gateway: what they have to say arrives late.
func (h *hotel) cable(aps []*hotelAP, seconds int) {
	for _, ap := range aps {
		ap.cut = h.now + seconds
	}
	air := h.air
	h.air = nil
	for _, p := range air {
		h.put(p)
	}
}

// announce sends Accounting-On, for the whole NAS or for each BSSID.
func (h *hotel) announce(ap *hotelAP) {
	radios := []macwatch.MAC{0}
	if ap.perBSS {
		radios = []macwatch.MAC{ap.bssid(0), ap.bssid(1)}
	}
	for _, bssid := range radios {
		r := macwatch.Record{Location: h.location, Client: ap.client, Status: macwatch.StatusOn, NAS: []byte(ap.nas()), AP: []byte(ap.nas()), CalledMAC: bssid}
		h.transmit(&packet{record: r, ap: ap})
	}
}

// send makes the record of a use.
func (h *hotel) send(u *use, status macwatch.Status, cause uint32) {
	ap := u.ap
	r := macwatch.Record{
		Location: h.location, Client: ap.client, Status: status, MAC: u.guest.mac, NAS: []byte(ap.nas()), CalledMAC: ap.bssid(u.radio),
		AP: []byte(ap.bssid(0).String()), SessionID: []byte(u.id), UserName: fmt.Appendf(nil, "guest-%d", u.guest.n), TerminateCause: cause,
	}
	if u.multi != "" {
		r.Origin.MultiID = []byte(u.multi)
	}
	p := &packet{record: r, use: u, ap: ap, input: u.input, output: u.output}
	if status != macwatch.StatusStart {
		p.record.SessionTime, p.record.Input, p.record.Output = uint32(h.now-u.begin), u.input, u.output
		p.record.Gigawords = !ap.narrow
		if ap.narrow {
			p.record.Input, p.record.Output = u.input&(1<<32-1), u.output&(1<<32-1)
		}
	}
	h.transmit(p)
}
