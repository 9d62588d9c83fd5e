package radiusd

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tallygate/licensing"
)

const (
	// linkReplies is how many places the reply cache of a connection has: one for each
	// Identifier. It also bounds what one peer may have unanswered.
	linkReplies = 256
	// linkReadBuffer holds two packets of any size, so that a whole one can be looked at
	// in place.
	linkReadBuffer = 2 * maxPacket
	// linkWriteBuffer is how much may wait for a peer that reads slowly: twice what the
	// answers to all its Identifiers usually take.
	linkWriteBuffer = 2 * linkReplies * smallReply
)

// link is one RadSec connection (RFC 6614). One goroutine reads it, like a reader its
// socket; another writes, so that nobody who answers ever waits for the peer.
type link struct {
	radsec *radsec
	conn   *tls.Conn
	socket *socket
	source netip.AddrPort
	peer   peerCertificate
	id     int64 // of the client when it came
	name   string

	ending atomic.Bool // nothing more is read

	// of the reader: who the peer is, by the latest Snapshot
	view  *view
	known *client

	mu      sync.Mutex
	waiting []byte // answers to be written
	spare   []byte
	over    bool // no answer is taken any more; what waits is written, then comes the end
	wake    chan struct{}
	written chan struct{} // closed when the writer has ended, and the connection with it
}

func newLink(r *radsec, conn *tls.Conn, source netip.AddrPort, peer peerCertificate, c *client) *link {
	l := &link{
		radsec: r, conn: conn, source: source, peer: peer, id: c.ID, name: c.Name,
		wake: make(chan struct{}, 1), written: make(chan struct{}),
	}
	count := &r.server.metrics.listeners[radsecListener]
	l.socket = &socket{listener: radsecListener, link: l, cache: newReplyCache(linkReplies, linkReplies/4)}
	l.socket.late.out = &linkOutlet{link: l, count: count}
	l.socket.late.hash = newHasher(r.server.options.ClassKey)
	return l
}

// client is who the peer is by this view; nil when its client is gone, or no longer to
// come from there.
func (l *link) client(v *view) *client {
	if l.view != v {
		l.view, l.known = v, v.radsec.find(&l.peer)
		if l.known != nil && !l.known.mayComeFrom(l.source.Addr()) {
			l.known = nil
		}
	}
	return l.known
}

// read serves the connection until it ends. What came with one read is one batch.
func (l *link) read() (why string) {
	r := newReaderOf(l.radsec.server, l.socket)
	r.out = &linkOutlet{link: l, count: r.count}
	r.from = routeToPeer(l.source)
	in := bufio.NewReaderSize(l.conn, linkReadBuffer)
	for {
		frame, err := l.next(in)
		if err != nil {
			return l.failed(r, in, err)
		}
		r.begin()
		reason := licensing.ReasonNone
		for n := 1; frame != nil; n++ {
			if reason = r.serve(frame, false); closes(reason) {
				break
			}
			_, _ = in.Discard(len(frame)) // it lies there
			if frame = nil; n < batchSize && hasFrame(in) {
				frame, _ = nextFrame(in)
			}
		}
		taken := l.submit(r)
		r.out.flush()
		switch {
		case closes(reason):
			return reason.String()
		case !taken:
			return licensing.ReasonOverload.String()
		}
	}
}

// next waits for a packet: long for its first octet, and not long for the rest.
func (l *link) next(in *bufio.Reader) ([]byte, error) {
	if in.Buffered() == 0 {
		if err := l.expect(in, 1, l.radsec.idle); err != nil {
			return nil, err
		}
	}
	if !hasFrame(in) {
		if err := l.allow(l.radsec.patience); err != nil {
			return nil, err
		}
	}
	return nextFrame(in)
}

// allow gives the next read so much time, but none when the connection is to end.
func (l *link) allow(within time.Duration) error {
	if err := l.radsec.deadline(l.conn, within); err != nil {
		return err
	}
	if l.ending.Load() { // after the deadline was set, not before: see end
		return net.ErrClosed
	}
	return nil
}

// end wakes the reader, and lets it read nothing more.
func (l *link) end() {
	l.ending.Store(true)
	_ = l.conn.SetReadDeadline(time.Unix(1, 0))
}

// failed says why there is no further packet.
func (l *link) failed(r *reader, in *bufio.Reader, err error) (why string) {
	switch {
	case errors.Is(err, defectLength):
		head, _ := in.Peek(4) // its Length is what was wrong
		r.count.request(head)
		r.client, r.ticket = l.client(l.radsec.server.view.Load()), ticket{}
		r.server.drop(&r.request, licensing.ReasonMalformed, err)
		return licensing.ReasonMalformed.String()
	case errors.Is(err, net.ErrClosed), l.ending.Load():
		return "the gateway ended it"
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return "the peer ended it"
	case in.Buffered() > 0:
		return "the peer did not finish a packet"
	}
	return "it was idle"
}

func (l *link) expect(in *bufio.Reader, octets int, within time.Duration) error {
	if err := l.allow(within); err != nil {
		return err
	}
	_, err := in.Peek(octets)
	return err
}

// submit hands the batch's records over. Over TCP a refused record would be lost: its
// sender must not repeat it on this connection (RFC 6613 section 2.6.1). So the reader
// waits for room, and the peer with it; false: there is none, and the connection must
// end, so that the peer may repeat on another.
func (l *link) submit(r *reader) bool {
	const tries = 8 // other connections want the room as well
	s := r.server
	for range tries {
		n := len(r.records)
		if n == 0 {
			return true
		}
		s.inflight.add(n)
		taken := s.options.Journal.Append(r.records)
		s.inflight.done(n - taken)
		left := copy(r.records, r.records[taken:])
		clear(r.records[left:])
		if r.records = r.records[:left]; left > 0 {
			r.out.flush()
			s.options.Journal.AwaitRoom()
		}
	}
	r.submit()
	return false
}

// closes reports whether a dropped packet ends its connection (RFC 6613 section 2.6.4).
// A code that is not served does not: the stream is in order.
func closes(r licensing.Reason) bool {
	switch r {
	case licensing.ReasonMalformed, licensing.ReasonBadAuthenticator, licensing.ReasonMissingMessageAuthenticator, licensing.ReasonUnknownClient:
		return true
	default:
		return false
	}
}

// nextFrame waits for a packet by the Length field and shows it where it lies; Discard
// takes it away. The error is defectLength when no packet is that long.
func nextFrame(in *bufio.Reader) ([]byte, error) {
	head, err := in.Peek(4)
	if err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	if length < headerSize || length > maxPacket {
		return nil, defectLength
	}
	return in.Peek(length)
}

// hasFrame reports whether nextFrame will not wait, nor fail.
func hasFrame(in *bufio.Reader) bool {
	n := in.Buffered()
	if n < headerSize {
		return false
	}
	head, _ := in.Peek(4) // it is there
	length := int(binary.BigEndian.Uint16(head[2:]))
	return headerSize <= length && length <= n
}

// routeToPeer is where answers to a connection's peer go: log lines and records want it.
func routeToPeer(peer netip.AddrPort) route {
	to := route{peerSize: unix.SizeofSockaddrInet6}
	to.peer.Family = unix.AF_INET6
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.peer.Port))[:], peer.Port())
	to.peer.Addr = peer.Addr().As16()
	return to
}
