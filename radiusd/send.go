package radiusd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sender collects answers and hands them to the kernel a batch at a time. It never
// waits: an answer that the kernel does not take at once is counted and left to the
// reply cache, which has it for the client's next try. Not for concurrent use.
type sender struct {
	raw      syscall.RawConn
	count    *listenerMetrics
	messages [batchSize]mmsghdr
	vectors  [batchSize]unix.Iovec
	peers    [batchSize]unix.RawSockaddrInet6
	controls [batchSize][controlWords]uint64
	buffers  []byte
	write    func(fd uintptr) bool // sendmmsg, as RawConn wants it
	queued   int
	done     int // of queued, by the kernel
	taken    int // by the last call
	errno    syscall.Errno
}

func newSender(raw syscall.RawConn, count *listenerMetrics) *sender {
	s := &sender{raw: raw, count: count, buffers: make([]byte, batchSize*bufferStride)}
	s.write = s.sendmmsg
	for i := range batchSize {
		s.vectors[i].Base = &s.buffers[i*bufferStride]
		h := &s.messages[i].header
		h.Name = (*byte)(unsafe.Pointer(&s.peers[i]))
		h.Iov = &s.vectors[i]
		h.SetIovlen(1)
	}
	return s
}

// buffer is where the next answer is to be written. It stays the same until queue.
func (s *sender) buffer() []byte {
	if s.queued == batchSize {
		s.flush()
	}
	return s.buffers[s.queued*bufferStride:][:0:maxPacket]
}

// queue adds the answer that was written to buffer.
func (s *sender) queue(to *route, answer []byte) {
	i := s.queued
	s.vectors[i].SetLen(len(answer))
	s.peers[i] = to.peer
	h := &s.messages[i].header
	h.Namelen = to.peerSize
	s.answerFrom(i, to)
	s.queued++
}

// answerFrom makes the i-th answer leave from the address that was asked. A client
// drops what comes from another one, and a host of many addresses would choose by
// its routes.
func (s *sender) answerFrom(i int, to *route) {
	h := &s.messages[i].header
	control := &s.controls[i]
	header := (*unix.Cmsghdr)(unsafe.Pointer(control))
	data := unsafe.Add(unsafe.Pointer(control), unix.CmsgLen(0))
	switch to.family {
	case unix.AF_INET:
		header.Level, header.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		header.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
		*(*unix.Inet4Pktinfo)(data) = unix.Inet4Pktinfo{Spec_dst: [4]byte(to.asked[:4])}
		h.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	case unix.AF_INET6:
		header.Level, header.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
		header.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
		*(*unix.Inet6Pktinfo)(data) = unix.Inet6Pktinfo{Addr: to.asked, Ifindex: to.device}
		h.SetControllen(unix.CmsgSpace(unix.SizeofInet6Pktinfo))
	default:
		h.Control = nil
		h.SetControllen(0)
		return
	}
	h.Control = (*byte)(unsafe.Pointer(control))
}

// flush sends all that is queued.
func (s *sender) flush() {
	for s.done = 0; s.done < s.queued; {
		s.taken, s.errno = 0, 0
		if err := s.raw.Write(s.write); err != nil { // closed
			s.count.refused(s.queued - s.done)
			break
		}
		for i := s.done; i < s.done+s.taken; i++ {
			s.count.response(code(s.buffers[i*bufferStride]))
		}
		s.done += s.taken
		switch {
		case s.taken > 0 || s.errno == unix.EINTR:
		case s.errno == unix.EAGAIN, s.errno == unix.ENOBUFS:
			s.count.refused(s.queued - s.done)
			s.done = s.queued
		default: // this one cannot be sent (no route, say); the others can
			s.count.refused(1)
			s.done++
		}
	}
	s.queued = 0
}

func (s *sender) sendmmsg(fd uintptr) bool {
	n, _, errno := syscall.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.messages[s.done])), uintptr(s.queued-s.done), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		s.errno = errno
		return true
	}
	s.taken = int(n)
	return true
}
