package simulate

import (
	"fmt"
	"math/rand/v2"
)

// accessPoint is one NAS of the venue.
type accessPoint struct {
	nas    *NAS
	vendor vendor
	mac    uint64
	name   string
	ip     uint32
	// The two that a reboot changes; only the plan touches them.
	boots   uint32
	counter uint32
}

// station is a guest with one device.
type station struct {
	mac  uint64
	name string // at the portal
	ip   uint32
}

// leg is a guest's stay on one access point.
type leg struct {
	ap       *accessPoint
	session  string
	multi    string
	interims int
	open     bool // no Stop: the access point loses its power first
}

// visit is what one guest does in one round: a leg, and further ones by roaming.
type visit struct {
	guest station
	legs  []leg
	rng   *rand.Rand
}

// draw is true in percent of 100 cases.
func draw(rng *rand.Rand, percent int) bool { return rng.IntN(100) < percent }

// newVenue makes the access points, not yet connected.
func newVenue(cfg Config) []*accessPoint {
	rng := rand.New(rand.NewPCG(cfg.Seed, 0))
	makes := vendors()
	first := rng.IntN(len(makes))
	aps := make([]*accessPoint, cfg.APs)
	for i := range aps {
		aps[i] = &accessPoint{
			vendor: makes[(first+i)%len(makes)],
			// Sixteen apart, as the BSSIDs of one access point need; globally administered.
			mac:  0x0027_2200_0000 | uint64(rng.IntN(256))<<16 | uint64(i)<<4,
			name: fmt.Sprintf("AP-%03d", i+1),
			ip:   10<<24 | 99<<16 | uint32(i+10),
		}
	}
	return aps
}

// newStation makes guest i. Two of three devices hide behind a randomised address,
// as they do today.
func newStation(cfg Config, i int) station {
	rng := rand.New(rand.NewPCG(cfg.Seed, 1<<32|uint64(i)))
	mac := uint64(0x8041_0000_0000) // an ordinary, globally administered one
	if draw(rng, 66) {
		mac = 0x0200_0000_0000 | uint64(rng.IntN(64))<<42
	}
	// The guest's number stands inside, so that no two are ever the same.
	mac |= uint64(i) << 8
	mac |= cfg.Seed % 251
	name := cfg.User
	if name == "" {
		name = fmt.Sprintf("guest-%d", i+1)
	}
	return station{mac: mac, name: name, ip: 172<<24 | 16<<16 | uint32(i)&0xfffff}
}

// plan says what every guest does in a round, and which access point reboots at its
// end (nil: none). Session ids are given out here, in the order of the guests, so that
// they depend on the seed alone and not on who is faster.
func plan(cfg Config, aps []*accessPoint, round int) (visits []visit, reboot *accessPoint) {
	if rebootsBefore(cfg, round+1) > rebootsBefore(cfg, round) {
		reboot = aps[round%len(aps)]
	}
	visits = make([]visit, cfg.Guests)
	for i := range visits {
		rng := rand.New(rand.NewPCG(cfg.Seed, 2<<32|uint64(round)<<20|uint64(i)))
		v := visit{guest: newStation(cfg, i), rng: rng}
		at := rng.IntN(len(aps))
		v.legs = append(v.legs, aps[at].leg(v.guest, rng, cfg.Interims, ""))
		if len(aps) > 1 && draw(rng, cfg.Roam) {
			to := (at + 1 + rng.IntN(len(aps)-1)) % len(aps)
			v.legs = append(v.legs, aps[to].leg(v.guest, rng, cfg.Interims, v.legs[0].multi))
		}
		last := &v.legs[len(v.legs)-1]
		last.open = last.ap == reboot && draw(rng, 50)
		visits[i] = v
	}
	return visits, reboot
}

// rebootsBefore is how many of the reboots lie before a round, evenly spread.
func rebootsBefore(cfg Config, round int) int {
	return (cfg.Reboots*round + cfg.Sessions - 1) / cfg.Sessions
}

func (ap *accessPoint) leg(g station, rng *rand.Rand, interims int, multi string) leg {
	ap.counter++
	l := leg{ap: ap, session: ap.vendor.session(ap, g.mac, ap.counter), interims: interims}
	if ap.vendor.multi {
		l.multi = multi
		if multi == "" {
			l.multi = fmt.Sprintf("%s-%d", bareUpper.of(g.mac), 1_684_000_000+rng.IntN(1_000_000))
		}
	}
	return l
}

// restart begins the session ids anew, as a reboot does.
func (ap *accessPoint) restart() {
	ap.boots++
	ap.counter = 0
}
