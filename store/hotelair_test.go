package store

import (
	"slices"
	"time"

	"tallygate/macwatch"
)

// transmit gives a record its time, and leaves it to the network.
func (h *hotel) transmit(p *packet) {
	now := h.begin.Add(time.Duration(h.now) * time.Second)
	clock := map[string]time.Time{
		"true": now, "slow": now.Add(-2 * time.Hour), "tomorrow": now.Add(20 * time.Hour),
		"2008": time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(h.now) * time.Second),
	}
	if at, ok := clock[p.ap.stamp]; ok {
		p.record.HasEventTimestamp, p.record.EventTimestamp = true, uint32(at.Unix())
	}
	p.sent, p.at = h.now, h.now
	u := p.use
	first := u != nil && (p.record.Status == macwatch.StatusStart || u.startLost && u.reports < 2)
	switch ap := p.ap; {
	case p.record.Status == macwatch.StatusInterim && !first && u.reports%3 == 2 && h.chance(15):
		return // lost, never two of them in a row
	case ap.delays && u != nil && !first && h.chance(8):
		p.at += h.between(20, 700) // repeated until it was answered
	case ap.delays:
		p.at += h.between(0, 2)
	}
	p.of = p
	h.fly(p)
	if p.ap.delays && h.chance(10) {
		again := *p
		again.at += h.between(1, 300)
		h.fly(&again)
	}
}

func (h *hotel) fly(p *packet) {
	h.seq++
	p.seq = h.seq
	h.put(p)
}

// put lets it arrive when the access point reaches the gateway. Who does not tell the age
// of what it repeats gives up.
func (h *hotel) put(p *packet) {
	if p.at < p.ap.cut {
		if !p.ap.delays {
			return
		}
		p.at = p.ap.cut
	}
	h.air = append(h.air, p)
}

// arriving takes out of the air what arrives up to a moment, in order.
func (h *hotel) arriving(until int) (out []*packet) {
	h.air = slices.DeleteFunc(h.air, func(p *packet) bool {
		if p.at <= until {
			out = append(out, p)
			return true
		}
		return false
	})
	slices.SortFunc(out, func(a, b *packet) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return a.seq - b.seq
	})
	return out
}

// hold keeps what arrives while nobody answers: who tells the age of what it repeats goes
// on until it is answered, the others give up.
func (h *hotel) hold(unanswered []*packet, until int) {
	for _, p := range unanswered {
		if p.ap.delays {
			p.at = until
			h.air = append(h.air, p)
		}
	}
}

// arrives makes the record as it arrives.
func (h *hotel) arrives(p *packet) *macwatch.Record {
	r := p.record
	r.Arrival = h.begin.Add(time.Duration(p.at) * time.Second)
	if p.ap.delays {
		r.Delay = uint32(p.at - p.sent)
	}
	return &r
}

// believed is how far the event times of an access point are off.
func (ap *hotelAP) believed() time.Duration {
	if ap.stamp == "slow" {
		return -2 * time.Hour
	}
	return 0
}
