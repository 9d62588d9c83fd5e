package radiusd

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many datagrams one system call moves at most.
	batchSize = 64
	// bufferStride keeps buffers from beginning at the same offset of a page: they
	// would then all compete for the same few lines of the processor's first cache.
	bufferStride = maxPacket + 128
	// controlWords holds the control messages of one datagram: packet information and
	// the drop counter. Words, because the kernel's headers must be aligned.
	controlWords = 16
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

// route is where a datagram came from and which address it asked: what its answer
// needs to find back.
type route struct {
	peer     unix.RawSockaddrInet6 // as the kernel gave it; an IPv4 one lies in its beginning
	peerSize uint32
	asked    [16]byte // the local address; IPv4 in the first four octets
	device   uint32   // interface, for link-local addresses
	family   uint8    // of asked: unix.AF_INET, unix.AF_INET6; 0: the socket is bound to one address
}

// source is the peer's address, unmapped and without zone, and port.
func (r *route) source() netip.AddrPort { return sourceOf(&r.peer) }

func sourceOf(peer *unix.RawSockaddrInet6) netip.AddrPort {
	// The port is in network order, and at the same place in both families.
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&peer.Port))[:])
	if peer.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(peer)).Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(peer.Addr).Unmap(), port)
}

// key is the request's key in the reply cache.
func (r *route) key(source netip.AddrPort, identifier byte) replyKey {
	k := replyKey{source: source.Addr().As16(), asked: r.asked, port: source.Port(), identifier: identifier}
	if r.peer.Family == unix.AF_INET6 {
		k.scope = r.peer.Scope_id
	}
	return k
}

// receiver takes datagrams off a socket, a batch at a time, into buffers that it
// keeps. Every pointer that the kernel gets is set once, here.
type receiver struct {
	raw      syscall.RawConn
	stopped  *atomic.Bool
	messages [batchSize]mmsghdr
	vectors  [batchSize]unix.Iovec
	peers    [batchSize]unix.RawSockaddrInet6
	controls [batchSize][controlWords]uint64
	buffers  []byte
	read     func(fd uintptr) bool // receive, as RawConn wants it
	n        int
	errno    syscall.Errno
}

func newReceiver(raw syscall.RawConn, stopped *atomic.Bool) *receiver {
	r := &receiver{raw: raw, stopped: stopped, buffers: make([]byte, batchSize*bufferStride)}
	r.read = r.recvmmsg
	for i := range batchSize {
		r.vectors[i].Base = &r.buffers[i*bufferStride]
		r.vectors[i].SetLen(maxPacket)
		h := &r.messages[i].header
		h.Name = (*byte)(unsafe.Pointer(&r.peers[i]))
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Control = (*byte)(unsafe.Pointer(&r.controls[i]))
	}
	return r
}

// receive waits for datagrams and returns how many came. The error is that of a
// stopped or closed socket; a fault of a single read is not one.
func (r *receiver) receive() (int, error) {
	for {
		for i := range batchSize {
			h := &r.messages[i].header
			h.Namelen = uint32(unsafe.Sizeof(r.peers[i]))
			h.SetControllen(8 * controlWords)
			h.Flags = 0
		}
		if err := r.raw.Read(r.read); err != nil {
			return 0, err
		}
		switch {
		case r.stopped.Load():
			return 0, net.ErrClosed
		case r.errno == 0:
			return r.n, nil
		case errors.Is(r.errno, unix.EBADF), errors.Is(r.errno, unix.ENOTSOCK):
			return 0, r.errno
		}
		// What else the kernel reports here belongs to an earlier answer (ICMP) or
		// passes (ENOMEM); the next datagram is not to blame.
	}
}

// recvmmsg takes what lies there, of which the scheduler need not know, else it waits in the
// kernel for the next to come.
func (r *receiver) recvmmsg(fd uintptr) bool {
	messages := uintptr(unsafe.Pointer(&r.messages))
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, fd, messages, batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno == unix.EAGAIN {
		n, _, errno = syscall.Syscall6(unix.SYS_RECVMMSG, fd, messages, batchSize, unix.MSG_WAITFORONE, 0, 0)
	}
	r.n, r.errno = int(n), errno
	return true
}

// datagram is the i-th of the batch. truncated: it was longer than any packet may be.
func (r *receiver) datagram(i int) (b []byte, truncated bool) {
	m := &r.messages[i]
	return r.buffers[i*bufferStride:][:m.length:maxPacket], m.header.Flags&unix.MSG_TRUNC != 0
}

// source is where the i-th datagram came from.
func (r *receiver) source(i int) netip.AddrPort { return sourceOf(&r.peers[i]) }

// route fills in where the i-th datagram came from, and returns how many datagrams
// the kernel had dropped on this socket by then (SO_RXQ_OVFL), if it said so.
func (r *receiver) route(i int, to *route) (dropped uint32, counted bool) {
	h := &r.messages[i].header
	*to = route{peer: r.peers[i], peerSize: h.Namelen}
	control := unsafe.Slice(h.Control, int(h.Controllen))
	for len(control) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		control = rest
		switch {
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			dropped, counted = *(*uint32)(unsafe.Pointer(&data[0])), true
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
			copy(to.asked[:], info.Spec_dst[:])
			to.family = unix.AF_INET
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			to.asked, to.family = info.Addr, unix.AF_INET6
			if netip.AddrFrom16(info.Addr).IsLinkLocalUnicast() {
				to.device = info.Ifindex
			}
		}
	}
	return dropped, counted
}
