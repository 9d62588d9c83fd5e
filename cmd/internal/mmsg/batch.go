// Package mmsg moves UDP datagrams many at a time, with recvmmsg(2) and sendmmsg(2) on
// bare descriptors: what a load generator, and the responder that it is compared with,
// need to be faster than the server that they measure. Linux only.
package mmsg

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Batch is a number of datagrams that one system call moves. The kernel gets pointers
// into it, which are set once. Not for concurrent use.
type Batch struct {
	messages []message
	vectors  []unix.Iovec
	peers    []unix.RawSockaddrInet6 // room for both families
	buffers  []byte
	size     int // of a buffer, in octets
}

// message is struct mmsghdr of recvmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
}

// NewBatch makes a batch of n datagrams. With a size, in octets, it can receive
// datagrams of up to that length; without (0) it is for sending only.
func NewBatch(n, size int) *Batch {
	b := &Batch{
		messages: make([]message, n), vectors: make([]unix.Iovec, n), peers: make([]unix.RawSockaddrInet6, n),
		buffers: make([]byte, n*size), size: size,
	}
	for i := range b.messages {
		b.messages[i].header.Iov = &b.vectors[i]
		b.messages[i].header.SetIovlen(1)
	}
	return b
}

// Len is how many datagrams the batch holds at most.
func (b *Batch) Len() int { return len(b.messages) }

// Receive takes what lies at the socket and returns how many datagrams that were, at
// most Len. It does not wait: with nothing there it returns 0. An error belongs to an
// earlier send (ECONNREFUSED, say) or to the descriptor.
func (b *Batch) Receive(fd int) (int, error) {
	for i := range b.messages {
		b.vectors[i].Base = &b.buffers[i*b.size]
		b.vectors[i].SetLen(b.size)
		h := &b.messages[i].header
		h.Name = (*byte)(unsafe.Pointer(&b.peers[i]))
		h.Namelen = uint32(unsafe.Sizeof(b.peers[i]))
	}
	return b.call(unix.SYS_RECVMMSG, fd, 0, len(b.messages))
}

// Datagram is the i-th that was received. It stays until the next Receive.
func (b *Batch) Datagram(i int) []byte {
	return b.buffers[i*b.size:][:b.messages[i].length:b.size]
}

// Put makes wire the i-th datagram to send on a connected socket. It is not copied.
func (b *Batch) Put(i int, wire []byte) {
	b.vectors[i].Base = unsafe.SliceData(wire)
	b.vectors[i].SetLen(len(wire))
}

// Answer makes wire the i-th datagram to send, to where the j-th of another batch came
// from. Neither is copied.
func (b *Batch) Answer(i int, wire []byte, received *Batch, j int) {
	b.Put(i, wire)
	h := &b.messages[i].header
	h.Name = (*byte)(unsafe.Pointer(&received.peers[j]))
	h.Namelen = received.messages[j].header.Namelen
}

// Send sends the first n datagrams. One that the kernel will not take now, for an ICMP
// message or for want of room, is lost, as the network loses datagrams too; refused
// says how many were. An error is one of the descriptor.
func (b *Batch) Send(fd, n int) (refused int, err error) {
	for done := 0; done < n; {
		sent, err := b.call(unix.SYS_SENDMMSG, fd, done, n-done)
		done += sent
		switch {
		case err == nil && sent > 0:
		case err == nil, errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EPERM):
			done++
			refused++
		default:
			return refused + n - done, err
		}
	}
	return refused, nil
}

// call makes the system call for n messages beginning with the first-th. EAGAIN is no
// error: then nothing was moved.
func (b *Batch) call(number uintptr, fd, first, n int) (int, error) {
	for {
		moved, _, errno := syscall.Syscall6(number, uintptr(fd), uintptr(unsafe.Pointer(&b.messages[first])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(moved), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, errno
		}
	}
}
