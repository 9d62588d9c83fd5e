package load

import (
	"fmt"
	"slices"
)

// fill begins the requests that a port may send now.
func (r *run) fill(p *port, now int64) error {
	for r.open && p.outstanding < r.cfg.Window && p.mayBegin() {
		began := now
		if r.cfg.Rate > 0 {
			if began = r.dueAt(r.turn(p)); began > now {
				break
			}
		}
		s := p.begin(now, int64(r.cfg.Timeout))
		s.began = began
		if err := r.post(p, s.wire); err != nil {
			return err
		}
	}
	return r.flush(p)
}

// turn is the place of the port's next request among those of all ports.
func (r *run) turn(p *port) uint64 {
	rank := p.number*uint64(len(r.sides)) + p.side.rank
	return (p.sent/r.burst*uint64(len(r.ports))+rank)*r.burst + p.sent%r.burst
}

// whose is the port whose turn it is.
func (r *run) whose(turn uint64) *port {
	return r.ports[turn/r.burst%uint64(len(r.ports))]
}

// repeat sends again what has waited too long, and gives up what was sent often enough.
func (r *run) repeat(p *port, now int64) error {
	if p.outstanding == 0 {
		return r.release(p)
	}
	for i := range p.slots {
		s := &p.slots[i]
		switch {
		case !s.busy || now < s.deadline:
		case s.tries > r.cfg.Retries:
			p.side.report.Timeouts++
			p.end(s)
		default:
			s.tries++
			s.deadline = now + int64(r.cfg.Timeout)
			p.side.report.Retransmissions++
			if err := r.post(p, s.wire); err != nil {
				return err
			}
		}
	}
	return r.release(p)
}

// post hands a datagram to the network, such as it is.
func (r *run) post(p *port, wire []byte) error {
	report := &p.side.report
	if r.mishaps.strikes(r.cfg.Loss) {
		report.Lost++
		return nil
	}
	if r.mishaps.strikes(r.cfg.Duplicate) {
		report.Duplicated++
		if err := r.put(p, wire); err != nil {
			return err
		}
	}
	if r.mishaps.strikes(r.cfg.Reorder) {
		report.Reordered++
		p.held = append(p.held, slices.Clone(wire)) // the slot may have another request by then
		return nil
	}
	if err := r.put(p, wire); err != nil {
		return err
	}
	return r.putHeld(p)
}

func (r *run) put(p *port, wire []byte) error {
	r.net.Put(r.queued, wire)
	if r.queued++; r.queued == r.net.Len() {
		return r.flush(p)
	}
	return nil
}

// putHeld lets those go that were overtaken.
func (r *run) putHeld(p *port) error {
	held := p.held
	p.held = nil
	for _, wire := range held {
		if err := r.put(p, wire); err != nil {
			return err
		}
	}
	return nil
}

// release sends everything, also what nothing has overtaken.
func (r *run) release(p *port) error {
	if err := r.putHeld(p); err != nil {
		return err
	}
	return r.flush(p)
}

func (r *run) flush(p *port) error {
	n := r.queued
	r.queued = 0
	refused, err := r.net.Send(p.fd, n)
	p.side.report.Refused += uint64(refused)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
