package radiusd

import (
	"bytes"
	"net/netip"
	"syscall"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// sink stands for a socket's kernel side: it takes every answer of a sender.
type sink struct {
	out     *sender
	keep    bool
	answers [][]byte
}

var _ syscall.RawConn = (*sink)(nil)

func (s *sink) Control(func(uintptr)) error   { return nil }
func (s *sink) Read(func(uintptr) bool) error { return unix.EBADF }

func (s *sink) Write(func(uintptr) bool) error {
	for i := s.out.done; s.keep && i < s.out.queued; i++ {
		s.answers = append(s.answers, bytes.Clone(s.out.buffers[i*bufferStride:][:s.out.vectors[i].Len]))
	}
	s.out.taken = s.out.queued - s.out.done
	return nil
}

// offlineReader is a reader without a network: what one goroutine does to packets,
// for benchmarks and fuzzing.
type offlineReader struct {
	*reader
	sender    *sender // the reader's out
	now, late *sink
}

func (g *gateway) offline(l listener) *offlineReader {
	if g.Server == nil {
		o, err := g.options.withDefaults()
		require.NoError(g.t, err)
		g.Server, err = newServer(o)
		require.NoError(g.t, err)
		g.Server.Publish(g.snapshot())
	}
	s := &socket{listener: l, raw: &sink{}, address: netip.MustParseAddrPort("127.0.0.1:1812")}
	g.attach(s)
	r := newReader(g.Server, s)
	now, late := r.out.(*sender), s.late.out.(*sender)
	o := &offlineReader{r, now, &sink{out: now}, &sink{out: late}}
	now.raw, late.raw = o.now, o.late
	r.from = routeOf(netip.MustParseAddrPort("127.0.0.1:50000"))
	r.begin()
	return o
}

// answers serves a datagram and returns what is sent for it, now and later.
func (r *offlineReader) answers(datagram []byte) [][]byte {
	r.now.keep, r.late.keep = true, true
	r.now.answers, r.late.answers = nil, nil
	r.serve(datagram, false)
	r.submit()
	r.out.flush()
	return append(r.now.answers, r.late.answers...)
}

// routeOf is the route of a datagram from an IPv4 address.
func routeOf(source netip.AddrPort) route {
	var to route
	to.peer.Family = unix.AF_INET
	to.peer.Port = source.Port()<<8 | source.Port()>>8
	a := source.Addr().As4()
	to.peer.Flowinfo = uint32(a[0]) | uint32(a[1])<<8 | uint32(a[2])<<16 | uint32(a[3])<<24
	to.peerSize = unix.SizeofSockaddrInet4
	return to
}
