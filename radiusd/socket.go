package radiusd

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"tallygate/licensing"
)

// listener is which of the ports a packet came in on.
type listener uint8

const (
	authListener listener = iota
	acctListener
	radsecListener // takes every kind of request (RFC 6614 section 2.5)
	listeners
)

func (l listener) String() string { return [...]string{"auth", "acct", "radsec"}[l] }

// socket is one UDP socket with what belongs to it: its place in time (one reader,
// so that a source port's packets are handled in order) and its reply cache. A RadSec
// connection stands in one as well, with a link in place of file and raw.
type socket struct {
	listener listener
	link     *link // nil: UDP
	file     *os.File
	raw      syscall.RawConn // of file
	stopped  atomic.Bool     // nothing more is read
	address  netip.AddrPort
	received int // SO_RCVBUF that the kernel granted, in octets
	cache    *replyCache
	late     late
}

// late is what answers later than its request was read: records when they are
// committed, claims, delayed rejects. Several goroutines may, one at a time.
type late struct {
	mu   sync.Mutex
	out  outlet
	hash *hasher

	// of the trace
	event event
	pace  quota
}

// bind opens the sockets of one address: n of them, sharing the port if there are
// several. The kernel then gives all packets of one source port to the same one.
func bind(kind listener, address string, n, receiveBuffer int) ([]*socket, error) {
	network, err := networkOf(address)
	if err != nil {
		return nil, listenError(kind, address, err)
	}
	if n > 1 {
		// A shared port can be joined by another process of the same user, so a
		// second gateway would not fail but take half of the packets. Ask alone first.
		probe, err := open(kind, network, address, false, receiveBuffer)
		if err != nil {
			return nil, err
		}
		if err := probe.file.Close(); err != nil {
			return nil, listenError(kind, address, err)
		}
	}
	var group []*socket
	for range n {
		s, err := open(kind, network, address, n > 1, receiveBuffer)
		if err != nil {
			for _, s := range group {
				_ = s.file.Close() // nothing has been read from it
			}
			return nil, err
		}
		group = append(group, s)
		address = s.address.String() // port 0 was asked for once only
	}
	return group, nil
}

// networkOf picks the family. "0.0.0.0" means IPv4, though Go would open a socket of
// both families for it; "[::]" and an empty host mean both.
func networkOf(address string) (string, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil || ip.Is6() && ip.IsUnspecified():
		return "udp", nil
	case ip.Is4():
		return "udp4", nil
	}
	return "udp6", nil
}

func open(kind listener, network, address string, share bool, receiveBuffer int) (*socket, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(fd int) error {
			if !share {
				return nil
			}
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
	}}
	conn, err := config.ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, listenError(kind, address, err)
	}
	s := &socket{listener: kind, address: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	if s.file, err = detach(conn.(*net.UDPConn)); err != nil {
		return nil, listenError(kind, address, err)
	}
	if s.raw, err = s.file.SyscallConn(); err == nil {
		err = control(s.raw, func(fd int) error { return s.tune(fd, receiveBuffer) })
	}
	if err != nil {
		_ = s.file.Close() // nothing has been read from it
		return nil, listenError(kind, address, err)
	}
	return s, nil
}

// detach takes a socket out of the runtime's poller, which would hear of each datagram, also
// while its reader works and needs no waking: in a flood that is a thread woken, for nothing,
// on a processor that has better to do. Its reader waits in the kernel.
func detach(conn *net.UDPConn) (*os.File, error) {
	defer func() { _ = conn.Close() }() // the socket lives on in its duplicate
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	duplicate := -1
	err = control(raw, func(fd int) (err error) {
		if duplicate, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.SetNonblock(duplicate, false)
	})
	if duplicate < 0 {
		return nil, err
	}
	file := os.NewFile(uintptr(duplicate), conn.LocalAddr().String())
	if err != nil {
		_ = file.Close() // nothing has been read from it
	}
	return file, err
}

// stop wakes the reader, and lets it read nothing more. Answers can still be sent.
func (s *socket) stop() {
	s.stopped.Store(true)
	_ = control(s.raw, func(fd int) error {
		// ENOTCONN, since no peer is told; but whoever waits in the kernel is woken.
		return unix.Shutdown(fd, unix.SHUT_RD)
	})
}

// tune sets the options of a bound socket.
func (s *socket) tune(fd, receiveBuffer int) error {
	// A commit takes milliseconds, in which thousands of datagrams may come; the
	// usual default holds some 270. Beyond rmem_max only root may go.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return err
		}
	}
	doubled, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return err
	}
	s.received = doubled / 2 // socket(7): the kernel doubles what is set, for its own overhead
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1); err != nil {
		return err
	}
	if !s.address.Addr().IsUnspecified() {
		return nil // the answer leaves from the bound address by itself
	}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	if domain == unix.AF_INET {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1) // of IPv4 as well
}

// control runs f on a socket's descriptor.
func control(raw syscall.RawConn, f func(fd int) error) error {
	var err error
	if e := raw.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		return e
	}
	return err
}

// listenError says what to do about an address that cannot be listened on.
func listenError(kind listener, address string, err error) error {
	e := licensing.Errorf(licensing.CodeConflict, "cannot listen for RADIUS (%s) on %s: %w", kind, address, err)
	show, key, ports := "ss -lunp", kind.String(), "1812 and 1813"
	if kind == radsecListener {
		show, key, ports = "ss -ltnp", "radsec.listen", "2083"
	}
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return e.WithHint("another program holds this port, perhaps FreeRADIUS or a second gateway: `%s` shows it; stop it, or change radius.%s in the configuration", show, key)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return e.WithHint("this machine does not have the address: `ip address` lists those it has; correct radius.%s in the configuration", key)
	case errors.Is(err, unix.EACCES):
		return e.WithHint("ports below 1024 need the right to bind them: use %s, or give the service CAP_NET_BIND_SERVICE", ports)
	}
	return e.WithHint("radius.%s in the configuration takes addresses such as \"127.0.0.1:1812\" or \"[::]:1812\"", key)
}
