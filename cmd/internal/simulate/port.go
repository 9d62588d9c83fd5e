package simulate

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"layeh.com/radius"
)

// port is one UDP source port of a NAS, and the 256 Identifiers it may have open.
type port struct {
	conn   *net.UDPConn
	secret []byte
	done   chan struct{} // closed when the reader has ended

	mu    sync.Mutex
	next  byte
	slots [256]slot
	bad   map[string]int // replies that failed verification, by what was wrong
	stray int            // good replies to what nobody waits for any more
}

// slot is one Identifier. previous is the request that had it before: a late answer
// to that one is stray, not forged.
type slot struct {
	flight            *flight
	request, previous []byte
}

// flight is one request on its way, under every Identifier it has been sent with.
type flight struct {
	port    *port
	ids     []byte
	replies chan *radius.Packet // holds the first few; a NAS needs one
}

func dial(address string, secret []byte) (*port, error) {
	remote, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("server address %q: %w", address, err)
	}
	conn, err := net.DialUDP("udp", nil, remote)
	if err != nil {
		return nil, fmt.Errorf("open a port to %s: %w", address, err)
	}
	p := &port{conn: conn, secret: secret, done: make(chan struct{}), bad: map[string]int{}}
	go p.read()
	return p, nil
}

func (p *port) close() {
	_ = p.conn.Close() // nothing is buffered in a UDP socket of ours
	<-p.done
}

func (p *port) read() {
	defer close(p.done)
	buf := make([]byte, radius.MaxPacketLength+1)
	for {
		n, err := p.conn.Read(buf)
		switch {
		case err == nil:
			p.receive(buf[:n])
		case errors.Is(err, syscall.ECONNREFUSED):
			// Nobody listens just now: to a NAS that is one more lost packet.
		default:
			return
		}
	}
}

func (p *port) receive(reply []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(reply) < 20 {
		p.bad[errReplyMalformed.Error()]++
		return
	}
	s := &p.slots[reply[1]]
	if s.flight == nil {
		p.stray++
		return
	}
	answer, err := verify(reply, s.request, p.secret)
	if err != nil {
		if s.previous != nil {
			if _, late := verify(reply, s.previous, p.secret); late == nil {
				p.stray++
				return
			}
		}
		p.bad[err.Error()]++
		return
	}
	select {
	case s.flight.replies <- answer:
	default:
	}
}

func (p *port) begin() *flight {
	return &flight{port: p, replies: make(chan *radius.Packet, 4)}
}

// open takes the next free Identifier for this flight; false when all 256 are busy.
func (f *flight) open(encode func(id byte) ([]byte, error)) (wire []byte, ok bool, err error) {
	p := f.port
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 256 {
		id := p.next
		p.next++
		s := &p.slots[id]
		if s.flight != nil {
			continue
		}
		if wire, err = encode(id); err != nil {
			return nil, false, err
		}
		s.flight, s.previous, s.request = f, s.request, wire
		f.ids = append(f.ids, id)
		return wire, true, nil
	}
	return nil, false, nil
}

// end gives the Identifiers back.
func (f *flight) end() {
	f.port.mu.Lock()
	defer f.port.mu.Unlock()
	for _, id := range f.ids {
		f.port.slots[id].flight = nil
	}
}
