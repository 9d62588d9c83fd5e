package disconnect

import "time"

// pace spreads packets out: so many a second, with a burst of a tenth of that after
// quiet times. The zero time of next means that one may go now.
type pace struct {
	interval time.Duration
	burst    time.Duration
	next     time.Time // when the next one would be due without a burst
}

func newPace(rate int) pace {
	return pace{interval: time.Second / time.Duration(rate), burst: time.Second / 10}
}

// ready is when the next packet may go: now, or later.
func (p *pace) ready(now time.Time) time.Time {
	if at := p.next.Add(-p.burst); at.After(now) {
		return at
	}
	return now
}

// took notes that one has gone.
func (p *pace) took(now time.Time) {
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(p.interval)
}
