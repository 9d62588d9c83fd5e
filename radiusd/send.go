package radiusd

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// outlet is where answers go: the sender of a UDP socket, or a RadSec connection. An
// answer is written to buffer, added by queue, and on its way after flush. None of them
// waits for the peer. Not for concurrent use.
type outlet interface {
	buffer() []byte // stays the same until queue
	queue(to *route, answer []byte)
	flush()
}

// sender collects answers and hands them to the kernel a batch at a time. It never
// waits: an answer that the kernel does not take at once is counted and left to the
// reply cache, which has it for the client's next try. Not for concurrent use.
//
// Answers of one length to one peer go as one message, which the kernel cuts up again
// behind most of its work (UDP_SEGMENT): a controller asks for many guests from one port.
type sender struct {
	raw      syscall.RawConn
	count    *listenerMetrics
	buffers  []byte
	sizes    [batchSize]int
	routes   [batchSize]route
	queued   int
	signing  signing
	panicked func(fault any) // signing broke

	plain    bool // the kernel cannot cut messages up
	trains   [batchSize]train
	coupled  int
	of       [batchSize]uint8 // the train of each answer
	latest   [batchSize]uint8 // of a peer's port: its latest train, and one
	messages [batchSize]mmsghdr
	vectors  [batchSize]unix.Iovec
	controls [batchSize][controlWords]uint64

	write func(fd uintptr) bool // sendmmsg, as RawConn wants it
	done  int                   // trains that the kernel has, or that were given up
	taken int                   // by the last call
	errno syscall.Errno
}

// train is answers of one length to one peer, in their order.
type train struct {
	head, cars, first int // first answer; how many; where their vectors begin
}

// A train must fit into one datagram of the largest size, a car into any link.
const (
	longestTrain = 65000
	longestCar   = 1200
)

func newSender(raw syscall.RawConn, count *listenerMetrics, h *hasher, panicked func(fault any)) *sender {
	s := &sender{raw: raw, count: count, buffers: make([]byte, batchSize*bufferStride), signing: signing{hash: h}, panicked: panicked}
	s.write = s.sendmmsg
	s.plain = control(raw, func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 0) }) != nil
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
	s.sizes[s.queued] = len(answer)
	s.routes[s.queued] = *to
	s.queued++
}

// couple makes trains of the answers that are queued. The answers to one peer keep their
// order: only its latest train takes more.
func (s *sender) couple() {
	s.coupled, s.latest = 0, [batchSize]uint8{}
	for i := range s.queued {
		slot := &s.latest[s.routes[i].peer.Port>>8%batchSize] // network order: the port's lower octet
		if t := int(*slot) - 1; t >= 0 && s.fits(&s.trains[t], i) {
			s.of[i] = uint8(t)
			s.trains[t].cars++
			continue
		}
		s.trains[s.coupled] = train{head: i, cars: 1}
		s.of[i] = uint8(s.coupled)
		s.coupled++
		*slot = uint8(s.coupled)
	}
	first := 0
	for t := range s.coupled {
		s.trains[t].first = first
		first += s.trains[t].cars
		s.address(t)
		s.trains[t].cars = 0 // counted again
	}
	for i := range s.queued {
		t := &s.trains[s.of[i]]
		v := &s.vectors[t.first+t.cars]
		v.Base = &s.buffers[i*bufferStride]
		v.SetLen(s.sizes[i])
		t.cars++
	}
}

func (s *sender) fits(t *train, i int) bool {
	size := s.sizes[i]
	if s.routes[i].peer.Port == 0 {
		return false // it is refused in the same words as a train
	}
	return !s.plain && size <= longestCar && size == s.sizes[t.head] && (t.cars+1)*size <= longestTrain && s.routes[i] == s.routes[t.head]
}

// address fills in where train t goes, and from where. It leaves from the address that
// was asked: a client drops what comes from another one, and a host of many addresses
// would choose by its routes.
func (s *sender) address(t int) {
	tr := &s.trains[t]
	to := &s.routes[tr.head]
	h := &s.messages[t].header
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(&to.peer)), to.peerSize
	h.Iov = &s.vectors[tr.first]
	h.SetIovlen(tr.cars)
	space := 0
	add := func(level, kind int32, size int) unsafe.Pointer {
		at := unsafe.Add(unsafe.Pointer(&s.controls[t]), space)
		header := (*unix.Cmsghdr)(at)
		header.Level, header.Type = level, kind
		header.SetLen(unix.CmsgLen(size))
		space += unix.CmsgSpace(size)
		return unsafe.Add(at, unix.CmsgLen(0))
	}
	switch to.family {
	case unix.AF_INET:
		*(*unix.Inet4Pktinfo)(add(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)) = unix.Inet4Pktinfo{Spec_dst: [4]byte(to.asked[:4])}
	case unix.AF_INET6:
		*(*unix.Inet6Pktinfo)(add(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)) = unix.Inet6Pktinfo{Addr: to.asked, Ifindex: to.device}
	}
	if tr.cars > 1 {
		*(*uint16)(add(unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2)) = uint16(s.sizes[tr.head])
	}
	h.Control = nil
	if space > 0 {
		h.Control = (*byte)(unsafe.Pointer(&s.controls[t]))
	}
	h.SetControllen(space)
}

// flush sends all that is queued.
func (s *sender) flush() {
	s.seal()
	s.couple()
	for s.done = 0; s.done < s.coupled; {
		s.taken, s.errno = 0, 0
		if err := s.raw.Write(s.write); err != nil { // closed
			s.giveUp(s.coupled)
			break
		}
		for _, t := range s.trains[s.done : s.done+s.taken] {
			for _, v := range s.vectors[t.first : t.first+t.cars] {
				s.count.response(code(*v.Base))
			}
		}
		s.done += s.taken
		switch {
		case s.taken > 0 || s.errno == unix.EINTR:
		case s.errno == unix.EAGAIN, s.errno == unix.ENOBUFS:
			s.giveUp(s.coupled)
		case s.trains[s.done].cars > 1 && (s.errno == unix.EIO || s.errno == unix.EINVAL): // this device cannot do it
			s.uncouple()
		default: // to this peer nothing can be sent (no route, say); to the others it can
			s.giveUp(s.done + 1)
		}
	}
	s.queued = 0
}

// giveUp leaves the trains up to one to the reply cache.
func (s *sender) giveUp(upTo int) {
	for ; s.done < upTo; s.done++ {
		s.count.refused(s.trains[s.done].cars)
	}
}

// uncouple makes single answers of what was not sent yet, now and ever after.
func (s *sender) uncouple() {
	s.plain = true
	s.keep(func(i int) bool { return int(s.of[i]) >= s.done })
	s.done = 0
	s.couple()
}

// keep takes all other answers out of the queue.
func (s *sender) keep(wanted func(i int) bool) {
	left := 0
	for i := range s.queued {
		if !wanted(i) {
			continue
		}
		if left != i {
			copy(s.buffers[left*bufferStride:], s.answer(i))
			s.sizes[left], s.routes[left] = s.sizes[i], s.routes[i]
		}
		left++
	}
	s.queued = left
}

// answer is the i-th that is queued.
func (s *sender) answer(i int) []byte { return s.buffers[i*bufferStride:][:s.sizes[i]] }

// sendmmsg does not block (MSG_DONTWAIT), so the scheduler need not know of it.
func (s *sender) sendmmsg(fd uintptr) bool {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.messages[s.done])), uintptr(s.coupled-s.done), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		s.errno = errno
		return true
	}
	s.taken = int(n)
	return true
}
