package mmsg

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Limits of a train: datagrams of one length in a row that pass most of the kernel as one
// message (UDP_SEGMENT, UDP_GRO). They are datagrams of their own wherever they arrive.
const (
	longestTrain = 65_000 // octets
	mostCars     = 64
	longestCar   = 1200 // octets: fits into any link
)

// control is room for the control messages of one message: a number, and a time.
type control [2*unsafe.Sizeof(unix.Cmsghdr{}) + 8 + unsafe.Sizeof(unix.Timespec{})]byte

// Trains moves datagrams of a connected socket like Batch, those of one length in a row
// together: for a generator that shares its machine with the server. Not for concurrent use.
type Trains struct {
	Batch
	controls []control
	vectors  []unix.Iovec // to send; those of Batch receive
	firsts   []int        // of each message to send: its first datagram
	cuts     [][]byte     // datagrams that were received
	arrivals []int64      // of each of them
	plain    bool         // the kernel cannot do it
}

// NewTrains makes room for n datagrams to send, and for receiving.
func NewTrains(n int) *Trains {
	t := &Trains{Batch: *NewBatch(n, 0), controls: make([]control, n), vectors: make([]unix.Iovec, n), firsts: make([]int, 0, n)}
	const trains = 8
	t.size = 1 << 16
	t.buffers = make([]byte, trains*t.size)
	return t
}

// Prepare makes a socket take trains, and note when they arrive.
func (t *Trains) Prepare(fd int) {
	if unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) != nil || unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 0) != nil {
		t.plain = true
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) // without it nothing is known
}

// Put makes wire the i-th datagram to send. It is not copied.
func (t *Trains) Put(i int, wire []byte) {
	t.vectors[i].Base = unsafe.SliceData(wire)
	t.vectors[i].SetLen(len(wire))
}

// Send sends the first n datagrams, as Batch.Send does.
func (t *Trains) Send(fd, n int) (refused int, err error) {
	t.couple(n)
	for done := 0; done < len(t.firsts); {
		sent, err := t.call(unix.SYS_SENDMMSG, fd, done, len(t.firsts)-done)
		done += sent
		switch {
		case err == nil && sent > 0:
		case err == nil, errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EPERM):
			refused += int(t.messages[done].header.Iovlen)
			done++
		default:
			return refused + n - t.firsts[done], err
		}
	}
	return refused, nil
}

// couple makes messages of the datagrams.
func (t *Trains) couple(n int) {
	t.firsts = t.firsts[:0]
	for first := 0; first < n; {
		length, cars := int(t.vectors[first].Len), 1
		for !t.plain && length <= longestCar && cars < mostCars && first+cars < n && int(t.vectors[first+cars].Len) == length && (cars+1)*length <= longestTrain {
			cars++
		}
		m := len(t.firsts)
		h := &t.messages[m].header
		h.Name, h.Namelen = nil, 0
		h.Iov = &t.vectors[first]
		h.SetIovlen(cars)
		h.Control = nil
		h.SetControllen(0)
		if cars > 1 {
			c := (*unix.Cmsghdr)(unsafe.Pointer(&t.controls[m]))
			c.Level, c.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
			c.SetLen(unix.CmsgLen(2))
			*(*uint16)(unsafe.Add(unsafe.Pointer(c), unix.CmsgLen(0))) = uint16(length)
			h.Control = (*byte)(unsafe.Pointer(c))
			h.SetControllen(unix.CmsgSpace(2))
		}
		t.firsts = append(t.firsts, first)
		first += cars
	}
}

// Receive takes what lies at the socket and returns how many datagrams that were; more says
// that there may be others. It does not wait: with nothing there it returns 0.
func (t *Trains) Receive(fd int) (datagrams int, more bool, err error) {
	t.cuts, t.arrivals = t.cuts[:0], t.arrivals[:0]
	trains := len(t.buffers) / t.size
	for i := range trains {
		v := &t.Batch.vectors[i]
		v.Base = &t.buffers[i*t.size]
		v.SetLen(t.size)
		h := &t.messages[i].header
		h.Name, h.Namelen = nil, 0
		h.Iov = v
		h.SetIovlen(1)
		h.Control = &t.controls[i][0]
		h.SetControllen(len(t.controls[i]))
	}
	n, err := t.call(unix.SYS_RECVMMSG, fd, 0, trains)
	for i := range n {
		train := t.buffers[i*t.size:][:t.messages[i].length]
		car, arrived := t.about(i)
		for len(train) > car && car > 0 {
			t.cuts, t.arrivals = append(t.cuts, train[:car:car]), append(t.arrivals, arrived)
			train = train[car:]
		}
		t.cuts, t.arrivals = append(t.cuts, train), append(t.arrivals, arrived)
	}
	return len(t.cuts), n == trains, err
}

// about is what the kernel says of the i-th message: how long each datagram in it is (0: it is
// one), and when it arrived.
func (t *Trains) about(i int) (car int, arrived int64) {
	for left := t.controls[i][:t.messages[i].header.Controllen]; len(left) >= unix.CmsgLen(0); {
		c := (*unix.Cmsghdr)(unsafe.Pointer(&left[0]))
		if int(c.Len) < unix.CmsgLen(0) {
			break
		}
		switch data := unsafe.Pointer(&left[unix.CmsgLen(0)]); {
		case c.Level == unix.IPPROTO_UDP && c.Type == unix.UDP_GRO:
			car = int(*(*int32)(data))
		case c.Level == unix.SOL_SOCKET && c.Type == unix.SCM_TIMESTAMPNS:
			arrived = (*unix.Timespec)(data).Nano()
		}
		left = left[min(unix.CmsgSpace(int(c.Len)-unix.CmsgLen(0)), len(left)):]
	}
	return car, arrived
}

// Arrived is when the kernel had the i-th datagram, in nanoseconds since 1970; 0: it does not say.
func (t *Trains) Arrived(i int) int64 { return t.arrivals[i] }

// Datagram is the i-th that was received. It stays until the next Receive.
func (t *Trains) Datagram(i int) []byte { return t.cuts[i] }
