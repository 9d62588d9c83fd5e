package disconnect

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"tallygate/licensing"
)

// sockets are where requests leave and answers arrive: one for each family, with ports
// of the system's choice.
type sockets struct {
	v4, v6 *net.UDPConn // either may be nil
}

// openSockets binds to source; without one to every address, in each family that the
// system has.
func openSockets(source netip.Addr) (*sockets, error) {
	s := &sockets{}
	var err error
	if !source.IsValid() {
		s.v4, err = net.ListenUDP("udp4", nil)
		// Without IPv6 nobody can have a session there.
		s.v6, _ = net.ListenUDP("udp6", nil)
		if s.v6 != nil {
			err = nil
		}
	} else {
		at := net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		if source.Unmap().Is4() {
			s.v4, err = net.ListenUDP("udp4", at)
		} else {
			s.v6, err = net.ListenUDP("udp6", at)
		}
	}
	if err != nil {
		return nil, (&licensing.Error{Message: fmt.Sprintf("cannot open a socket for Disconnect-Requests: %v", err), Err: err}).
			WithHint("disconnect.source in the configuration must be an address of this machine, or empty")
	}
	return s, nil
}

func (s *sockets) all() (open []*net.UDPConn) {
	for _, c := range []*net.UDPConn{s.v4, s.v6} {
		if c != nil {
			open = append(open, c)
		}
	}
	return open
}

// serve reads until the sockets are closed.
func (s *sockets) serve(work *sync.WaitGroup, receive func(datagram []byte, from netip.AddrPort)) {
	for _, c := range s.all() {
		work.Go(func() {
			buffer := make([]byte, 4097)
			for {
				n, from, err := c.ReadFromUDPAddrPort(buffer)
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err != nil {
					continue // about one datagram
				}
				receive(buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
			}
		})
	}
}

// send sends a packet. UDP does not wait.
func (s *sockets) send(b []byte, to netip.AddrPort) error {
	c := s.v6
	if to.Addr().Is4() {
		c = s.v4
	}
	if c == nil {
		return fmt.Errorf("no socket of the address family of %s: %w", to.Addr(), net.ErrClosed)
	}
	_, err := c.WriteToUDPAddrPort(b, to)
	return err
}

func (s *sockets) close() {
	for _, c := range s.all() {
		_ = c.Close() // nothing is buffered
	}
}
