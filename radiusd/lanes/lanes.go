// Package lanes computes MD5 of sixteen messages at a time. Each step of MD5 waits for the one
// before, so that a processor that could do many things at once does one; of several messages
// it does all in nearly the same time.
package lanes

/*
#cgo noescape md5_lanes
#cgo nocallback md5_lanes
#include "lanes.h"
*/
import "C"

import (
	"crypto/md5"
	"encoding/binary"
)

const (
	// Lanes is how many messages there are at a time.
	Lanes = C.LANES
	// Longest is how long a message may be, in octets, besides the block before it.
	Longest = stride - 1 - 8

	stride = C.STRIDE
)

// State is a state of MD5 between two blocks, with the octets that it has seen.
type State struct {
	words [4]uint32
	seen  uint64
}

// Start is the state of MD5 before its first block (RFC 1321 section 3.3).
func Start() *State { return &start }

var start = State{words: [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}}

// Batch is up to sixteen messages. The zero value is ready. Not for concurrent use.
type Batch struct {
	state    [4][Lanes]uint32
	messages [Lanes][stride]byte
	blocks   [Lanes]uint32 // of the message; 0: the lane is empty
}

// Clear empties all lanes.
func (b *Batch) Clear() { clear(b.blocks[:]) }

// Drop empties a lane.
func (b *Batch) Drop(lane int) { b.blocks[lane] = 0 }

// Put makes the parts, all together at most Longest octets, the message of a lane, which is
// hashed from a state on.
func (b *Batch) Put(lane int, from *State, parts ...[]byte) {
	message, n := b.messages[lane][:], 0
	for _, p := range parts {
		n += copy(message[n:], p)
	}
	blocks := (n+8)/md5.BlockSize + 1
	end := blocks * md5.BlockSize
	message[n] = 0x80 // RFC 1321 sections 3.1 and 3.2
	clear(message[n+1 : end-8])
	binary.LittleEndian.PutUint64(message[end-8:], (from.seen+uint64(n))*8)
	b.blocks[lane] = uint32(blocks)
	for i, word := range from.words {
		b.state[i][lane] = word
	}
}

// Sum hashes the messages. Each is to be put anew before it is hashed again.
func (b *Batch) Sum() {
	C.md5_lanes((*C.uint32_t)(&b.state[0][0]), (*C.uint8_t)(&b.messages[0][0]), (*C.uint32_t)(&b.blocks[0]))
}

// Digest is that of a lane's message.
func (b *Batch) Digest(lane int) (sum [md5.Size]byte) {
	for i := range b.state {
		binary.LittleEndian.PutUint32(sum[4*i:], b.state[i][lane])
	}
	return sum
}

// Key is the states from which HMAC-MD5 (RFC 2104) goes on, after the two blocks made of its key.
type Key struct{ Inner, Outer State }

// NewKey makes the states of a key.
func NewKey(key []byte) (k Key) {
	if len(key) > md5.BlockSize {
		sum := md5.Sum(key)
		key = sum[:]
	}
	var b Batch
	for lane, pad := range [...]byte{0x36, 0x5c} {
		block := b.messages[lane][:md5.BlockSize]
		copy(block, key)
		for i := range block {
			block[i] ^= pad
		}
		b.blocks[lane] = 1
		for i, word := range start.words {
			b.state[i][lane] = word
		}
	}
	b.Sum()
	for i := range b.state {
		k.Inner.words[i], k.Outer.words[i] = b.state[i][0], b.state[i][1]
	}
	k.Inner.seen, k.Outer.seen = md5.BlockSize, md5.BlockSize
	return k
}
