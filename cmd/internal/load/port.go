package load

import (
	"crypto/md5"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// port is one UDP source port of a NAS: 256 Identifiers.
type port struct {
	side        *side
	fd          int
	number      uint64 // within the side
	sent        uint64 // requests begun
	outstanding int
	slots       [256]slot
	held        [][]byte // datagrams that a later one is to overtake
}

// slot is one Identifier.
type slot struct {
	busy     bool
	tries    int
	index    uint64 // of the request
	began    int64  // when it was due or first sent; nanoseconds since the run's base
	deadline int64  // when it is sent again, or given up
	wire     []byte // in the deck, or own
	own      []byte // buffer for a request that is not in the deck
	current  asked
	past     [3]asked // the requests before, latest first: an answer to one of them is late, not forged
}

// asked is a request as its answer knows it.
type asked struct {
	authenticator [md5.Size]byte
	answered      bool
}

// dial opens a socket that is connected to the server, so that it hears nobody else.
func dial(address string) (int, error) {
	remote, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return -1, fmt.Errorf("server address %q: %w", address, err)
	}
	family, to := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: remote.Port, Addr: [16]byte(remote.IP.To16())})
	if ip := remote.IP.To4(); ip != nil {
		family, to = unix.AF_INET, &unix.SockaddrInet4{Port: remote.Port, Addr: [4]byte(ip)}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open a port: %w", err)
	}
	if err := unix.Connect(fd, to); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("open a port to %s: %w", address, err)
	}
	return fd, nil
}

// free finds an Identifier for the next request: the preferred one, else the next that is
// free. The window sees to it that there is one.
func (p *port) free(preferred byte) byte {
	for p.slots[preferred].busy {
		preferred++
	}
	return preferred
}

// begin takes a slot for the port's next request.
func (p *port) begin(now, timeout int64) *slot {
	d := p.side.deck
	i := p.index(p.sent)
	id := p.free(d.preferred(i))
	s := &p.slots[id]
	wire, ok := d.prepared(i, id)
	if !ok {
		s.own = d.write(s.own[:0], i, id)
		wire = s.own
	}
	s.busy, s.tries, s.index, s.wire, s.deadline = true, 1, i, wire, now+timeout
	s.past = [3]asked{s.current, s.past[0], s.past[1]}
	s.current = asked{authenticator: [md5.Size]byte(wire[offAuthenticator:])}
	p.sent++
	p.outstanding++
	p.side.begun++
	p.side.outstanding++
	return s
}

// index is the number, within the side, of the port's n-th request: the ports take turns.
func (p *port) index(n uint64) uint64 { return n*uint64(len(p.side.ports)) + p.number }

// fate is what a good reply is to its request.
type fate uint8

const (
	awaited  fate = iota // its answer
	late                 // its answer, after it was given up
	repeated             // one more answer
)

// match judges a reply, unless that is done already. The slot is that of the request, if its answer is awaited.
func (p *port) match(reply []byte, known judgement) (s *slot, what fate, verdict Verdict, signed bool) {
	if len(reply) < offAttributes {
		return nil, 0, Malformed, false
	}
	s = &p.slots[reply[1]]
	e := p.side.deck.encoder
	of := &s.current
	if known.good {
		verdict, signed = Good, known.signed
	} else {
		verdict, signed = e.verify(reply, e.code(), &of.authenticator)
	}
	for i := 0; verdict == BadAuthenticator && i < len(s.past); i++ {
		of = &s.past[i]
		if v, _ := e.verify(reply, e.code(), &of.authenticator); v != BadAuthenticator {
			verdict = v
		}
	}
	if verdict != Good {
		return nil, 0, verdict, signed
	}
	switch {
	case of.answered:
		return nil, repeated, Good, signed
	case of == &s.current && s.busy:
		what = awaited
	default:
		what = late
	}
	of.answered = true
	return s, what, Good, signed
}

// end gives a slot back.
func (p *port) end(s *slot) {
	s.busy = false
	p.outstanding--
	p.side.outstanding--
}
